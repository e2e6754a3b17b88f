//! What the function reads from its variables, once.

use event::{KeyRing, Stream};
use publish::Connection;
use telemetry::Level;
use vars::{ConfigError, Source};

pub(crate) struct Config {
    pub(crate) log_level: Level,
    pub(crate) connection: Connection,
    pub(crate) client_id: String,
    pub(crate) stream: Stream,
    pub(crate) ring: KeyRing,
    pub(crate) table: String,
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
            let table = vars.text("TABLE_NAME");
            let client_id = vars.optional("AWS_LAMBDA_FUNCTION_NAME");
            Some(Self {
                log_level: log_level?,
                connection: connection?,
                client_id: client_id.unwrap_or_else(|| env!("CARGO_PKG_NAME").to_owned()),
                stream: Stream { cluster: cluster?, topic: topic?, epoch: epoch? },
                ring: ring?,
                table: table?,
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
            ("TABLE_NAME", "millrace"),
        ])
    }

    #[test]
    fn a_complete_configuration_is_read() {
        let config = Config::read(&complete()).ok().unwrap();
        assert_eq!(config.table, "millrace");
        assert_eq!(config.client_id, "get_status");
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
