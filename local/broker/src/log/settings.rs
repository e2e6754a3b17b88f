//! Topic configuration: which of Kafka's topic configs exist here, what they may be, and the typed
//! settings a log follows.
//!
//! Source: <https://kafka.apache.org/documentation/#topicconfigs>

use std::collections::BTreeMap;

/// `max.message.bytes`: Kafka's default, 1 MiB of records and a batch header.
const MESSAGE_BYTES_DEFAULT: &str = "1048588";

/// What a log must know of its topic's configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LogSettings {
    pub(crate) segment_bytes: u64,
    pub(crate) segment_ms: i64,
    /// `None` keeps records however old.
    pub(crate) retention_ms: Option<i64>,
    /// `None` keeps records however many.
    pub(crate) retention_bytes: Option<u64>,
    pub(crate) message_bytes_max: usize,
    /// `message.timestamp.type=LogAppendTime`.
    pub(crate) append_time: bool,
}

/// Why a topic config cannot be set; the text goes to the client as it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub(crate) struct InvalidTopicConfig {
    pub(crate) message: String,
}

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

/// What values a config takes here.
#[derive(Clone, Copy, Debug)]
enum Accepts {
    /// A whole number of at least this.
    AtLeast(i64),
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// Anything: with one node and no compaction the config changes nothing.
    Anything,
}

/// One of Kafka's topic configs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KnownConfig {
    pub(crate) name: &'static str,
    pub(crate) default: &'static str,
    pub(crate) kind: ConfigKind,
    accepts: Accepts,
}

const fn known(
    name: &'static str,
    default: &'static str,
    kind: ConfigKind,
    accepts: Accepts,
) -> KnownConfig {
    KnownConfig { name, default, kind, accepts }
}

/// Every config a topic may have, by name. Those that accept anything are kept and shown, so that
/// a template written for a cluster works, and have no effect.
pub(crate) const KNOWN: &[KnownConfig] = &[
    known("cleanup.policy", "delete", ConfigKind::List, Accepts::OneOf(&["delete"])),
    known("compression.type", "producer", ConfigKind::Text, Accepts::OneOf(&["producer"])),
    known("delete.retention.ms", "86400000", ConfigKind::Long, Accepts::Anything),
    known("file.delete.delay.ms", "60000", ConfigKind::Long, Accepts::Anything),
    known("flush.messages", "9223372036854775807", ConfigKind::Long, Accepts::Anything),
    known("flush.ms", "9223372036854775807", ConfigKind::Long, Accepts::Anything),
    known("index.interval.bytes", "4096", ConfigKind::Int, Accepts::Anything),
    known("max.compaction.lag.ms", "9223372036854775807", ConfigKind::Long, Accepts::Anything),
    known("max.message.bytes", MESSAGE_BYTES_DEFAULT, ConfigKind::Int, Accepts::AtLeast(0)),
    known(
        "message.timestamp.after.max.ms",
        "9223372036854775807",
        ConfigKind::Long,
        Accepts::Anything,
    ),
    known(
        "message.timestamp.before.max.ms",
        "9223372036854775807",
        ConfigKind::Long,
        Accepts::Anything,
    ),
    known(
        "message.timestamp.type",
        "CreateTime",
        ConfigKind::Text,
        Accepts::OneOf(&["CreateTime", "LogAppendTime"]),
    ),
    known("min.cleanable.dirty.ratio", "0.5", ConfigKind::Double, Accepts::Anything),
    known("min.compaction.lag.ms", "0", ConfigKind::Long, Accepts::Anything),
    known("min.insync.replicas", "1", ConfigKind::Int, Accepts::AtLeast(1)),
    known("preallocate", "false", ConfigKind::Boolean, Accepts::OneOf(&["false", "true"])),
    known("retention.bytes", "-1", ConfigKind::Long, Accepts::AtLeast(-1)),
    known("retention.ms", "604800000", ConfigKind::Long, Accepts::AtLeast(-1)),
    known("segment.bytes", "1073741824", ConfigKind::Int, Accepts::AtLeast(14)),
    known("segment.index.bytes", "10485760", ConfigKind::Int, Accepts::Anything),
    known("segment.jitter.ms", "0", ConfigKind::Long, Accepts::Anything),
    known("segment.ms", "604800000", ConfigKind::Long, Accepts::AtLeast(1)),
    known(
        "unclean.leader.election.enable",
        "false",
        ConfigKind::Boolean,
        Accepts::OneOf(&["false", "true"]),
    ),
];

impl LogSettings {
    /// Reads a topic's configs over Kafka's defaults.
    pub(crate) fn from_configs(
        configs: &BTreeMap<String, String>,
    ) -> Result<Self, InvalidTopicConfig> {
        for (name, value) in configs {
            check(name, value)?;
        }
        let number = |name: &str| -> i64 {
            let default = KNOWN.iter().find(|known| known.name == name).map(|known| known.default);
            let text = configs.get(name).map(String::as_str).or(default);
            text.and_then(|text| text.parse().ok()).unwrap_or(-1)
        };
        let type_of_time = configs.get("message.timestamp.type");
        Ok(Self {
            segment_bytes: number("segment.bytes").max(0).cast_unsigned(),
            segment_ms: number("segment.ms"),
            retention_ms: Some(number("retention.ms")).filter(|ms| *ms >= 0),
            retention_bytes: u64::try_from(number("retention.bytes")).ok(),
            message_bytes_max: usize::try_from(number("max.message.bytes")).unwrap_or(0),
            append_time: type_of_time.is_some_and(|value| value == "LogAppendTime"),
        })
    }
}

fn check(name: &str, value: &str) -> Result<(), InvalidTopicConfig> {
    let invalid = |reason: &str| InvalidTopicConfig {
        message: format!("Invalid value {value} for configuration {name}: {reason}"),
    };
    let Some(known) = KNOWN.iter().find(|known| known.name == name) else {
        return Err(InvalidTopicConfig { message: format!("Unknown topic config name: {name}") });
    };
    match known.accepts {
        Accepts::Anything => Ok(()),
        Accepts::AtLeast(least) => {
            let largest =
                if known.kind == ConfigKind::Int { i64::from(i32::MAX) } else { i64::MAX };
            let number: i64 =
                value.trim().parse().map_err(|_unparsable| invalid("Not a number"))?;
            if (least..=largest).contains(&number) {
                Ok(())
            } else {
                Err(invalid(&format!("Value must be at least {least} and at most {largest}")))
            }
        }
        Accepts::OneOf(words) if words.contains(&value) => Ok(()),
        Accepts::OneOf(_) if name == "cleanup.policy" && value.contains("compact") => {
            Err(invalid("compaction is not supported by this broker"))
        }
        Accepts::OneOf(words) => {
            Err(invalid(&format!("String must be one of: {}", words.join(", "))))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(configs: &[(&str, &str)]) -> Result<LogSettings, InvalidTopicConfig> {
        let configs = configs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        LogSettings::from_configs(&configs.collect())
    }

    #[test]
    fn defaults_are_kafkas() {
        let settings = parse(&[]).unwrap();
        assert_eq!(settings.segment_bytes, 1 << 30);
        assert_eq!(settings.retention_ms, Some(7 * 24 * 60 * 60 * 1_000));
        assert_eq!(settings.retention_bytes, None);
        assert_eq!(settings.message_bytes_max, 1_048_588);
        assert!(!settings.append_time);
    }

    #[test]
    fn minus_one_keeps_for_ever() {
        assert_eq!(parse(&[("retention.ms", "-1")]).unwrap().retention_ms, None);
        assert_eq!(parse(&[("retention.bytes", "9")]).unwrap().retention_bytes, Some(9));
    }

    #[test]
    fn refuses_compaction_unknown_names_and_bad_numbers() {
        for (name, value, part) in [
            ("cleanup.policy", "compact", "compaction is not supported"),
            ("cleanup.policy", "delete,compact", "compaction is not supported"),
            ("compression.type", "zstd", "must be one of: producer"),
            ("retention.msx", "1", "Unknown topic config name"),
            ("retention.ms", "soon", "Not a number"),
            ("retention.ms", "-2", "at least -1"),
            ("max.message.bytes", "2147483648", "at most 2147483647"),
        ] {
            let message = parse(&[(name, value)]).unwrap_err().message;
            assert!(message.contains(part), "{message}");
        }
    }

    #[test]
    fn configs_are_listed_by_name_with_defaults_that_are_accepted() {
        assert!(KNOWN.is_sorted_by_key(|known| known.name));
        for known in KNOWN {
            check(known.name, known.default).unwrap();
        }
    }
}
