//! Reads the dead letters that are there now. It judges nothing.

use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Headers as _, Message as _};
use rdkafka::{Offset, TopicPartitionList};

use crate::failure::OpsFailure;
use crate::surroundings::{KAFKA_TIMEOUT, Surroundings};

/// The headers in which `process_events` tells where a dead letter comes from.
const PARTITION_HEADER: &str = "dead_letter_partition";
const OFFSET_HEADER: &str = "dead_letter_offset";

/// A record that was given up.
#[derive(Debug)]
pub(crate) struct DeadLetter {
    /// Partition and offset of the record it is a copy of.
    pub(crate) origin: (i32, i64),
    pub(crate) value: Vec<u8>,
}

/// All dead letters up to now.
pub(crate) async fn read(surroundings: &Surroundings) -> Result<Vec<DeadLetter>, OpsFailure> {
    let ends = surroundings.ends(&surroundings.dead_letter_topic).await?;
    let kafka = surroundings.kafka()?;
    let topic = surroundings.dead_letter_topic.clone();
    let read = tokio::task::spawn_blocking(move || read_all(&kafka, &topic, &ends));
    let letters = read.await.expect("reading dead letters does not panic");
    letters.map_err(|source| OpsFailure::Kafka { source })
}

fn read_all(
    kafka: &BaseConsumer,
    topic: &str,
    ends: &[i64],
) -> Result<Vec<DeadLetter>, KafkaError> {
    let mut open = 0;
    let mut partitions = TopicPartitionList::new();
    for (partition, end) in (0..).zip(ends).filter(|(_, end)| **end > 0) {
        partitions.add_partition_offset(topic, partition, Offset::Beginning)?;
        open += usize::from(*end > 0);
    }
    kafka.assign(&partitions)?;
    let mut letters = Vec::new();
    while open > 0 {
        match kafka.poll(KAFKA_TIMEOUT) {
            Some(Ok(message)) => letters.extend(letter(&message)),
            Some(Err(KafkaError::PartitionEOF(_))) => open -= 1,
            Some(Err(error)) => return Err(error),
            None => break,
        }
    }
    Ok(letters)
}

fn letter(message: &BorrowedMessage<'_>) -> Option<DeadLetter> {
    let number = |name: &str| -> Option<i64> {
        let header = message.headers()?.iter().find(|header| header.key == name)?;
        std::str::from_utf8(header.value?).ok()?.parse().ok()
    };
    let partition = i32::try_from(number(PARTITION_HEADER)?).ok()?;
    let value = message.payload()?.to_vec();
    Some(DeadLetter { origin: (partition, number(OFFSET_HEADER)?), value })
}
