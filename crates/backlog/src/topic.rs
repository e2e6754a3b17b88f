//! What lies in the topic, asked of Kafka itself. Commits nothing and joins no group.

use std::time::Duration;

use publish::Connection;
use rdkafka::{
    ClientConfig, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer},
    error::KafkaError,
};
use tokio::{task, time::Instant};

/// How long Kafka may take to answer everything.
const KAFKA_TIMEOUT: Duration = Duration::from_millis(2_500);

/// The records a partition holds: from `low` to before `end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The partition.
    pub partition: i32,
    /// The offset of the oldest record kept.
    pub low: i64,
    /// The offset that the next record will get.
    pub end: i64,
}

/// What records a topic holds.
pub trait Backlog: Sync {
    /// One span for each partition.
    fn spans(&self) -> impl Future<Output = Result<Vec<Span>, BacklogError>> + Send;
}

/// Why nobody knows what a topic holds.
#[derive(Debug, thiserror::Error)]
pub enum BacklogError {
    /// Kafka did not answer.
    #[error("failed to ask kafka about topic `{topic}`")]
    Kafka {
        /// The topic.
        topic: String,
        /// What the client says.
        #[source]
        source: KafkaError,
    },
    /// There is no such topic.
    #[error("topic `{topic}` does not exist")]
    NoTopic {
        /// The topic.
        topic: String,
    },
    /// Kafka knows the partition and not its offsets.
    #[error("kafka did not tell the offsets of partition {partition}")]
    NoOffset {
        /// The partition.
        partition: i32,
    },
    /// The question was not asked to its end.
    #[error("the question to kafka was abandoned")]
    Abandoned(#[source] task::JoinError),
}

/// A topic of a cluster.
#[derive(Clone, Debug)]
pub struct Topic {
    config: ClientConfig,
    name: String,
    timeout: Duration,
}

impl Topic {
    /// A topic of the cluster that `connection` leads to. Does not connect yet.
    pub fn new(connection: &Connection, client_id: &str, topic: &str) -> Self {
        let config = connection.client_config(client_id);
        Self { config, name: topic.to_owned(), timeout: KAFKA_TIMEOUT }
    }

    /// A client for each question: between questions nothing is left that would have to be polled, and a check that
    /// connects afresh tells more.
    fn ask(&self) -> Result<Vec<Span>, BacklogError> {
        let deadline = Instant::now() + self.timeout;
        let left = || deadline.saturating_duration_since(Instant::now());
        let failed = |source| BacklogError::Kafka { topic: self.name.clone(), source };
        let client: BaseConsumer = self.config.create().map_err(failed)?;
        let metadata = client.fetch_metadata(Some(&self.name), left()).map_err(failed)?;
        let topic = metadata.topics().first().filter(|topic| topic.error().is_none());
        let partitions = topic.map_or(&[][..], |topic| topic.partitions());
        if partitions.is_empty() {
            return Err(BacklogError::NoTopic { topic: self.name.clone() });
        }
        let offsets = |which: Offset| {
            let mut question = TopicPartitionList::with_capacity(partitions.len());
            for partition in partitions {
                question.add_partition_offset(&self.name, partition.id(), which)?;
            }
            client.offsets_for_times(question, left())
        };
        let low = offsets(Offset::Beginning).map_err(failed)?;
        let end = offsets(Offset::End).map_err(failed)?;
        partitions
            .iter()
            .map(|partition| {
                let partition = partition.id();
                let low = offset(&low, &self.name, partition)?;
                let end = offset(&end, &self.name, partition)?;
                Ok(Span { partition, low, end })
            })
            .collect()
    }
}

fn offset(answer: &TopicPartitionList, topic: &str, partition: i32) -> Result<i64, BacklogError> {
    match answer.find_partition(topic, partition).map(|found| found.offset()) {
        Some(Offset::Offset(offset)) => Ok(offset),
        _ => Err(BacklogError::NoOffset { partition }),
    }
}

impl Backlog for Topic {
    async fn spans(&self) -> Result<Vec<Span>, BacklogError> {
        let topic = self.clone();
        task::spawn_blocking(move || topic.ask()).await.map_err(BacklogError::Abandoned)?
    }
}

#[cfg(test)]
mod tests {
    use publish::Auth;
    use rdkafka::mocking::MockCluster;

    use super::*;

    fn topic(bootstrap_servers: String, name: &str) -> Topic {
        Topic::new(&Connection { bootstrap_servers, auth: Auth::None }, "test", name)
    }

    #[tokio::test]
    async fn every_partition_has_a_span() {
        let cluster = MockCluster::new(1).unwrap();
        cluster.create_topic("events", 3, 1).unwrap();
        let spans = topic(cluster.bootstrap_servers(), "events").spans().await.unwrap();
        let empty = |partition| Span { partition, low: 0, end: 0 };
        assert_eq!(spans, [empty(0), empty(1), empty(2)]);
    }

    #[tokio::test]
    async fn a_cluster_that_is_away_is_an_error() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let nobody = listener.local_addr().unwrap().to_string();
        drop(listener);
        let topic = Topic { timeout: Duration::from_millis(50), ..topic(nobody, "events") };
        let error = topic.spans().await.unwrap_err();
        assert!(matches!(error, BacklogError::Kafka { .. }), "{error:?}");
    }
}
