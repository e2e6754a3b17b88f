//! What the function reads from its variables, once.

use event::Stream;
use json_http::WAIT_MAX;
use publish::PublishConfig;
use settings::{Settings, Topic};
use vars::{ConfigError, Source};

pub(crate) struct Config {
    pub(crate) settings: Settings,
    pub(crate) publish: PublishConfig,
    /// The orders'.
    pub(crate) stream: Stream,
    pub(crate) table: String,
}

impl Config {
    pub(crate) fn read(source: &dyn Source) -> Result<Self, ConfigError> {
        vars::read(source, |vars| {
            let settings = Settings::read(vars, env!("CARGO_PKG_NAME"));
            let (stream, linger) = (Topic::Orders.stream(vars), settings::linger(vars));
            let table = vars.text("TABLE_NAME");
            let (settings, stream) = (settings?, stream?);
            let publish = settings.publisher(&stream.topic, linger?, WAIT_MAX);
            Some(Self { settings, publish, stream, table: table? })
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn every_missing_variable_is_named_at_once() {
        let complete = BTreeMap::from([
            ("KAFKA_BOOTSTRAP_SERVERS", "localhost:9092"),
            ("KAFKA_CLUSTER", "dev"),
            ("ORDERS_TOPIC", "order-events"),
            ("EVENT_ID_KEY", "k1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="),
            ("TABLE_NAME", "millrace"),
        ]);
        let config = Config::read(&complete).ok().unwrap();
        assert_eq!(config.publish.topic, "order-events");
        let error = Config::read(&BTreeMap::new()).err().unwrap().to_string();
        for name in complete.keys() {
            assert!(error.contains(name), "{name}: {error}");
        }
    }
}
