//! A snapshot of all topics, and the rules for what a topic may be called and configured as.

use std::collections::BTreeMap;
use std::sync::Arc;

use kafka_protocol::error::ResponseError;
use uuid::Uuid;

use crate::log::LogHandle;
use crate::log::settings::LogSettings;

/// Kafka's `Topic.MAX_NAME_LENGTH`.
const NAME_BYTES_MAX: usize = 249;

/// Partitions that one topic may have: each costs a task, a directory and open files.
pub(crate) const PARTITIONS_MAX: i32 = 1_000;

/// All topics at one moment.
#[derive(Clone, Debug, Default)]
pub(crate) struct Catalogue {
    pub(crate) topics: BTreeMap<String, Arc<Topic>>,
}

/// One topic.
#[derive(Clone, Debug)]
pub(crate) struct Topic {
    pub(crate) name: String,
    pub(crate) id: Uuid,
    /// What was set, without defaults.
    pub(crate) configs: BTreeMap<String, String>,
    pub(crate) settings: LogSettings,
    /// Partition `n` is at place `n`.
    pub(crate) partitions: Vec<LogHandle>,
}

/// Why an administrator's request was refused, with the text that Kafka's answers carry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) error: ResponseError,
    pub(crate) message: String,
}

impl Refusal {
    pub(crate) fn new(error: ResponseError, message: impl Into<String>) -> Self {
        Self { error, message: message.into() }
    }
}

impl Catalogue {
    pub(crate) fn topic(&self, name: &str) -> Result<&Arc<Topic>, ResponseError> {
        self.topics.get(name).ok_or(ResponseError::UnknownTopicOrPartition)
    }

    pub(crate) fn topic_by_id(&self, id: Uuid) -> Result<&Arc<Topic>, ResponseError> {
        let found = self.topics.values().find(|topic| topic.id == id);
        found.ok_or(ResponseError::UnknownTopicId)
    }
}

impl Topic {
    pub(crate) fn partition(&self, index: i32) -> Result<&LogHandle, ResponseError> {
        let log = usize::try_from(index).ok().and_then(|index| self.partitions.get(index));
        log.ok_or(ResponseError::UnknownTopicOrPartition)
    }
}

/// Checks a topic's name by Kafka's rules.
pub(crate) fn check_name(name: &str) -> Result<(), Refusal> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    let reason = if name.is_empty() {
        "the empty string is not allowed".to_owned()
    } else if matches!(name, "." | "..") {
        format!("'{name}' is not allowed")
    } else if name.len() > NAME_BYTES_MAX {
        let length = format!("is longer than the max allowed length {NAME_BYTES_MAX}");
        format!("the length of '{name}' {length}")
    } else if !name.bytes().all(allowed) {
        format!(
            "'{name}' contains one or more characters other than ASCII alphanumerics, '.', '_' \
             and '-'"
        )
    } else {
        return Ok(());
    };
    let message = format!("Topic name is invalid: {reason}");
    Err(Refusal::new(ResponseError::InvalidTopicException, message))
}

/// Checks how many partitions a topic is to have.
pub(crate) fn check_partitions(count: i32) -> Result<(), Refusal> {
    if count < 1 {
        let message = "Number of partitions must be larger than 0.";
        return Err(Refusal::new(ResponseError::InvalidPartitions, message));
    }
    if count > PARTITIONS_MAX {
        let message = format!("This broker allows at most {PARTITIONS_MAX} partitions a topic.");
        return Err(Refusal::new(ResponseError::InvalidPartitions, message));
    }
    Ok(())
}

/// Reads a topic's configs.
pub(crate) fn check_configs(configs: &BTreeMap<String, String>) -> Result<LogSettings, Refusal> {
    LogSettings::from_configs(configs)
        .map_err(|invalid| Refusal::new(ResponseError::InvalidConfig, invalid.message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_kafkas_rules() {
        for name in ["events", "a.b_c-D9", "...", &"x".repeat(249)] {
            assert_eq!(check_name(name), Ok(()), "{name}");
        }
        for name in ["", ".", "..", "a b", "a/b", "ä", &"x".repeat(250)] {
            let error = check_name(name).unwrap_err().error;
            assert_eq!(error, ResponseError::InvalidTopicException, "{name}");
        }
    }
}
