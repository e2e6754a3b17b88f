//! What the function reads from its variables, once.

use event::Stream;
use json_http::WAIT_MAX;
use publish::PublishConfig;
use settings::{Settings, Topic};
use vars::{ConfigError, Source};

pub(crate) struct Config {
    pub(crate) settings: Settings,
    pub(crate) publish: PublishConfig,
    pub(crate) stream: Stream,
}

impl Config {
    pub(crate) fn read(source: &dyn Source) -> Result<Self, ConfigError> {
        vars::read(source, |vars| {
            let settings = Settings::read(vars, env!("CARGO_PKG_NAME"));
            let (stream, linger) = (Topic::Events.stream(vars), settings::linger(vars));
            let (settings, stream) = (settings?, stream?);
            let publish = settings.publisher(&stream.topic, linger?, WAIT_MAX);
            Some(Self { settings, publish, stream })
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
    fn a_complete_configuration_is_read() {
        let config = Config::read(&complete()).ok().unwrap();
        assert_eq!(config.publish.topic, "events");
        assert_eq!(config.stream.to_string(), "dev events epoch 1");
    }

    #[test]
    fn every_missing_variable_is_named_at_once() {
        let error = Config::read(&BTreeMap::new()).err().unwrap().to_string();
        for name in complete().keys() {
            assert!(error.contains(name), "{name}: {error}");
        }
    }
}
