//! Event source mappings in a plan.

use std::time::Duration;

/// An event source mapping from a Kafka topic to a function.
#[derive(Clone, Debug, PartialEq)]
pub struct Mapping {
    /// The logical id CloudFormation would give it: `<Function><Event>`.
    pub logical_id: String,
    /// The name of the function.
    pub function: String,
    /// The topic.
    pub topic: String,
    /// The kind of cluster, which decides the event's shape.
    pub source: Source,
    /// `BatchSize`; 100 unless given.
    pub batch_size: u32,
    /// `MaximumBatchingWindowInSeconds`; `None` means AWS's 500 ms.
    pub window: Option<Duration>,
    /// Where a group without committed offsets starts.
    pub starting_position: StartingPosition,
    /// `ConsumerGroupId`, where given.
    pub consumer_group: Option<String>,
    /// `Enabled`.
    pub enabled: bool,
    /// `FilterCriteria.Filters[].Pattern`, each a JSON text that is a pattern.
    pub filters: Vec<String>,
    /// What becomes of records that fail.
    pub failures: FailureHandling,
}

/// The kind of cluster a mapping reads from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// MSK, with the cluster's ARN.
    Msk {
        /// The ARN of `Stream`.
        cluster_arn: String,
    },
    /// Self-managed Kafka.
    SelfManaged {
        /// `KafkaBootstrapServers`.
        bootstrap_servers: Vec<String>,
    },
}

/// Where a consumer group without committed offsets starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartingPosition {
    /// The earliest record kept.
    TrimHorizon,
    /// Records that arrive from now on.
    Latest,
    /// The first record at or after this time, epoch milliseconds.
    AtTimestamp {
        /// Epoch milliseconds.
        timestamp_ms: i64,
    },
}

/// What becomes of records that fail.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FailureHandling {
    /// `MaximumRetryAttempts`; `None` is -1.
    pub retries_max: Option<u32>,
    /// `MaximumRecordAgeInSeconds`; `None` is -1.
    pub record_age_max: Option<Duration>,
    /// `BisectBatchOnFunctionError`.
    pub bisect: bool,
    /// Whether splitting a batch uses up a retry: `Metadata: Millrace: Mappings:`.
    pub bisect_counts: bool,
    /// `FunctionResponseTypes: [ReportBatchItemFailures]`, and how such an answer is read.
    pub partial: Option<PartialReading>,
    /// `DestinationConfig.OnFailure.Destination`.
    pub destination: Option<Destination>,
    /// How long to wait before the next try, where `Metadata: Millrace: Mappings:` says it.
    pub retry_delay: Option<RetryDelay>,
}

/// Which records an answer with `batchItemFailures` asks to have tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PartialReading {
    /// Those that it names.
    EachRecord,
    /// Those from the lowest one that it names on.
    FromLowest,
}

/// The delay before the next try: doubled with each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryDelay {
    /// After the first failure.
    pub first: Duration,
    /// At most.
    pub longest: Duration,
}

/// An on-failure destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    /// `kafka://topic`
    Topic(String),
    /// The name of an SQS queue.
    Queue(String),
    /// The name of an SNS topic.
    Notification(String),
    /// The name of an S3 bucket.
    Bucket(String),
}
