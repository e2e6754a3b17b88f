//! Topic configuration: what Kafka's topic configs may be here, and the typed settings a log follows.
//!
//! Source: <https://kafka.apache.org/documentation/#topicconfigs>

use std::collections::BTreeMap;

mod known;

use known::Accepts;
pub(crate) use known::{ConfigKind, KNOWN};

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
    let refused = |value: &str, reason: &str| InvalidTopicConfig {
        message: format!("Invalid value {value} for configuration {name}: {reason}"),
    };
    let invalid = |reason: &str| refused(value, reason);
    let Some(known) = KNOWN.iter().find(|known| known.name == name) else {
        return Err(InvalidTopicConfig { message: format!("Unknown topic config name: {name}") });
    };
    match known.accepts {
        Accepts::Anything => Ok(()),
        Accepts::AtLeast(least) => match whole_number(value, known.kind) {
            None => Err(invalid(&format!("Not a number of type {}", known.kind))),
            Some(number) if number < least => {
                Err(invalid(&format!("Value must be at least {least}")))
            }
            Some(_) => Ok(()),
        },
        Accepts::Share => match value.trim().parse::<f64>() {
            Err(_unparsable) => Err(invalid(&format!("Not a number of type {}", known.kind))),
            Ok(share) if (0.0..=1.0).contains(&share) => Ok(()),
            // Said as the number that was understood: `2` is `2.0`.
            Ok(share) if share > 1.0 => {
                Err(refused(&format!("{share:?}"), "Value must be no more than 1"))
            }
            Ok(share) => Err(refused(&format!("{share:?}"), "Value must be at least 0")),
        },
        Accepts::OneOf(words) if words.contains(&value) => Ok(()),
        Accepts::OneOf(_) if name == "cleanup.policy" && value.contains("compact") => {
            Err(invalid("compaction is not supported by this broker"))
        }
        Accepts::OneOf(_) if known.kind == ConfigKind::Boolean => {
            Err(invalid("Expected value to be either true or false"))
        }
        Accepts::OneOf(words) => {
            Err(invalid(&format!("String must be one of: {}", words.join(", "))))
        }
    }
}

/// `value` as a number of a config's type.
fn whole_number(value: &str, kind: ConfigKind) -> Option<i64> {
    let value = value.trim();
    match kind {
        ConfigKind::Int => value.parse::<i32>().ok().map(i64::from),
        _ => value.parse().ok(),
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
            ("retention.ms", "soon", "Not a number of type LONG"),
            ("retention.ms", "-2", "at least -1"),
            ("max.message.bytes", "2147483648", "Not a number of type INT"),
        ] {
            let message = parse(&[(name, value)]).unwrap_err().message;
            assert!(message.contains(part), "{message}");
        }
    }

    #[test]
    fn every_default_is_accepted() {
        for known in KNOWN {
            check(known.name, known.default).unwrap();
        }
    }
}
