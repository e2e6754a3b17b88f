//! Each part is told what the plan says.

use std::path::PathBuf;
use std::time::Duration;

use template::Code;

use super::*;

fn addresses() -> Addresses {
    Addresses {
        gateway: "http://127.0.0.1:3000".to_owned(),
        lambda: "http://127.0.0.1:9000".to_owned(),
        kafka: "127.0.0.1:9092".to_owned(),
        cluster_arn: "arn:aws:kafka:us-east-1:000000000000:cluster/local/x-1".to_owned(),
        table: "http://127.0.0.1:8000".to_owned(),
        control: "http://127.0.0.1:1".to_owned(),
    }
}

fn function(reserved_concurrency: Option<u32>) -> Function {
    Function {
        logical_id: "F".to_owned(),
        name: "f".to_owned(),
        code: Code::Prebuilt { path: PathBuf::from("/f") },
        handler: "bootstrap".to_owned(),
        timeout: Duration::from_secs(7),
        memory_mb: 256,
        environment: BTreeMap::from([("A".to_owned(), "1".to_owned())]),
        reserved_concurrency,
        environment_concurrency: 4,
        logging: template::Logging::default(),
        events: EventInvoke::default(),
        alias: None,
    }
}

#[test]
fn environments_are_bounded_by_the_flag_and_by_reserved_concurrency() {
    let program =
        Program { executable: PathBuf::from("/f/bootstrap"), directory: PathBuf::from("/f") };
    let environments = |reserved| host_function(&function(reserved), &program, 10).environments_max;
    assert_eq!(environments(None), 10);
    assert_eq!(environments(Some(3)), 3);
    assert_eq!(environments(Some(100)), 10);
    assert_eq!(environments(Some(0)), 0);
}

#[test]
fn functions_are_told_where_the_local_aws_is() {
    let shared = shared_environment(&addresses());
    assert_eq!(shared["AWS_ENDPOINT_URL_DYNAMODB"], "http://127.0.0.1:8000");
    assert_eq!(shared["KAFKA_BOOTSTRAP_SERVERS"], "127.0.0.1:9092");
    let local = local_settings(&addresses());
    assert_eq!(local["kafka.bootstrap"], "127.0.0.1:9092");
    assert!(local["kafka.arn"].starts_with("arn:aws:kafka:us-east-1:000000000000:"));
}
