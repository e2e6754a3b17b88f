//! What the function reads from its variables, once.

use std::time::Duration;

use event::KeyRing;
use progress::Policy;
use publish::{Connection, PublishConfig};
use telemetry::Level;
use vars::{ConfigError, Source};

use crate::handler::{Answers, Settings};

/// When the producer gives up a dead letter: Lambda's longest timeout for a Kafka function is
/// longer, but an event that nobody took in this time is sent again by the next invocation.
const LETTER_TIMEOUT: Duration = Duration::from_secs(30);

/// At least 2: the first attempt at a record may be one at its whole slice.
const ATTEMPTS: std::ops::RangeInclusive<u32> = 2..=100;

const ANSWERS: &[(&str, Answers)] = &[("fail", Answers::Fail), ("partial", Answers::Partial)];

pub(crate) struct Config {
    pub(crate) log_level: Level,
    /// The topic is that of the dead letters.
    pub(crate) publish: PublishConfig,
    pub(crate) table: String,
    pub(crate) policy: Policy,
    pub(crate) settings: Settings,
}

impl Config {
    pub(crate) fn read(source: &dyn Source) -> Result<Self, ConfigError> {
        vars::read(source, |vars| {
            let log_level =
                vars.choice_or("AWS_LAMBDA_LOG_LEVEL", Level::default(), Level::SPELLINGS);
            let connection = Connection::read(vars);
            let topic = vars.text("DEAD_LETTER_TOPIC");
            let table = vars.text("TABLE_NAME");
            let defaults = Policy::default();
            let attempts_max = vars.number_or("MAX_ATTEMPTS", defaults.attempts_max, ATTEMPTS);
            let epoch = vars.number_or("STREAM_EPOCH", 1, 1..=u32::MAX);
            let ring = vars.parsed_secret("EVENT_ID_KEY", KeyRing::parse);
            let answers = vars.choice_or("BATCH_RESPONSES", Answers::Fail, ANSWERS);
            let cluster = vars.optional("KAFKA_CLUSTER");
            let client_id = vars.optional("AWS_LAMBDA_FUNCTION_NAME");
            Some(Self {
                log_level: log_level?,
                publish: PublishConfig {
                    connection: connection?,
                    client_id: client_id.unwrap_or_else(|| env!("CARGO_PKG_NAME").to_owned()),
                    topic: topic?,
                    linger: Duration::ZERO,
                    event_timeout: LETTER_TIMEOUT,
                },
                table: table?,
                policy: Policy { attempts_max: attempts_max?, ..defaults },
                settings: Settings { ring: ring?, cluster, epoch: epoch?, answers: answers? },
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn complete() -> BTreeMap<&'static str, &'static str> {
        BTreeMap::from([
            ("KAFKA_BOOTSTRAP_SERVERS", "localhost:9092"),
            ("DEAD_LETTER_TOPIC", "events-dlq"),
            ("TABLE_NAME", "millrace"),
            ("EVENT_ID_KEY", "k1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="),
        ])
    }

    #[test]
    fn defaults_fail_whole_invocations_after_three_attempts() {
        let config = Config::read(&complete()).ok().unwrap();
        assert_eq!((config.policy.attempts_max, config.settings.epoch), (3, 1));
        assert_eq!(config.settings.answers, Answers::Fail);
        assert_eq!(config.settings.cluster, None);
    }

    #[test]
    fn partial_answers_are_asked_for_by_a_variable() {
        let mut variables = complete();
        variables.insert("BATCH_RESPONSES", "partial");
        let config = Config::read(&variables).ok().unwrap();
        assert_eq!(config.settings.answers, Answers::Partial);
    }

    #[test]
    fn a_single_attempt_is_refused() {
        let mut variables = complete();
        variables.insert("MAX_ATTEMPTS", "1");
        let error = Config::read(&variables).err().unwrap().to_string();
        assert!(
            error.contains("`MAX_ATTEMPTS` is `1`, expected a number from 2 to 100"),
            "{error}"
        );
    }

    #[test]
    fn every_missing_variable_is_named_at_once() {
        let error = Config::read(&BTreeMap::new()).err().unwrap().to_string();
        for name in complete().keys() {
            assert!(error.contains(name), "{name}: {error}");
        }
    }
}
