//! What the function reads from its variables, once.

use event::Stream;
use settings::{Settings, Topic};
use vars::{ConfigError, Source};

pub(crate) struct Config {
    pub(crate) settings: Settings,
    pub(crate) stream: Stream,
    pub(crate) table: String,
}

impl Config {
    pub(crate) fn read(source: &dyn Source) -> Result<Self, ConfigError> {
        vars::read(source, |vars| {
            let settings = Settings::read(vars, env!("CARGO_PKG_NAME"));
            let stream = Topic::Events.stream(vars);
            let table = vars.text("TABLE_NAME");
            Some(Self { settings: settings?, stream: stream?, table: table? })
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
            ("TABLE_NAME", "millrace"),
        ])
    }

    #[test]
    fn a_complete_configuration_is_read() {
        let config = Config::read(&complete()).ok().unwrap();
        assert_eq!(config.table, "millrace");
        assert_eq!(config.settings.client_id, "get_status");
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
