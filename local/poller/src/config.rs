//! What a mapping is told: where to read, what to invoke and how to cut batches.
//!
//! Values arrive validated; the ranges are those of the template reader.

use std::collections::BTreeMap;
use std::time::Duration;

/// The configuration of one event source mapping.
///
/// The settings are those of `CreateEventSourceMapping`:
/// <https://docs.aws.amazon.com/lambda/latest/api/API_CreateEventSourceMapping.html>
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MappingConfig {
    /// The mapping's UUID; it names the mapping in logs.
    pub id: String,
    /// The name of the function to invoke.
    pub function: String,
    /// The topic to read.
    pub topic: String,
    /// The Kafka brokers, `host:port` joined by commas; also the event's `bootstrapServers`.
    pub bootstrap_servers: String,
    /// The kind of cluster, which decides the event's shape.
    pub source: EventSource,
    /// `BatchSize`: the most records of one invocation, 1 to 10,000.
    pub batch_size: u32,
    /// `MaximumBatchingWindowInSeconds`; `None` means AWS's 500 ms.
    pub window: Option<Duration>,
    /// Where a consumer group without committed offsets starts.
    pub starting_position: StartingPosition,
    /// The consumer group: `ConsumerGroupId`, or the mapping's UUID.
    pub group_id: String,
    /// `Enabled`: whether the mapping reads at all until it is resumed.
    pub enabled: bool,
    /// Further settings of the Kafka client, by librdkafka's names; they win over the mapping's
    /// own. Usually none.
    pub client_settings: BTreeMap<String, String>,
}

/// The kind of cluster a mapping reads from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventSource {
    /// MSK: `eventSource` is `aws:kafka`, and the event carries the cluster's ARN.
    Msk {
        /// The cluster's ARN.
        cluster_arn: String,
    },
    /// Self-managed Kafka: `eventSource` is `SelfManagedKafka`, without an ARN.
    SelfManaged,
}

/// Where a consumer group without committed offsets starts.
///
/// A group with committed offsets goes on from them, whatever this says:
/// <https://docs.aws.amazon.com/lambda/latest/dg/kafka-consumer-group-id.html>
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartingPosition {
    /// The earliest record kept.
    TrimHorizon,
    /// Records that arrive from the start of the mapping on.
    Latest,
    /// The first record at or after this time; the end where there is none.
    AtTimestamp {
        /// Epoch milliseconds.
        timestamp_ms: i64,
    },
}
