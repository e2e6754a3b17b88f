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
        environments_max: None,
        logging: template::Logging::default(),
        events: EventInvoke::default(),
        alias: None,
    }
}

#[test]
fn environments_are_bounded_by_template_flag_processors_and_reserved_concurrency() {
    let program =
        Program { executable: PathBuf::from("/f/bootstrap"), directory: PathBuf::from("/f") };
    let most = |function: &Function, chosen| {
        host_function(function, &program, Environments::new(chosen, 2)).environments_max
    };
    let alone = |reserved| Function { environment_concurrency: 1, ..function(reserved) };
    assert_eq!(most(&alone(None), None), 10);
    assert_eq!(most(&alone(None), Some(20)), 20);
    assert_eq!(most(&alone(Some(3)), None), 3);
    assert_eq!(most(&alone(Some(100)), None), 10);
    assert_eq!(most(&alone(Some(0)), None), 0);
    let shared = |environments_max| Function { environments_max, ..function(None) };
    assert_eq!(most(&shared(None), None), 2, "one for each processor");
    assert_eq!(most(&shared(None), Some(20)), 20);
    assert_eq!(most(&shared(Some(400)), None), 2, "what AWS may start is too much here");
    assert_eq!(most(&shared(Some(5)), Some(20)), 5);
    assert_eq!(most(&Function { environments_max: Some(5), ..alone(None) }, None), 5);
    assert_eq!(most(&Function { environments_max: Some(5), ..function(Some(3)) }, Some(20)), 3);
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
