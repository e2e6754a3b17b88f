//! What a mapping is told: where to read, what to invoke and how to cut batches.
//!
//! Values arrive validated; the ranges are those of the template reader.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use crate::access::Access;

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
    /// `FilterCriteria.Filters[].Pattern`: which records the function gets to see.
    pub filters: Vec<String>,
    /// What becomes of records that fail.
    pub failures: FailureHandling,
    /// How many pollers there may be.
    pub pollers: Pollers,
    /// `LoggingConfig`: what the pollers write about themselves, if anything.
    pub system_log: Option<SystemLogConfig>,
    /// How the brokers are got at.
    pub access: Access,
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

/// `ProvisionedPollerConfig`: how many members of the group read for the mapping.
///
/// Source: <https://docs.aws.amazon.com/lambda/latest/dg/kafka-scaling-modes.html>
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pollers {
    /// `MinimumPollers`, from 1.
    pub least: u32,
    /// `MaximumPollers`; there are never more than partitions.
    pub most: u32,
    /// Whether each keeps to AWS's limits: 5 invocations at a time, and 5 MB a second.
    pub limited: bool,
}

impl Default for Pollers {
    /// One, without limits.
    fn default() -> Self {
        Self { least: 1, most: 1, limited: false }
    }
}

/// `LoggingConfig`, and where the lines go in place of the function's log group.
///
/// Source: <https://docs.aws.amazon.com/lambda/latest/dg/esm-logging.html>
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SystemLogConfig {
    /// `SystemLogLevel`.
    pub level: SystemLogLevel,
    /// The file; it is made with its folder, and bounded.
    pub path: PathBuf,
    /// The mapping's ARN, which the lines carry.
    pub mapping_arn: String,
}

/// How much is written; each level has the ones before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SystemLogLevel {
    /// What went wrong.
    Warn,
    /// Which partitions a poller reads.
    Info,
    /// How far each partition is, once a minute.
    Debug,
}

impl SystemLogLevel {
    /// As AWS spells it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Warn => "WARN",
            Self::Info => "INFO",
            Self::Debug => "DEBUG",
        }
    }
}

/// What becomes of records that fail: AWS's settings, and ours where AWS does not say.
///
/// Source: <https://docs.aws.amazon.com/lambda/latest/dg/kafka-retry-configurations.html>
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FailureHandling {
    /// `MaximumRetryAttempts`: how often records are tried again; `None` without end, or 10 times
    /// where there is a destination.
    pub retries_max: Option<u32>,
    /// `MaximumRecordAgeInSeconds`: older records are not sent (again).
    pub record_age_max: Option<Duration>,
    /// `BisectBatchOnFunctionError`.
    pub bisect: bool,
    /// Whether an attempt after which a batch is split counts as one of `retries_max`. AWS does not
    /// say for Kafka; for Kinesis it does not.
    pub bisect_counts: bool,
    /// `ReportBatchItemFailures`: whether and how answers that name failed records are read.
    pub partial: Option<PartialReading>,
    /// Where records go that are given up.
    pub on_failure: Option<OnFailure>,
    /// How long to wait before the next try; AWS documents nothing.
    pub retry_delay: RetryDelay,
}

/// Which records an answer with `batchItemFailures` asks to have tried again. AWS's documentation
/// can be read both ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PartialReading {
    /// Those that it names: the documentation's words.
    EachRecord,
    /// Those from the lowest one that it names on, for each partition: as for Kinesis.
    FromLowest,
}

/// The delay before records that failed are tried again: doubled with each try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryDelay {
    /// After the first failure.
    pub first: Duration,
    /// At most.
    pub longest: Duration,
}

impl Default for RetryDelay {
    /// A second to a minute, which keeps a repaired function from waiting.
    fn default() -> Self {
        Self { first: Duration::from_secs(1), longest: Duration::from_mins(1) }
    }
}

/// An on-failure destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OnFailure {
    /// The ARN of the function, which the documents carry.
    pub function_arn: String,
    /// Where they go.
    pub destination: Destination,
}

/// Where documents about records that were given up go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    /// `kafka://topic`: a topic of the same cluster, a message for each record.
    Topic(String),
    /// A folder, in place of a service that does not run here: a file for each document.
    Folder {
        /// The service that the document is written for.
        service: Service,
        /// Where it is kept; made when it is needed.
        folder: PathBuf,
    },
}

/// AWS's services that can be an on-failure destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// A queue: where the records are, not what is in them.
    Sqs,
    /// A topic: as a queue.
    Sns,
    /// A bucket: with the event.
    S3,
}
