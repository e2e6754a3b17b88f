//! Event source mappings in a plan.

use std::time::Duration;

use super::SystemLogLevel;

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
    /// Who reads for it.
    pub pollers: Pollers,
    /// `LoggingConfig.SystemLogLevel`.
    pub system_log: Option<SystemLogLevel>,
    /// `SourceAccessConfigurations`, without those that say where pollers stand.
    pub access: Vec<SourceAccess>,
}

/// One of the things with which a mapping gets at its cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceAccess {
    /// `Type`.
    pub kind: AccessKind,
    /// `URI`: the ARN or the name of a secret; `None` where the template does not say it here.
    pub secret: Option<String>,
    /// The line in the template.
    pub line: usize,
}

/// What a secret is for: <https://docs.aws.amazon.com/lambda/latest/dg/kafka-cluster-auth.html>.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccessKind {
    /// `BASIC_AUTH`: SASL/PLAIN.
    Basic,
    /// `SASL_SCRAM_256_AUTH`.
    Scram256,
    /// `SASL_SCRAM_512_AUTH`.
    Scram512,
    /// `CLIENT_CERTIFICATE_TLS_AUTH`.
    ClientCertificate,
    /// `SERVER_ROOT_CA_CERTIFICATE`: who vouches for the brokers.
    RootCertificate,
    /// `IAM_AUTH`, which needs no secret.
    Iam,
}

impl AccessKind {
    /// All of them, as AWS spells them.
    pub const ALL: [(&str, Self); 6] = [
        ("BASIC_AUTH", Self::Basic),
        ("SASL_SCRAM_256_AUTH", Self::Scram256),
        ("SASL_SCRAM_512_AUTH", Self::Scram512),
        ("CLIENT_CERTIFICATE_TLS_AUTH", Self::ClientCertificate),
        ("SERVER_ROOT_CA_CERTIFICATE", Self::RootCertificate),
        ("IAM_AUTH", Self::Iam),
    ];

    /// The one that AWS spells so.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find_map(|(known, kind)| (known == name).then_some(kind))
    }

    /// As AWS spells it.
    pub fn name(self) -> &'static str {
        let name = Self::ALL.into_iter().find_map(|(name, kind)| (kind == self).then_some(name));
        name.expect("all of them are listed")
    }
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

/// `ProvisionedPollerConfig`; on demand one poller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pollers {
    /// `MinimumPollers`; 1 unless given.
    pub least: u32,
    /// `MaximumPollers`; 200 unless given.
    pub most: u32,
    /// `PollerGroupName`: whose pollers are paid for together.
    pub group: Option<String>,
    /// Whether each keeps to AWS's limits: `Metadata: Millrace: Mappings:`.
    pub limited: bool,
}

impl Default for Pollers {
    /// One, without limits.
    fn default() -> Self {
        Self { least: 1, most: 1, group: None, limited: false }
    }
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
