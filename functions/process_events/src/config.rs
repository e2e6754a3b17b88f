//! What the function reads from its variables, once.

use std::time::Duration;

use consume::Terms;
use progress::Policy;
use publish::PublishConfig;
use settings::{Settings, Topic};
use vars::{ConfigError, Source};

/// When the producer gives up a dead letter: Lambda's longest timeout for a Kafka function is
/// longer, but an event that nobody took in this time is sent again by the next invocation.
const LETTER_TIMEOUT: Duration = Duration::from_secs(30);

/// At least 2: the first attempt at a record may be one at its whole slice.
const ATTEMPTS: std::ops::RangeInclusive<u32> = 2..=100;

pub(crate) struct Config {
    /// The topic is that of the dead letters.
    pub(crate) publish: PublishConfig,
    pub(crate) table: String,
    pub(crate) policy: Policy,
    pub(crate) settings: Settings,
    pub(crate) terms: Terms,
}

impl Config {
    pub(crate) fn read(source: &dyn Source) -> Result<Self, ConfigError> {
        vars::read(source, |vars| {
            let settings = Settings::read(vars, env!("CARGO_PKG_NAME"));
            let topic = vars.text("DEAD_LETTER_TOPIC");
            let table = vars.text("TABLE_NAME");
            let defaults = Policy::default();
            let attempts_max = vars.number_or("MAX_ATTEMPTS", defaults.attempts_max, ATTEMPTS);
            let terms = Terms::read(vars, Topic::Events);
            let settings = settings?;
            Some(Self {
                publish: settings.publisher(&topic?, Duration::ZERO, LETTER_TIMEOUT),
                table: table?,
                policy: Policy { attempts_max: attempts_max?, ..defaults },
                terms: terms?,
                settings,
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use consume::Answers;

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
        assert_eq!((config.policy.attempts_max, config.terms.epoch), (3, 1));
        assert_eq!(config.terms.answers, Answers::Fail);
        assert_eq!(config.terms.cluster, None);
    }

    #[test]
    fn partial_answers_are_asked_for_by_a_variable() {
        let mut variables = complete();
        variables.insert("BATCH_RESPONSES", "partial");
        let config = Config::read(&variables).ok().unwrap();
        assert_eq!(config.terms.answers, Answers::Partial);
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
