//! A running mapping: what starts it, asks it, pauses it and stops it.

mod fleet;
mod handle;
mod member;
mod notes;
mod owner;

use std::io;
use std::sync::Arc;

use filter::PatternError;
use invoke::Invoke;
use rdkafka::error::KafkaError;
use tokio::sync::{mpsc, watch};
use tokio_util::task::TaskTracker;

use self::fleet::{Fleet, Members};
pub use self::handle::PollerHandle;
use crate::config::MappingConfig;
use crate::status::MappingStatus;

/// Requests to a mapping, or to one of its pollers, that are not yet taken in; who asks waits.
const CONTROLS_MAX: usize = 8;

/// Why a mapping did not start.
#[derive(Debug, thiserror::Error)]
pub enum PollerStartError {
    /// The Kafka client refused its configuration.
    #[error("failed to make the Kafka client of the mapping of topic `{topic}`")]
    Client {
        /// The topic.
        topic: String,
        /// What the client said.
        #[source]
        source: KafkaError,
    },
    /// What the Kafka client is to prove itself with cannot be read: AWS's words.
    #[error("provided certificate or private key is invalid, for the mapping of topic `{topic}`")]
    Certificate {
        /// The topic.
        topic: String,
        /// What the client said.
        #[source]
        source: KafkaError,
    },
    /// The Kafka client refused the topic's name.
    #[error("failed to subscribe to topic `{topic}`")]
    Subscribe {
        /// The topic.
        topic: String,
        /// What the client said.
        #[source]
        source: KafkaError,
    },
    /// A filter is not a pattern.
    #[error("failed to read the filters of the mapping of topic `{topic}`")]
    Filter {
        /// The topic.
        topic: String,
        /// What is wrong with it.
        #[source]
        source: PatternError,
    },
    /// The Kafka client of the on-failure destination refused its configuration.
    #[error("failed to make the Kafka client of the destination of the mapping of topic `{topic}`")]
    Destination {
        /// The topic.
        topic: String,
        /// What the client said.
        #[source]
        source: KafkaError,
    },
    /// The mapping's log cannot be written.
    #[error("failed to open the log of the mapping of topic `{topic}`")]
    Log {
        /// The topic.
        topic: String,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
    /// The operating system refused a thread.
    #[error("failed to start a thread for the mapping of topic `{topic}`")]
    Thread {
        /// The topic.
        topic: String,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
}

impl PollerStartError {
    /// Whether the mapping was given what cannot be a certificate or a key.
    pub fn is_certificate(&self) -> bool {
        matches!(self, Self::Certificate { .. })
    }
}

/// What a mapping, or each of its pollers, is told.
#[derive(Clone, Copy, Debug)]
enum Order {
    Pause,
    Resume,
    Stop,
}

/// A running event source mapping. Dropping it stops it without waiting.
#[derive(Debug)]
pub struct Poller {
    orders: mpsc::Sender<Order>,
    members: watch::Receiver<Members>,
    tasks: TaskTracker,
}

impl Poller {
    /// Starts the mapping within the current tokio runtime. It does not wait for Kafka: a Kafka
    /// that is away is tried until it is there.
    pub fn start(config: MappingConfig, invoke: Arc<dyn Invoke>) -> Result<Self, PollerStartError> {
        let (orders, ordered) = mpsc::channel(CONTROLS_MAX);
        let fleet = Fleet::start(config, invoke, ordered)?;
        let members = fleet.watch();
        let tasks = TaskTracker::new();
        tasks.spawn(fleet.run());
        tasks.close();
        Ok(Self { orders, members, tasks })
    }

    /// What asks this mapping from another task.
    pub fn handle(&self) -> PollerHandle {
        PollerHandle { orders: self.orders.downgrade(), members: self.members.clone() }
    }

    /// As [`PollerHandle::status`].
    pub async fn status(&self) -> MappingStatus {
        self.handle().status().await
    }

    /// As [`PollerHandle::pause`].
    pub async fn pause(&self) {
        self.handle().pause().await;
    }

    /// As [`PollerHandle::resume`].
    pub async fn resume(&self) {
        self.handle().resume().await;
    }

    /// Stops the mapping: invocations under way may end and are committed, within a bound; the
    /// group is left, so that the next start need not wait for a session to time out.
    pub async fn shutdown(self) {
        if self.orders.send(Order::Stop).await.is_err() {
            tracing::debug!("The mapping has stopped already");
        }
        self.tasks.wait().await;
    }
}
