//! The stack's Kafka: the embedded broker, which can be stopped for a while on purpose, or one that
//! runs elsewhere.

use std::net::SocketAddr;
use std::time::Duration;

use broker::{Broker, BrokerConfig, BrokerStartError, FaultRule, Faults, InjectError};
use tokio::net::TcpListener;
use tokio::time::Instant;

use super::ports::Bound;
use crate::control::Refusal;

/// How long to wait before the next try to come back, where the port or the data is not free yet.
const RETRY: Duration = Duration::from_millis(500);

/// Where the stack's Kafka is.
#[derive(Debug)]
pub(super) enum Kafka {
    /// Given by `--kafka`.
    Elsewhere,
    /// Here.
    Embedded(Box<Embedded>),
}

/// The embedded broker, running or stopped for a while.
#[derive(Debug)]
pub(super) struct Embedded {
    config: BrokerConfig,
    address: SocketAddr,
    broker: Option<Broker>,
    back_at: Option<Instant>,
}

impl Embedded {
    /// Starts the broker. The pollers that were its members in an earlier process ended with that;
    /// those of this one go on after a stop on purpose.
    pub(super) async fn start(
        bound: Bound,
        config: BrokerConfig,
    ) -> Result<Self, BrokerStartError> {
        let first = BrokerConfig { members_outlive_restarts: false, ..config.clone() };
        let broker = Broker::start(bound.listener, first).await?;
        Ok(Self { config, address: bound.address, broker: Some(broker), back_at: None })
    }

    /// Stops the broker; it comes back by itself after `down`, on the same port with its data.
    pub(super) async fn stop_for(&mut self, down: Duration) {
        // A longer stop that is under way goes on.
        self.back_at = self.back_at.max(Some(Instant::now() + down));
        if let Some(broker) = self.broker.take() {
            tracing::warn!(?down, "Kafka stops, as it was told to");
            broker.shutdown().await;
        }
    }

    /// Starts the broker again, if it is stopped.
    pub(super) async fn come_back(&mut self) {
        self.back_at = None;
        if self.broker.is_some() {
            return;
        }
        let started = match TcpListener::bind(self.address).await {
            Ok(listener) => Broker::start(listener, self.config.clone()).await,
            Err(error) => Err(BrokerStartError::Listener(error)),
        };
        match started {
            Ok(broker) => {
                tracing::warn!("Kafka is back");
                self.broker = Some(broker);
            }
            Err(error) => {
                let cause = std::error::Error::source(&error).map(ToString::to_string);
                tracing::error!(%error, cause, "Kafka does not come back yet");
                self.back_at = Some(Instant::now() + RETRY);
            }
        }
    }
}

impl Kafka {
    /// When [`Self::come_back`] is to be called; `None` where nothing waits for it.
    pub(super) fn back_at(&self) -> Option<Instant> {
        match self {
            Self::Elsewhere => None,
            Self::Embedded(embedded) => embedded.back_at,
        }
    }

    /// Starts what is stopped; says whether it runs now.
    pub(super) async fn come_back(&mut self) -> bool {
        match self {
            Self::Elsewhere => true,
            Self::Embedded(embedded) => {
                embedded.come_back().await;
                embedded.broker.is_some()
            }
        }
    }

    /// What the broker does wrong on purpose; it is forgotten when the broker stops.
    pub(super) fn faults(&self) -> Result<&Faults, Refusal> {
        match self {
            Self::Elsewhere => Err(Refusal::KafkaElsewhere),
            Self::Embedded(embedded) => {
                embedded.broker.as_ref().map(Broker::faults).ok_or(Refusal::KafkaStays)
            }
        }
    }

    /// Lets the broker do something wrong; the fault's id.
    pub(super) fn break_with(&self, rule: FaultRule) -> Result<u64, Refusal> {
        self.faults()?.inject(rule).map_err(|error| match error {
            InjectError::UnknownApi { .. } => Refusal::NoApi,
            InjectError::NoErrorAnswer { .. } => Refusal::NoErrorAnswer,
            _ => Refusal::TooManyFaults,
        })
    }

    /// Lifts one fault, or all; how many it were.
    pub(super) fn mend(&self, id: Option<u64>) -> Result<usize, Refusal> {
        let faults = self.faults()?;
        Ok(id.map_or_else(|| faults.clear(), |id| usize::from(faults.lift(id))))
    }

    pub(super) async fn shutdown(self) {
        if let Self::Embedded(embedded) = self
            && let Some(broker) = embedded.broker
        {
            broker.shutdown().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::ports::Purpose;
    use super::*;

    #[tokio::test]
    async fn a_stopped_broker_is_away_and_comes_back_on_its_port() {
        let folder = tempfile::tempdir().unwrap();
        let bound = Bound::take(0, Purpose::Kafka).await.unwrap();
        let config = BrokerConfig::new(folder.path());
        let mut embedded = Embedded::start(bound, config).await.unwrap();
        let address = embedded.address;
        embedded.stop_for(Duration::from_hours(1)).await;
        assert!(tokio::net::TcpStream::connect(address).await.is_err());
        assert!(embedded.back_at.is_some());
        let mut kafka = Kafka::Embedded(Box::new(embedded));
        assert!(kafka.come_back().await);
        assert_eq!(kafka.back_at(), None);
        tokio::net::TcpStream::connect(address).await.unwrap();
        kafka.shutdown().await;
    }

    #[tokio::test]
    async fn faults_are_told_to_a_broker_that_runs_here() {
        let folder = tempfile::tempdir().unwrap();
        let bound = Bound::take(0, Purpose::Kafka).await.unwrap();
        let embedded = Embedded::start(bound, BrokerConfig::new(folder.path())).await.unwrap();
        let mut kafka = Kafka::Embedded(Box::new(embedded));
        let drop_all = FaultRule::new(broker::Fault::Drop);
        let id = kafka.break_with(drop_all.clone()).unwrap();
        assert_eq!(kafka.faults().unwrap().active()[0].id, id);
        assert_eq!((kafka.mend(Some(id)), kafka.mend(Some(id))), (Ok(1), Ok(0)));
        kafka.break_with(drop_all.clone()).unwrap();
        assert_eq!(kafka.mend(None), Ok(1));
        let unknown = FaultRule { api: Some("Prodduce".to_owned()), ..drop_all.clone() };
        assert_eq!(kafka.break_with(unknown), Err(Refusal::NoApi));
        let Kafka::Embedded(embedded) = &mut kafka else { unreachable!("it is") };
        embedded.stop_for(Duration::from_hours(1)).await;
        assert_eq!(kafka.break_with(drop_all.clone()), Err(Refusal::KafkaStays));
        assert_eq!(Kafka::Elsewhere.break_with(drop_all), Err(Refusal::KafkaElsewhere));
    }

    #[tokio::test]
    async fn a_shorter_stop_does_not_end_a_longer_one() {
        let folder = tempfile::tempdir().unwrap();
        let bound = Bound::take(0, Purpose::Kafka).await.unwrap();
        let mut embedded = Embedded::start(bound, BrokerConfig::new(folder.path())).await.unwrap();
        embedded.stop_for(Duration::from_hours(1)).await;
        let back_at = embedded.back_at;
        embedded.stop_for(Duration::ZERO).await;
        assert_eq!(embedded.back_at, back_at);
    }

    #[tokio::test]
    async fn a_port_that_is_taken_meanwhile_is_tried_again() {
        let folder = tempfile::tempdir().unwrap();
        let bound = Bound::take(0, Purpose::Kafka).await.unwrap();
        let config = BrokerConfig::new(folder.path());
        let mut embedded = Embedded::start(bound, config).await.unwrap();
        embedded.stop_for(Duration::ZERO).await;
        let thief = TcpListener::bind(embedded.address).await.unwrap();
        let mut kafka = Kafka::Embedded(Box::new(embedded));
        assert!(!kafka.come_back().await);
        assert!(kafka.back_at().is_some());
        drop(thief);
        assert!(kafka.come_back().await);
        kafka.shutdown().await;
    }
}
