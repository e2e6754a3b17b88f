//! What every function reads from its variables: how to log, how to reach Kafka, and the streams. What
//! only one function needs, it reads itself.

use std::time::Duration;

use event::{KeyRing, Stream};
use publish::{Connection, PublishConfig};
use telemetry::Level;
use vars::Reader;

/// What every function is told.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `AWS_LAMBDA_LOG_LEVEL`.
    pub log_level: Level,
    /// `KAFKA_BOOTSTRAP_SERVERS`, `KAFKA_AUTH` and what that needs.
    pub connection: Connection,
    /// The function's name, for Kafka's logs.
    pub client_id: String,
    /// `EVENT_ID_KEY`.
    pub ring: KeyRing,
}

impl Settings {
    /// Reads them. `package` is the function's name where Lambda does not tell it.
    pub fn read(vars: &mut Reader<'_>, package: &str) -> Option<Self> {
        let log_level = vars.choice_or("AWS_LAMBDA_LOG_LEVEL", Level::default(), Level::SPELLINGS);
        let connection = Connection::read(vars);
        let client_id = vars.optional("AWS_LAMBDA_FUNCTION_NAME");
        let ring = vars.parsed_secret("EVENT_ID_KEY", KeyRing::parse);
        Some(Self {
            log_level: log_level?,
            connection: connection?,
            client_id: client_id.unwrap_or_else(|| package.to_owned()),
            ring: ring?,
        })
    }

    /// How to write to a topic.
    pub fn publisher(
        &self,
        topic: &str,
        linger: Duration,
        event_timeout: Duration,
    ) -> PublishConfig {
        PublishConfig {
            connection: self.connection.clone(),
            client_id: self.client_id.clone(),
            topic: topic.to_owned(),
            linger,
            event_timeout,
        }
    }
}

/// Company is only worth waiting for where several invocations share the producer.
const LINGER_SHARED: Duration = Duration::from_millis(1);

/// More than any environment runs at a time (AWS Lambda Managed Instances, service model: 1,600).
const CONCURRENCY_MAX: u32 = 1_600;

/// Reads from `AWS_LAMBDA_MAX_CONCURRENCY` how long an event of an HTTP request waits for company.
pub fn linger(vars: &mut Reader<'_>) -> Option<Duration> {
    let concurrency = vars.number_or("AWS_LAMBDA_MAX_CONCURRENCY", 1, 1..=CONCURRENCY_MAX)?;
    Some(if concurrency > 1 { LINGER_SHARED } else { Duration::ZERO })
}

/// A topic by the variables that tell of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topic {
    /// `EVENTS_TOPIC`, `STREAM_EPOCH`.
    Events,
    /// `ORDERS_TOPIC`, `ORDERS_EPOCH`.
    Orders,
    /// `INVENTORY_TOPIC`, `INVENTORY_EPOCH`.
    Inventory,
}

impl Topic {
    /// Reads the topic's name.
    pub fn name(self, vars: &mut Reader<'_>) -> Option<String> {
        vars.text(match self {
            Self::Events => "EVENTS_TOPIC",
            Self::Orders => "ORDERS_TOPIC",
            Self::Inventory => "INVENTORY_TOPIC",
        })
    }

    /// Reads how often the topic was made again, from 1.
    pub fn epoch(self, vars: &mut Reader<'_>) -> Option<u32> {
        vars.number_or(self.epoch_variable(), 1, 1..=u32::MAX)
    }

    /// The variable that tells how often the topic was made again.
    pub fn epoch_variable(self) -> &'static str {
        match self {
            Self::Events => "STREAM_EPOCH",
            Self::Orders => "ORDERS_EPOCH",
            Self::Inventory => "INVENTORY_EPOCH",
        }
    }

    /// Reads the stream: the topic in the cluster of `KAFKA_CLUSTER`.
    pub fn stream(self, vars: &mut Reader<'_>) -> Option<Stream> {
        let cluster = vars.text("KAFKA_CLUSTER");
        let (topic, epoch) = (self.name(vars), self.epoch(vars));
        Some(Stream { cluster: cluster?, topic: topic?, epoch: epoch? })
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
            ("ORDERS_TOPIC", "order-events"),
            ("ORDERS_EPOCH", "2"),
            ("EVENT_ID_KEY", "k1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="),
        ])
    }

    fn read(
        source: &BTreeMap<&'static str, &'static str>,
    ) -> Result<(Settings, Stream), vars::ConfigError> {
        vars::read(source, |vars| {
            let (settings, stream) = (Settings::read(vars, "package"), Topic::Orders.stream(vars));
            Some((settings?, stream?))
        })
    }

    #[test]
    fn a_complete_configuration_is_read() {
        let (settings, stream) = read(&complete()).unwrap();
        assert_eq!(settings.client_id, "package");
        assert_eq!(stream.to_string(), "dev order-events epoch 2");
        let mut named = complete();
        named.insert("AWS_LAMBDA_FUNCTION_NAME", "mine");
        assert_eq!(read(&named).unwrap().0.client_id, "mine");
    }

    #[test]
    fn only_invocations_that_share_a_producer_linger() {
        let lingers = |source: &BTreeMap<&str, &str>| vars::read(source, linger).unwrap();
        assert_eq!(lingers(&complete()), Duration::ZERO);
        let mut shared = complete();
        shared.insert("AWS_LAMBDA_MAX_CONCURRENCY", "64");
        assert_eq!(lingers(&shared), LINGER_SHARED);
    }

    #[test]
    fn every_missing_variable_is_named_at_once() {
        let error = read(&BTreeMap::new()).unwrap_err().to_string();
        for name in complete().keys().filter(|name| **name != "ORDERS_EPOCH") {
            assert!(error.contains(name), "{name}: {error}");
        }
    }
}
