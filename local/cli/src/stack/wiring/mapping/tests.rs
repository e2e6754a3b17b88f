//! A poller is told what the plan says.

use std::time::Duration;

use super::*;

fn around() -> Surroundings<'static> {
    Surroundings {
        kafka: "127.0.0.1:9092",
        destinations: Path::new("/data/destinations"),
        logs: Path::new("/data/logs/mappings"),
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
        starting_position: template::StartingPosition::TrimHorizon,
        consumer_group: None,
        enabled: true,
        filters: Vec::new(),
        failures: template::FailureHandling::default(),
        pollers: template::Pollers::default(),
        system_log: None,
        access: Vec::new(),
    }
}

fn mapping(mapping: &Mapping, around: Surroundings<'_>) -> MappingConfig {
    super::mapping(mapping, around, Access::default())
}

#[test]
fn a_mapping_keeps_its_id_and_its_group_is_named_after_it() {
    let first = mapping(&msk_mapping(), around());
    assert_eq!(first, mapping(&msk_mapping(), around()));
    assert_eq!(Uuid::parse_str(&first.id).unwrap().get_version_num(), 5);
    assert_eq!(first.group_id, first.id);
    let other = Mapping { logical_id: "Other".to_owned(), ..msk_mapping() };
    assert_ne!(mapping(&other, around()).id, first.id);
    let other = Mapping { topic: "orders".to_owned(), ..msk_mapping() };
    assert_ne!(mapping(&other, around()).id, first.id);
}

#[test]
fn a_named_consumer_group_is_kept() {
    let named = Mapping { consumer_group: Some("mine".to_owned()), ..msk_mapping() };
    assert_eq!(mapping(&named, around()).group_id, "mine");
}

#[test]
fn msk_is_the_stacks_kafka_and_self_managed_is_where_the_template_says() {
    let msk = mapping(&msk_mapping(), around());
    assert_eq!(msk.bootstrap_servers, around().kafka);
    assert_eq!(msk.source, EventSource::Msk { cluster_arn: "arn".to_owned() });
    let servers = vec!["a:1".to_owned(), "b:2".to_owned()];
    let own =
        Mapping { source: Source::SelfManaged { bootstrap_servers: servers }, ..msk_mapping() };
    let own = mapping(&own, around());
    assert_eq!((own.bootstrap_servers.as_str(), own.source), ("a:1,b:2", EventSource::SelfManaged));
}

#[test]
fn pollers_are_told_how_many_they_may_be() {
    let group = Some("g".to_owned());
    let pollers = template::Pollers { least: 2, most: 9, group, limited: true };
    let config = mapping(&Mapping { pollers, ..msk_mapping() }, around());
    assert_eq!(config.pollers, Pollers { least: 2, most: 9, limited: true });
}

#[test]
fn a_mappings_log_is_a_file_of_its_id() {
    let level = Some(template::SystemLogLevel::Info);
    let config = mapping(&Mapping { system_log: level, ..msk_mapping() }, around());
    let log = config.system_log.expect("it was asked for");
    assert_eq!(log.level, SystemLogLevel::Info);
    assert_eq!(log.path, Path::new("/data/logs/mappings").join(format!("{}.log", config.id)));
    let arn = format!("arn:aws:lambda:us-east-1:000000000000:event-source-mapping:{}", config.id);
    assert_eq!(log.mapping_arn, arn);
}

#[test]
fn what_does_not_run_here_is_a_folder_of_its_name() {
    for (destination, expected) in [
        (template::Destination::Topic("dlq".to_owned()), Destination::Topic("dlq".to_owned())),
        (
            template::Destination::Queue("q".to_owned()),
            Destination::Folder {
                service: Service::Sqs,
                folder: "/data/destinations/sqs/q".into(),
            },
        ),
        (
            template::Destination::Bucket("b".to_owned()),
            Destination::Folder { service: Service::S3, folder: "/data/destinations/s3/b".into() },
        ),
    ] {
        let failures = template::FailureHandling {
            retries_max: Some(2),
            bisect: true,
            partial: Some(template::PartialReading::FromLowest),
            destination: Some(destination),
            ..template::FailureHandling::default()
        };
        let found = mapping(&Mapping { failures, ..msk_mapping() }, around()).failures;
        let on_failure = OnFailure {
            function_arn: "arn:aws:lambda:us-east-1:000000000000:function:process_events"
                .to_owned(),
            destination: expected,
        };
        let expected = FailureHandling {
            retries_max: Some(2),
            bisect: true,
            partial: Some(PartialReading::FromLowest),
            on_failure: Some(on_failure),
            ..FailureHandling::default()
        };
        assert_eq!(found, expected);
    }
}
