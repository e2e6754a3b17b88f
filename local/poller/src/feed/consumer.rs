//! The Kafka consumer: its settings, and what it calls back.

use std::error::Error;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use rdkafka::client::{ClientContext, OAuthToken};
use rdkafka::config::{FromClientConfigAndContext, RDKafkaLogLevel};
use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerContext};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::topic_partition_list::{TopicPartitionList, TopicPartitionListElem};
use rdkafka::types::RDKafkaRespErr;

use crate::access::Identity;
use crate::config::MappingConfig;

/// Rebalances not yet taken in. Kafka sends the next one only after the last was answered.
const REBALANCES_MAX: usize = 4;

/// Errors' texts not yet taken in: each comes just before the error itself.
const TEXTS_MAX: usize = 4;

/// A mapping's Kafka consumer.
pub(crate) type Consumer = BaseConsumer<Context>;

/// A change in the partitions that the group gives us.
#[derive(Debug)]
pub(crate) enum Rebalance {
    Assign(Vec<i32>),
    Revoke(Vec<i32>),
}

/// Passes rebalances on, to be answered outside the callback: finding where a partition starts
/// takes questions to Kafka, and may take several tries.
pub(crate) struct Context {
    rebalances: SyncSender<Rebalance>,
    said: SyncSender<String>,
    identity: Identity,
}

/// A consumer, and the channels of what it calls back.
pub(crate) struct Client {
    pub(crate) consumer: Arc<Consumer>,
    pub(crate) rebalances: Receiver<Rebalance>,
    /// What the library says of the errors that polls end with, beside their codes.
    pub(crate) said: Receiver<String>,
}

/// Makes the consumer of the mapping's poller of this number, not yet subscribed.
pub(crate) fn create(config: &MappingConfig, number: u32) -> KafkaResult<Client> {
    let (to_rebalance, rebalances) = sync_channel(REBALANCES_MAX);
    let (to_say, said) = sync_channel(TEXTS_MAX);
    let identity = config.access.identity();
    let mut client = config.access.client(&config.bootstrap_servers);
    client
        .set("group.id", &config.group_id)
        .set("client.id", format!("mapping-{}-{number}", config.id))
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        // A mapping that was killed keeps its partitions for this long: Kafka waits for it before
        // the next start may read. The default of 45 s is made for links that fail, not for this.
        .set("session.timeout.ms", "10000")
        // An offset that turns out to be gone is for the mapping to hear of: the client would go
        // back in silence, to offsets that the mapping takes for read already.
        .set("auto.offset.reset", "error")
        // Measured: 15 MB resident and full speed. With the default back-off of 1,000 ms a queue
        // this small would stand empty most of the time.
        .set("queued.max.messages.kbytes", "2048")
        .set("fetch.queue.backoff.ms", "1")
        // New partitions, and a topic made after the mapping, are found within seconds.
        .set("topic.metadata.refresh.interval.ms", "5000")
        // A Kafka that comes back is found within a second.
        .set("reconnect.backoff.max.ms", "1000");
    for (name, value) in &config.client_settings {
        client.set(name, value);
    }
    let context = Context { rebalances: to_rebalance, said: to_say, identity };
    let consumer = Arc::new(Consumer::from_config_and_context(&client, context)?);
    Ok(Client { consumer, rebalances, said })
}

impl ClientContext for Context {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = Identity::ENABLE_REFRESH_OAUTH_TOKEN;

    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        // What someone must act on is said by the mapping itself.
        tracing::debug!(?level, facility, "{message}");
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(%error, reason, "Kafka client error");
        if self.said.try_send(reason.to_owned()).is_err() {
            tracing::debug!("Nobody polls any more who would want to know");
        }
    }

    fn generate_oauth_token(&self, config: Option<&str>) -> Result<OAuthToken, Box<dyn Error>> {
        self.identity.generate_oauth_token(config)
    }
}

impl ConsumerContext for Context {
    fn rebalance(
        &self,
        consumer: &BaseConsumer<Self>,
        kind: RDKafkaRespErr,
        list: &mut TopicPartitionList,
    ) {
        let partitions = list.elements().iter().map(TopicPartitionListElem::partition).collect();
        let rebalance = match kind {
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS => Rebalance::Assign(partitions),
            _ => Rebalance::Revoke(partitions),
        };
        // The thread that answers is gone once the consumer closes.
        if self.rebalances.try_send(rebalance).is_err()
            && let Err(error) = consumer.unassign()
        {
            tracing::debug!(%error, "Failed to give the partitions back");
        }
    }
}
