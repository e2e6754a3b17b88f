//! Moves a consumer group that nobody reads for: where its mapping goes on when it is resumed.

use std::collections::BTreeMap;
use std::time::Duration;

use rdkafka::config::FromClientConfigAndContext as _;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::{Offset, TopicPartitionList};

use crate::access::Identity;
use crate::config::MappingConfig;
use crate::questions::{all_partitions, listed};

/// How long the group's coordinator may take to be found.
const CONNECT_MAX: Duration = Duration::from_secs(10);

type Consumer = BaseConsumer<Identity>;

/// Where a group is moved to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResetTo {
    /// The earliest record kept.
    Beginning,
    /// After the last record.
    End,
    /// The first record at or after this time, else the end.
    Timestamp {
        /// Epoch milliseconds.
        timestamp_ms: i64,
    },
    /// This offset of every partition, or the nearest one that is kept.
    Offset(i64),
}

/// Why a group was not moved.
#[derive(Debug, thiserror::Error)]
pub enum ResetError {
    /// The topic is not there.
    #[error("topic `{topic}` does not exist")]
    NoTopic {
        /// The topic.
        topic: String,
    },
    /// Somebody reads for the group.
    #[error("consumer group `{group}` is in use")]
    InUse {
        /// The group.
        group: String,
    },
    /// Kafka did not do it.
    #[error("failed to move consumer group `{group}`")]
    Kafka {
        /// The group.
        group: String,
        /// What the client said.
        #[source]
        source: KafkaError,
    },
}

/// Moves the group of a mapping that does not run, and forgets what it was trying. Blocks while it
/// asks Kafka; gives the new offset of each partition.
pub fn reset(config: &MappingConfig, to: ResetTo) -> Result<BTreeMap<i32, i64>, ResetError> {
    let failed = |source: KafkaError| match source.rdkafka_error_code() {
        // What Kafka says to somebody outside of a group that has members.
        Some(RDKafkaErrorCode::UnknownMemberId | RDKafkaErrorCode::IllegalGeneration) => {
            ResetError::InUse { group: config.group_id.clone() }
        }
        _ => ResetError::Kafka { group: config.group_id.clone(), source },
    };
    let consumer = consumer(config).map_err(failed)?;
    let partitions = all_partitions(&consumer, &config.topic).map_err(failed)?;
    if partitions.is_empty() {
        return Err(ResetError::NoTopic { topic: config.topic.clone() });
    }
    let offsets = offsets(&consumer, &config.topic, &partitions, to).map_err(failed)?;
    let commit = || {
        let mut list = TopicPartitionList::with_capacity(offsets.len());
        for (partition, offset) in &offsets {
            list.add_partition_offset(&config.topic, *partition, Offset::Offset(*offset))?;
        }
        // The client finds the group's coordinator with this; a commit alone does not wait for it.
        let mut known = TopicPartitionList::with_capacity(1);
        known.add_partition(&config.topic, partitions[0]);
        consumer.committed_offsets(known, CONNECT_MAX)?;
        consumer.commit(&list, CommitMode::Sync)
    };
    commit().map_err(failed)?;
    Ok(offsets)
}

fn consumer(config: &MappingConfig) -> Result<Consumer, KafkaError> {
    let mut client = config.access.client(&config.bootstrap_servers);
    client
        .set("group.id", &config.group_id)
        .set("client.id", format!("mapping-{}-reset", config.id))
        .set("enable.auto.commit", "false");
    for (name, value) in &config.client_settings {
        client.set(name, value);
    }
    let consumer = Consumer::from_config_and_context(&client, config.access.identity())?;
    config.access.settle(&consumer);
    Ok(consumer)
}

fn offsets(
    consumer: &Consumer,
    topic: &str,
    partitions: &[i32],
    to: ResetTo,
) -> Result<BTreeMap<i32, i64>, KafkaError> {
    let lows = listed(consumer, topic, partitions, Offset::Beginning)?;
    let highs = listed(consumer, topic, partitions, Offset::End)?;
    let at = match to {
        ResetTo::Timestamp { timestamp_ms } => {
            listed(consumer, topic, partitions, Offset::Offset(timestamp_ms))?
        }
        ResetTo::Beginning | ResetTo::End | ResetTo::Offset(_) => BTreeMap::new(),
    };
    let of = |offsets: &BTreeMap<i32, i64>, partition: i32| offsets.get(&partition).copied();
    let place = |&partition: &i32| {
        let low = of(&lows, partition).unwrap_or(0);
        let high = of(&highs, partition).unwrap_or(low);
        let offset = match to {
            ResetTo::Beginning => low,
            ResetTo::End => high,
            ResetTo::Timestamp { .. } => of(&at, partition).unwrap_or(high),
            ResetTo::Offset(offset) => offset.clamp(low, high),
        };
        (partition, offset)
    };
    Ok(partitions.iter().map(place).collect())
}
