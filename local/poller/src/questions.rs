//! What is asked of Kafka, each with a bounded wait; all of it blocks.

use std::collections::BTreeMap;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerContext};
use rdkafka::error::KafkaResult;
use rdkafka::metadata::{MetadataPartition, MetadataTopic};
use rdkafka::{Offset, TopicPartitionList};

use crate::feed::Consumer;
use crate::mapping::{Position, Positions};

/// How long one question to Kafka may take before it counts as failed.
const QUESTION_MAX: Duration = Duration::from_secs(3);

/// The numbers of all partitions of the topic.
pub(crate) fn all_partitions<C: ConsumerContext>(
    consumer: &BaseConsumer<C>,
    topic: &str,
) -> KafkaResult<Vec<i32>> {
    let metadata = consumer.fetch_metadata(Some(topic), QUESTION_MAX)?;
    let topics = metadata.topics().iter().filter(|found| found.name() == topic);
    let mut partitions: Vec<i32> =
        topics.flat_map(MetadataTopic::partitions).map(MetadataPartition::id).collect();
    partitions.sort_unstable();
    Ok(partitions)
}

/// Asks for the first offset at or after a timestamp, or for [`Offset::Beginning`] or
/// [`Offset::End`], which Kafka's `ListOffsets` takes in the timestamp's place: one question for
/// all partitions of a broker.
pub(crate) fn listed<C: ConsumerContext>(
    consumer: &BaseConsumer<C>,
    topic: &str,
    partitions: &[i32],
    at: Offset,
) -> KafkaResult<BTreeMap<i32, i64>> {
    let answer = consumer.offsets_for_times(list(topic, partitions, at)?, QUESTION_MAX)?;
    for element in answer.elements() {
        element.error()?;
    }
    Ok(offsets(&answer))
}

/// What the group has committed, of the partitions that have something.
pub(crate) fn committed(
    consumer: &Consumer,
    topic: &str,
    partitions: &[i32],
) -> KafkaResult<Positions> {
    let unknown = list(topic, partitions, Offset::Invalid)?;
    let answer = consumer.committed_offsets(unknown, QUESTION_MAX)?;
    let mut positions = Positions::new();
    for element in answer.elements() {
        element.error()?;
        if let Offset::Offset(next) = element.offset() {
            let memory = element.metadata().to_owned();
            positions.insert(element.partition(), Position { next, memory });
        }
    }
    Ok(positions)
}

/// A list of the topic's partitions, each with the same offset.
fn list(topic: &str, partitions: &[i32], offset: Offset) -> KafkaResult<TopicPartitionList> {
    let mut list = TopicPartitionList::with_capacity(partitions.len());
    for partition in partitions {
        list.add_partition_offset(topic, *partition, offset)?;
    }
    Ok(list)
}

/// The real offsets of a list, by partition.
fn offsets(list: &TopicPartitionList) -> BTreeMap<i32, i64> {
    list.elements()
        .iter()
        .filter_map(|element| match element.offset() {
            Offset::Offset(offset) => Some((element.partition(), offset)),
            _ => None,
        })
        .collect()
}
