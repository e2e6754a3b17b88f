//! Says once that Kafka is in trouble, and once that it is back.

use std::time::Duration;

use rdkafka::consumer::Consumer as _;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use crate::feed::Consumer;
use crate::system_log::PollerLog;

/// How long a question may take that only finds out whether Kafka is back.
const PROBE_MAX: Duration = Duration::from_secs(1);

/// What is known to be wrong.
#[derive(Debug)]
pub(crate) struct Health {
    trouble: Option<RDKafkaErrorCode>,
    log: PollerLog,
}

impl Health {
    /// Nothing is wrong yet.
    pub(crate) fn new(log: PollerLog) -> Self {
        Self { trouble: None, log }
    }

    /// Takes in an error; the client library goes on trying by itself.
    pub(crate) fn report(&mut self, error: &KafkaError) {
        let code = error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Unknown);
        match code {
            // One connection of several; if it was the last, `AllBrokersDown` follows.
            RDKafkaErrorCode::BrokerTransportFailure | RDKafkaErrorCode::Resolve => {
                tracing::debug!(%error, "Lost a connection to Kafka");
            }
            _ if self.trouble == Some(code) => tracing::debug!(%error, "Kafka is still in trouble"),
            _ => {
                tracing::warn!(%error, "Reading from Kafka fails; trying again until it works");
                self.log.warn(&format!("{code:?}"), &error.to_string());
                self.trouble = Some(code);
            }
        }
    }

    /// Something worked.
    pub(crate) fn recovered(&mut self) {
        if self.trouble.take().is_some() {
            tracing::info!("Reading from Kafka works again");
        }
    }

    /// Asks Kafka whether it is back: the client library does not say so while nothing is read.
    pub(crate) fn probe(&mut self, consumer: &Consumer, topic: &str) {
        if self.trouble.is_none() {
            return;
        }
        let metadata = consumer.fetch_metadata(Some(topic), PROBE_MAX);
        if metadata.is_ok_and(|metadata| metadata.topics().iter().all(|t| t.error().is_none())) {
            self.recovered();
        }
    }
}
