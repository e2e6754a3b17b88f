//! How a broker is set up. Every limit has Kafka's default unless it says otherwise.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

/// What a broker needs to start.
#[derive(Clone, Debug)]
pub struct BrokerConfig {
    /// Where logs, offsets and the cluster's id are kept; made where it does not exist.
    pub data_dir: PathBuf,
    /// Topics to make on start. One that exists keeps its records: it gets the configs named here
    /// and more partitions where it has fewer, never less of either.
    pub topics: Vec<TopicConfig>,
    /// The host and port that clients are told to connect to; the listener's own where `None`.
    pub advertised: Option<(String, u16)>,
    /// Whether asking for the metadata of an unknown topic makes it (`auto.create.topics.enable`).
    pub auto_create_topics: bool,
    /// `num.partitions`: of topics made without a count.
    pub default_partitions: i32,
    /// Acknowledge a record only when it is on the medium, which survives a power cut; otherwise
    /// when the kernel has it, which survives everything else (`kill -9` among it). Records that
    /// arrive together are synced together.
    pub fsync: bool,
    /// Whether members of groups are still members after a restart, as Kafka has it: they go on
    /// without a rebalance, and those that have ended meanwhile are waited for. A program whose own
    /// consumers ended with it need not wait for them.
    pub members_outlive_restarts: bool,
    /// Limits.
    pub limits: Limits,
}

impl BrokerConfig {
    /// A broker without topics that keeps its data in `data_dir`.
    pub fn new(data_dir: impl Into<PathBuf>) -> Self {
        Self {
            data_dir: data_dir.into(),
            topics: Vec::new(),
            advertised: None,
            auto_create_topics: true,
            default_partitions: 1,
            fsync: false,
            members_outlive_restarts: true,
            limits: Limits::default(),
        }
    }
}

/// A topic to make on start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicConfig {
    /// Its name.
    pub name: String,
    /// How many partitions it has.
    pub partitions: i32,
    /// Topic configs by Kafka's names (`retention.ms`).
    pub configs: BTreeMap<String, String>,
}

/// What clients may make the broker hold or wait for.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Limits {
    /// Connections at once; one more is closed as soon as it is accepted.
    pub connections_max: usize,
    /// `socket.request.max.bytes`: a request.
    pub request_bytes_max: usize,
    /// `queued.max.request.bytes`: all requests over 64 KiB in memory together; a further one is
    /// read only when there is room. Kafka has no default; here 256 MiB.
    pub requests_bytes_max: usize,
    /// `fetch.max.bytes`: records in one Fetch answer (beyond the first batch).
    pub fetch_bytes_max: usize,
    /// Records in all Fetch answers in memory together, which clients may be slow to take in; when
    /// little is left, answers carry less, though each at least a batch. Kafka sends from its files
    /// and needs none; here 256 MiB.
    pub fetches_bytes_max: usize,
    /// `connections.max.idle.ms`: between two requests.
    pub idle_max: Duration,
    /// From the first byte of a request to its last, and for taking in an answer. Kafka has no
    /// such limit; here a minute.
    pub transfer_max: Duration,
    /// `group.min.session.timeout.ms`.
    pub group_session_timeout_min: Duration,
    /// `group.max.session.timeout.ms`.
    pub group_session_timeout_max: Duration,
    /// `group.initial.rebalance.delay.ms`. Kafka's code says 3 s, the configuration it ships with
    /// says 0 as better for development; so does this one.
    pub group_initial_rebalance_delay: Duration,
    /// `group.max.size`. Kafka has none; here 1,000.
    pub group_members_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections_max: 2_000,
            request_bytes_max: 100 * 1024 * 1024,
            requests_bytes_max: 256 * 1024 * 1024,
            fetch_bytes_max: 55 * 1024 * 1024,
            fetches_bytes_max: 256 * 1024 * 1024,
            idle_max: Duration::from_mins(10),
            transfer_max: Duration::from_mins(1),
            group_session_timeout_min: Duration::from_secs(6),
            group_session_timeout_max: Duration::from_mins(30),
            group_initial_rebalance_delay: Duration::ZERO,
            group_members_max: 1_000,
        }
    }
}
