//! Kafka's topic configs: their names, defaults and types. What they mean here is not known here.
//!
//! Source: <https://kafka.apache.org/39/documentation/#topicconfigs>

use std::fmt;

use Accepts::{Anything, AtLeast, OneOf, Share};

/// `max.message.bytes`: Kafka's default, 1 MiB of records and a batch header.
const MESSAGE_BYTES_DEFAULT: &str = "1048588";

/// Never, or no limit, where Kafka has a number.
const LONG_MAX: &str = "9223372036854775807";

const BOOLEAN: Accepts = OneOf(&["true", "false"]);

/// How Kafka's admin protocol names a config's type (`ConfigDef.Type`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ConfigKind {
    Int,
    Long,
    Text,
    List,
    Boolean,
    Double,
}

impl ConfigKind {
    /// The code in a `DescribeConfigs` answer.
    pub(crate) fn code(self) -> i8 {
        match self {
            Self::Boolean => 1,
            Self::Text => 2,
            Self::Int => 3,
            Self::Long => 5,
            Self::Double => 6,
            Self::List => 7,
        }
    }
}

/// As Kafka's messages have it.
impl fmt::Display for ConfigKind {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(match self {
            Self::Boolean => "BOOLEAN",
            Self::Text => "STRING",
            Self::Int => "INT",
            Self::Long => "LONG",
            Self::Double => "DOUBLE",
            Self::List => "LIST",
        })
    }
}

/// What values a config takes here.
#[derive(Clone, Copy, Debug)]
pub(super) enum Accepts {
    /// A whole number of at least this.
    AtLeast(i64),
    /// A number from 0 to 1.
    Share,
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// Anything.
    Anything,
}

/// One of Kafka's topic configs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KnownConfig {
    pub(crate) name: &'static str,
    /// The broker's config that the default comes from; some defaults are nobody's.
    pub(crate) broker_name: Option<&'static str>,
    pub(crate) default: &'static str,
    pub(crate) kind: ConfigKind,
    pub(super) accepts: Accepts,
}

const fn known(
    name: &'static str,
    broker_name: Option<&'static str>,
    default: &'static str,
    kind: ConfigKind,
    accepts: Accepts,
) -> KnownConfig {
    KnownConfig { name, broker_name, default, kind, accepts }
}

/// Every config a topic may have, in the order of Kafka 3.9's answers, which tools print as it is.
/// Those that nothing here reads are kept and shown, so that a template written for a cluster works,
/// and have no effect: there is one node and no compaction.
pub(crate) const KNOWN: &[KnownConfig] = &[
    known(
        "compression.type",
        Some("compression.type"),
        "producer",
        ConfigKind::Text,
        OneOf(&["producer"]),
    ),
    known("remote.log.delete.on.disable", None, "false", ConfigKind::Boolean, OneOf(&["false"])),
    known("leader.replication.throttled.replicas", None, "", ConfigKind::List, Anything),
    known("remote.storage.enable", None, "false", ConfigKind::Boolean, OneOf(&["false"])),
    known(
        "message.downconversion.enable",
        Some("log.message.downconversion.enable"),
        "true",
        ConfigKind::Boolean,
        BOOLEAN,
    ),
    known("min.insync.replicas", Some("min.insync.replicas"), "1", ConfigKind::Int, AtLeast(1)),
    known("segment.jitter.ms", None, "0", ConfigKind::Long, AtLeast(0)),
    known("remote.log.copy.disable", None, "false", ConfigKind::Boolean, OneOf(&["false"])),
    known(
        "local.retention.ms",
        Some("log.local.retention.ms"),
        "-2",
        ConfigKind::Long,
        AtLeast(-2),
    ),
    known(
        "cleanup.policy",
        Some("log.cleanup.policy"),
        "delete",
        ConfigKind::List,
        OneOf(&["delete"]),
    ),
    known("flush.ms", None, LONG_MAX, ConfigKind::Long, AtLeast(0)),
    known("follower.replication.throttled.replicas", None, "", ConfigKind::List, Anything),
    known("compression.lz4.level", Some("compression.lz4.level"), "9", ConfigKind::Int, Anything),
    known("segment.bytes", Some("log.segment.bytes"), "1073741824", ConfigKind::Int, AtLeast(14)),
    known("retention.ms", None, "604800000", ConfigKind::Long, AtLeast(-1)),
    known(
        "compression.gzip.level",
        Some("compression.gzip.level"),
        "-1",
        ConfigKind::Int,
        Anything,
    ),
    known(
        "flush.messages",
        Some("log.flush.interval.messages"),
        LONG_MAX,
        ConfigKind::Long,
        AtLeast(1),
    ),
    known("compression.zstd.level", Some("compression.zstd.level"), "3", ConfigKind::Int, Anything),
    known(
        "message.format.version",
        Some("log.message.format.version"),
        "3.0-IV1",
        ConfigKind::Text,
        Anything,
    ),
    known(
        "max.compaction.lag.ms",
        Some("log.cleaner.max.compaction.lag.ms"),
        LONG_MAX,
        ConfigKind::Long,
        AtLeast(1),
    ),
    known(
        "file.delete.delay.ms",
        Some("log.segment.delete.delay.ms"),
        "60000",
        ConfigKind::Long,
        AtLeast(0),
    ),
    known(
        "max.message.bytes",
        Some("message.max.bytes"),
        MESSAGE_BYTES_DEFAULT,
        ConfigKind::Int,
        AtLeast(0),
    ),
    known(
        "min.compaction.lag.ms",
        Some("log.cleaner.min.compaction.lag.ms"),
        "0",
        ConfigKind::Long,
        AtLeast(0),
    ),
    known(
        "message.timestamp.type",
        Some("log.message.timestamp.type"),
        "CreateTime",
        ConfigKind::Text,
        OneOf(&["CreateTime", "LogAppendTime"]),
    ),
    known(
        "local.retention.bytes",
        Some("log.local.retention.bytes"),
        "-2",
        ConfigKind::Long,
        AtLeast(-2),
    ),
    known("preallocate", Some("log.preallocate"), "false", ConfigKind::Boolean, BOOLEAN),
    known(
        "min.cleanable.dirty.ratio",
        Some("log.cleaner.min.cleanable.ratio"),
        "0.5",
        ConfigKind::Double,
        Share,
    ),
    known(
        "index.interval.bytes",
        Some("log.index.interval.bytes"),
        "4096",
        ConfigKind::Int,
        AtLeast(0),
    ),
    known(
        "unclean.leader.election.enable",
        Some("unclean.leader.election.enable"),
        "false",
        ConfigKind::Boolean,
        BOOLEAN,
    ),
    known("retention.bytes", Some("log.retention.bytes"), "-1", ConfigKind::Long, AtLeast(-1)),
    known(
        "delete.retention.ms",
        Some("log.cleaner.delete.retention.ms"),
        "86400000",
        ConfigKind::Long,
        AtLeast(0),
    ),
    known(
        "message.timestamp.after.max.ms",
        Some("log.message.timestamp.after.max.ms"),
        LONG_MAX,
        ConfigKind::Long,
        AtLeast(0),
    ),
    known(
        "message.timestamp.before.max.ms",
        Some("log.message.timestamp.before.max.ms"),
        LONG_MAX,
        ConfigKind::Long,
        AtLeast(0),
    ),
    known("segment.ms", None, "604800000", ConfigKind::Long, AtLeast(1)),
    known(
        "message.timestamp.difference.max.ms",
        Some("log.message.timestamp.difference.max.ms"),
        LONG_MAX,
        ConfigKind::Long,
        AtLeast(0),
    ),
    known(
        "segment.index.bytes",
        Some("log.index.size.max.bytes"),
        "10485760",
        ConfigKind::Int,
        AtLeast(4),
    ),
];
