//! Each part is told what the plan says.

use std::path::PathBuf;
use std::time::Duration;

use template::{Code, StartingPosition};

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

fn msk_mapping() -> Mapping {
    Mapping {
        logical_id: "ProcessEventsEvents".to_owned(),
        function: "process_events".to_owned(),
        topic: "events".to_owned(),
        source: Source::Msk { cluster_arn: "arn".to_owned() },
        batch_size: 100,
        window: Some(Duration::from_secs(1)),
        starting_position: StartingPosition::TrimHorizon,
        consumer_group: None,
        enabled: true,
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
    }
}

#[test]
fn a_mapping_keeps_its_id_and_its_group_is_named_after_it() {
    let first = mapping(&msk_mapping(), "127.0.0.1:9092");
    assert_eq!(first, mapping(&msk_mapping(), "127.0.0.1:9092"));
    assert_eq!(Uuid::parse_str(&first.id).unwrap().get_version_num(), 5);
    assert_eq!(first.group_id, first.id);
    let other = Mapping { logical_id: "Other".to_owned(), ..msk_mapping() };
    assert_ne!(mapping(&other, "127.0.0.1:9092").id, first.id);
    let other = Mapping { topic: "orders".to_owned(), ..msk_mapping() };
    assert_ne!(mapping(&other, "127.0.0.1:9092").id, first.id);
}

#[test]
fn a_named_consumer_group_is_kept() {
    let named = Mapping { consumer_group: Some("mine".to_owned()), ..msk_mapping() };
    assert_eq!(mapping(&named, "127.0.0.1:9092").group_id, "mine");
}

#[test]
fn msk_is_the_stacks_kafka_and_self_managed_is_where_the_template_says() {
    let msk = mapping(&msk_mapping(), "127.0.0.1:9092");
    assert_eq!(msk.bootstrap_servers, "127.0.0.1:9092");
    assert_eq!(msk.source, EventSource::Msk { cluster_arn: "arn".to_owned() });
    let servers = vec!["a:1".to_owned(), "b:2".to_owned()];
    let own =
        Mapping { source: Source::SelfManaged { bootstrap_servers: servers }, ..msk_mapping() };
    let own = mapping(&own, "127.0.0.1:9092");
    assert_eq!((own.bootstrap_servers.as_str(), own.source), ("a:1,b:2", EventSource::SelfManaged));
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
