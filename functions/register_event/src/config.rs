//! What the function reads from its variables, once.

use std::time::Duration;

use event::{KeyRing, Stream};
use publish::{Connection, PublishConfig};
use telemetry::Level;
use vars::{ConfigError, Source};

use crate::handler::WAIT_MAX;

/// Company is only worth waiting for where several invocations share the producer.
const LINGER_SHARED: Duration = Duration::from_millis(1);

/// More than any environment runs at a time (AWS Lambda Managed Instances, service model: 1,600).
const CONCURRENCY_MAX: u32 = 1_600;

pub(crate) struct Config {
    pub(crate) log_level: Level,
    pub(crate) publish: PublishConfig,
    pub(crate) ring: KeyRing,
    pub(crate) stream: Stream,
}

impl Config {
    pub(crate) fn read(source: &dyn Source) -> Result<Self, ConfigError> {
        vars::read(source, |vars| {
            let log_level =
                vars.choice_or("AWS_LAMBDA_LOG_LEVEL", Level::default(), Level::SPELLINGS);
            let connection = Connection::read(vars);
            let cluster = vars.text("KAFKA_CLUSTER");
            let topic = vars.text("EVENTS_TOPIC");
            let epoch = vars.number_or("STREAM_EPOCH", 1, 1..=u32::MAX);
            let ring = vars.parsed_secret("EVENT_ID_KEY", KeyRing::parse);
            let concurrency = vars.number_or("AWS_LAMBDA_MAX_CONCURRENCY", 1, 1..=CONCURRENCY_MAX);
            let client_id = vars.optional("AWS_LAMBDA_FUNCTION_NAME");
            let topic = topic?;
            Some(Self {
                log_level: log_level?,
                publish: PublishConfig {
                    connection: connection?,
                    client_id: client_id.unwrap_or_else(|| env!("CARGO_PKG_NAME").to_owned()),
                    topic: topic.clone(),
                    linger: if concurrency? > 1 { LINGER_SHARED } else { Duration::ZERO },
                    event_timeout: WAIT_MAX,
                },
                ring: ring?,
                stream: Stream { cluster: cluster?, topic, epoch: epoch? },
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
            ("KAFKA_CLUSTER", "dev"),
            ("EVENTS_TOPIC", "events"),
            ("EVENT_ID_KEY", "k1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="),
        ])
    }

    #[test]
    fn a_lone_invocation_does_not_linger() {
        let config = Config::read(&complete()).ok().unwrap();
        assert_eq!(config.publish.linger, Duration::ZERO);
        assert_eq!(config.stream.epoch, 1);
    }

    #[test]
    fn invocations_that_share_a_producer_linger() {
        let mut variables = complete();
        variables.insert("AWS_LAMBDA_MAX_CONCURRENCY", "64");
        let config = Config::read(&variables).ok().unwrap();
        assert_eq!(config.publish.linger, LINGER_SHARED);
    }

    #[test]
    fn every_missing_variable_is_named_at_once() {
        let error = Config::read(&BTreeMap::new()).err().unwrap().to_string();
        for name in complete().keys() {
            assert!(error.contains(name), "{name}: {error}");
        }
    }
}
