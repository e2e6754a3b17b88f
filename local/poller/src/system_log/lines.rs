//! The lines of a mapping's log, as AWS writes them.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::config::{EventSource, MappingConfig, SystemLogLevel};

/// What does not change about a mapping's lines.
#[derive(Debug)]
pub(super) struct About {
    mapping: String,
    mapping_arn: String,
    cluster_arn: Option<String>,
    bootstrap_servers: String,
    topic: String,
    group: String,
    security_protocol: String,
    mechanism: Option<String>,
}

/// A line's kind, and what it says beside what all of them say.
pub(super) struct Line {
    event_type: &'static str,
    key: &'static str,
    value: Value,
}

/// What the group gave a poller.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Assignment<'a> {
    /// How many times it was given something.
    pub(crate) generation: u64,
    pub(crate) partitions: &'a [i32],
    /// How many partitions the topic has.
    pub(crate) of: usize,
}

/// How far a partition is. The end and what is committed are the offsets after, as in Kafka; what is
/// consumed and processed are those of the last records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Offsets {
    pub(crate) end: i64,
    pub(crate) consumed: i64,
    pub(crate) processed: i64,
    pub(crate) committed: i64,
}

impl About {
    pub(super) fn new(config: &MappingConfig, mapping_arn: String) -> Self {
        let cluster_arn = match &config.source {
            EventSource::Msk { cluster_arn } => Some(cluster_arn.clone()),
            EventSource::SelfManaged => None,
        };
        let client = config.access.client(&config.bootstrap_servers);
        let protocol = client.get("security.protocol").unwrap_or("plaintext");
        Self {
            mapping: config.id.clone(),
            mapping_arn,
            cluster_arn,
            bootstrap_servers: config.bootstrap_servers.clone(),
            topic: config.topic.clone(),
            group: config.group_id.clone(),
            security_protocol: protocol.to_uppercase(),
            mechanism: client.get("sasl.mechanisms").map(str::to_owned),
        }
    }

    pub(super) fn error(code: &str, message: &str) -> Line {
        let value = json!({"errorMessage": message, "errorCode": code});
        Line { event_type: "ESM_PROCESSING_EVENT", key: "error", value }
    }

    pub(super) fn connection(&self, number: u32, assignment: &Assignment<'_>) -> Line {
        let Assignment { generation, partitions, of } = *assignment;
        let names = partitions.iter().map(|partition| self.partition(*partition));
        let names: Vec<String> = names.collect();
        let mut value = json!({
            "brokerEndpoints": self.bootstrap_servers,
            "consumerId": format!("{}-{number}", self.mapping),
            "topics": [self.topic],
            "consumerGroupId": self.group,
            "securityProtocol": self.security_protocol,
            "totalPartitionCount": of,
            "assignedPartitionCount": names.len(),
            "partitionsAssignmentGeneration": generation,
            "assignedPartitions": names,
        });
        if let Some(mechanism) = &self.mechanism {
            value["saslMechanism"] = json!(mechanism);
        }
        Line { event_type: "POLLER_STATUS_EVENT", key: "kafkaEventSourceConnection", value }
    }

    pub(super) fn offsets(&self, partition: i32, offsets: Offsets) -> Line {
        let value = json!({
            "partition": self.partition(partition),
            "endOffset": offsets.end,
            "consumedOffset": offsets.consumed,
            "processedOffset": offsets.processed,
            "committedOffset": offsets.committed,
        });
        Line { event_type: "KAFKA_STATUS_EVENT", key: "kafkaPartitionOffsets", value }
    }

    /// The line of the poller of this number, with its end.
    pub(super) fn text(&self, number: u32, level: SystemLogLevel, line: Line) -> String {
        let mut text = json!({
            "eventType": line.event_type,
            "timestamp": Timestamp::now().as_millisecond(),
            "resourceArn": self.mapping_arn,
            "eventProcessorId": format!("{}/{number}", self.mapping),
            "logLevel": level.name(),
        });
        if let Some(arn) = &self.cluster_arn {
            text["eventSourceArn"] = json!(arn);
        }
        text[line.key] = line.value;
        format!("{text}\n")
    }

    fn partition(&self, number: i32) -> String {
        format!("{}-{number}", self.topic)
    }
}
