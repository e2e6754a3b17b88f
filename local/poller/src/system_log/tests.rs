//! The lines whole, as a reader of the file finds them.

use std::io::Read as _;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;
use crate::config::{EventSource, FailureHandling, Pollers, StartingPosition, SystemLogConfig};

fn config(folder: &TempDir, level: SystemLogLevel) -> MappingConfig {
    let path = folder.path().join("logs/m.log");
    let mapping_arn = "arn:aws:lambda:us-east-1:0:event-source-mapping:m".to_owned();
    MappingConfig {
        id: "m".to_owned(),
        function: "f".to_owned(),
        topic: "t".to_owned(),
        bootstrap_servers: "k:9092".to_owned(),
        source: EventSource::Msk { cluster_arn: "arn:cluster".to_owned() },
        batch_size: 1,
        window: None,
        starting_position: StartingPosition::Latest,
        group_id: "g".to_owned(),
        enabled: true,
        filters: Vec::new(),
        failures: FailureHandling::default(),
        pollers: Pollers::default(),
        system_log: Some(SystemLogConfig { level, path, mapping_arn }),
        access: crate::Access::default(),
        client_settings: std::collections::BTreeMap::new(),
    }
}

/// Writes a line of each kind and reads what is in the file then, without times.
fn written(level: SystemLogLevel) -> Vec<Value> {
    let folder = TempDir::new().unwrap();
    let config = config(&folder, level);
    let (lines, written) = sync_channel(LINES_MAX);
    let about = About::new(&config, "arn:mapping".to_owned());
    let log = SystemLog(Some(Arc::new(Open { level, about, lines })));
    let poller = log.of_poller(2);
    poller.warn("FunctionError", "it failed");
    poller.assigned(&Assignment { generation: 5, partitions: &[0, 1], of: 3 });
    poller.offsets(1, Offsets { end: 5_004, consumed: 5_003, processed: 5_003, committed: 5_004 });
    drop((poller, log));
    let path = folder.path().join("file");
    let file = File::options().create(true).append(true).open(&path).unwrap();
    write_all(file, &path, &written);
    let mut text = String::new();
    File::open(&path).unwrap().read_to_string(&mut text).unwrap();
    let parse = |line: &str| {
        let mut value: Value = serde_json::from_str(line).unwrap();
        let fields = value.as_object_mut().unwrap();
        assert!(fields.remove("timestamp").unwrap().is_i64());
        assert_eq!(fields.remove("resourceArn").unwrap(), "arn:mapping");
        assert_eq!(fields.remove("eventSourceArn").unwrap(), "arn:cluster");
        assert_eq!(fields.remove("eventProcessorId").unwrap(), "m/2");
        value
    };
    text.lines().map(parse).collect()
}

#[test]
fn lines_are_what_aws_shows() {
    let expected = [
        json!({
            "eventType": "ESM_PROCESSING_EVENT",
            "logLevel": "WARN",
            "error": {"errorMessage": "it failed", "errorCode": "FunctionError"},
        }),
        json!({
            "eventType": "POLLER_STATUS_EVENT",
            "logLevel": "INFO",
            "kafkaEventSourceConnection": {
                "brokerEndpoints": "k:9092",
                "consumerId": "m-2",
                "topics": ["t"],
                "consumerGroupId": "g",
                "securityProtocol": "PLAINTEXT",
                "totalPartitionCount": 3,
                "assignedPartitionCount": 2,
                "partitionsAssignmentGeneration": 5,
                "assignedPartitions": ["t-0", "t-1"],
            },
        }),
        json!({
            "eventType": "KAFKA_STATUS_EVENT",
            "logLevel": "DEBUG",
            "kafkaPartitionOffsets": {
                "partition": "t-1",
                "endOffset": 5_004,
                "consumedOffset": 5_003,
                "processedOffset": 5_003,
                "committedOffset": 5_004,
            },
        }),
    ];
    assert_eq!(written(SystemLogLevel::Debug), expected);
    assert_eq!(written(SystemLogLevel::Info), expected[..2]);
    assert_eq!(written(SystemLogLevel::Warn), expected[..1]);
}

#[test]
fn the_folder_is_made_and_a_mapping_without_a_log_has_none() {
    let folder = TempDir::new().unwrap();
    let config = config(&folder, SystemLogLevel::Info);
    assert!(SystemLog::open(&config).unwrap().of_poller(0).has(SystemLogLevel::Info));
    assert!(folder.path().join("logs/m.log").is_file());
    let none = MappingConfig { system_log: None, ..config };
    assert!(!SystemLog::open(&none).unwrap().of_poller(0).has(SystemLogLevel::Warn));
}
