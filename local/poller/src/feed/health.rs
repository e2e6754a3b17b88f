//! Says once that Kafka is in trouble, and once that it is back.

use std::time::Duration;

use rdkafka::consumer::Consumer as _;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use crate::feed::Consumer;
use crate::system_log::PollerLog;
use crate::trouble::Trouble;

/// How long a question may take that only finds out whether Kafka is back.
const PROBE_MAX: Duration = Duration::from_secs(1);

/// What is known to be wrong.
#[derive(Debug)]
pub(crate) struct Health {
    known: Option<(RDKafkaErrorCode, Trouble)>,
    log: PollerLog,
}

impl Health {
    /// Nothing is wrong yet.
    pub(crate) fn new(log: PollerLog) -> Self {
        Self { known: None, log }
    }

    /// Takes in an error, with what the client library said of it, if anything; the library goes on
    /// trying by itself.
    pub(crate) fn report(&mut self, error: &KafkaError, said: &str) {
        let code = error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Unknown);
        let Some(trouble) = Trouble::of(code, said) else {
            tracing::debug!(%error, said, "Lost a connection to Kafka");
            return;
        };
        let is_known = self.known.is_some_and(|(known, before)| {
            (known, before) == (code, trouble) || (before.is_refusal() && !trouble.is_refusal())
        });
        if is_known {
            tracing::debug!(%error, said, "Kafka is still in trouble");
            return;
        }
        let means = trouble.text();
        tracing::warn!(%error, said, means, "Reading from Kafka fails; trying again until it works");
        let message = if said.is_empty() { error.to_string() } else { said.to_owned() };
        self.log.warn(&format!("{code:?}"), &message);
        self.known = Some((code, trouble));
    }

    /// Something worked.
    pub(crate) fn recovered(&mut self) {
        if self.known.take().is_some() {
            tracing::info!("Reading from Kafka works again");
        }
    }

    /// What is wrong by now.
    pub(crate) fn trouble(&self) -> Option<Trouble> {
        self.known.map(|(_, trouble)| trouble)
    }

    /// Asks Kafka whether it is back: the client library does not say so while nothing is read.
    pub(crate) fn probe(&mut self, consumer: &Consumer, topic: &str) {
        if !self.known.is_some_and(|(_, trouble)| trouble.ends_with_metadata()) {
            return;
        }
        let metadata = consumer.fetch_metadata(Some(topic), PROBE_MAX);
        if metadata.is_ok_and(|metadata| metadata.topics().iter().all(|t| t.error().is_none())) {
            self.recovered();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(health: &mut Health, code: RDKafkaErrorCode) {
        health.report(&KafkaError::MessageConsumption(code), "");
    }

    #[test]
    fn trouble_lasts_until_something_works() {
        let mut health = Health::new(PollerLog::default());
        assert_eq!(health.trouble(), None);
        report(&mut health, RDKafkaErrorCode::AllBrokersDown);
        assert_eq!(health.trouble(), Some(Trouble::NoConnection));
        health.recovered();
        assert_eq!(health.trouble(), None);
    }

    #[test]
    fn connections_that_fail_after_a_refusal_do_not_hide_it() {
        let mut health = Health::new(PollerLog::default());
        report(&mut health, RDKafkaErrorCode::Authentication);
        report(&mut health, RDKafkaErrorCode::BrokerTransportFailure);
        report(&mut health, RDKafkaErrorCode::AllBrokersDown);
        assert_eq!(health.trouble(), Some(Trouble::SaslFailed));
        report(&mut health, RDKafkaErrorCode::TopicAuthorizationFailed);
        assert_eq!(health.trouble(), Some(Trouble::NotAuthorized));
    }

    #[test]
    fn a_refusal_takes_the_place_of_a_connection_that_failed_before() {
        let mut health = Health::new(PollerLog::default());
        report(&mut health, RDKafkaErrorCode::AllBrokersDown);
        report(&mut health, RDKafkaErrorCode::Authentication);
        assert_eq!(health.trouble(), Some(Trouble::SaslFailed));
    }
}
