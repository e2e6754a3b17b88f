//! Reads the records that a topic holds now, one after the other. It judges nothing.

use std::collections::BTreeSet;
use std::ops::Range;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Message as _};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use tokio::sync::mpsc;

use crate::failure::OpsFailure;

/// How long the broker may take to answer a question.
pub(crate) const KAFKA_TIMEOUT: Duration = Duration::from_secs(10);

/// Records that librdkafka reads ahead: the largest is 1 MB.
const READ_AHEAD_KB: &str = "8192";

/// Records that are read and not yet looked at: up to 1 MB each.
const RECORDS_MAX: usize = 8;

/// Offsets of one partition.
pub(crate) type Held = (i32, Range<i64>);

/// A reader of the Kafka at `bootstrap`.
pub(crate) fn kafka(bootstrap: &str) -> Result<BaseConsumer, OpsFailure> {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", bootstrap).set("group.id", "millrace-ops");
    config.set("enable.auto.commit", "false").set("enable.partition.eof", "true");
    config.set("queued.max.messages.kbytes", READ_AHEAD_KB);
    Ok(config.create()?)
}

/// The offsets that each partition of `topic` holds, from the oldest one kept to the one that the
/// next record will get.
pub(crate) async fn offsets(bootstrap: &str, topic: &str) -> Result<Vec<Range<i64>>, OpsFailure> {
    let (kafka, topic) = (kafka(bootstrap)?, topic.to_owned());
    let offsets = tokio::task::spawn_blocking(move || read_offsets(&kafka, topic));
    offsets.await.expect("reading offsets does not panic")
}

fn read_offsets(kafka: &BaseConsumer, topic: String) -> Result<Vec<Range<i64>>, OpsFailure> {
    let metadata = kafka.fetch_metadata(Some(&topic), KAFKA_TIMEOUT)?;
    let partitions = metadata.topics().first().map_or(0, |topic| topic.partitions().len());
    if partitions == 0 {
        return Err(OpsFailure::NoTopic { topic });
    }
    let partitions = i32::try_from(partitions).expect("Kafka counts partitions in 32 bits");
    let read = |partition| {
        let (low, end) = kafka.fetch_watermarks(&topic, partition, KAFKA_TIMEOUT)?;
        Ok(low..end)
    };
    (0..partitions).map(read).collect()
}

/// What `convert` makes of the records at some offsets; ends after the first failure.
pub(crate) fn read<T: Send + 'static>(
    bootstrap: &str,
    topic: &str,
    held: Vec<Held>,
    convert: fn(&BorrowedMessage<'_>) -> Option<T>,
) -> Result<mpsc::Receiver<Result<T, OpsFailure>>, OpsFailure> {
    let (kafka, topic) = (kafka(bootstrap)?, topic.to_owned());
    let (sender, records) = mpsc::channel(RECORDS_MAX);
    tokio::task::spawn_blocking(move || {
        let reading = Reading { kafka: &kafka, topic, records: &sender, convert };
        if let Err(failure) = reading.run(held) {
            // Whoever no longer listens does not want to know.
            sender.blocking_send(Err(failure)).ok();
        }
    });
    Ok(records)
}

struct Reading<'r, T> {
    kafka: &'r BaseConsumer,
    topic: String,
    records: &'r mpsc::Sender<Result<T, OpsFailure>>,
    convert: fn(&BorrowedMessage<'_>) -> Option<T>,
}

impl<T> Reading<'_, T> {
    fn run(self, held: Vec<Held>) -> Result<(), OpsFailure> {
        let mut partitions = TopicPartitionList::new();
        let mut open = BTreeSet::new();
        for (partition, offsets) in held.into_iter().filter(|(_, offsets)| !offsets.is_empty()) {
            let first = Offset::Offset(offsets.start);
            partitions.add_partition_offset(&self.topic, partition, first)?;
            open.insert((partition, offsets.end));
        }
        self.kafka.assign(&partitions)?;
        while !open.is_empty() {
            match self.kafka.poll(KAFKA_TIMEOUT) {
                Some(Ok(message)) => {
                    let (partition, offset) = (message.partition(), message.offset());
                    let wanted = open.iter().any(|(open, end)| *open == partition && offset < *end);
                    open.retain(|(other, end)| *other != partition || offset + 1 < *end);
                    if let Some(record) = wanted.then(|| (self.convert)(&message)).flatten()
                        && self.records.blocking_send(Ok(record)).is_err()
                    {
                        return Ok(());
                    }
                }
                // The last offset may be one that no record has.
                Some(Err(KafkaError::PartitionEOF(partition))) => {
                    open.retain(|(other, _)| *other != partition);
                }
                Some(Err(error)) => return Err(error.into()),
                None => {
                    let seconds = KAFKA_TIMEOUT.as_secs();
                    return Err(OpsFailure::KafkaSilent { topic: self.topic, seconds });
                }
            }
        }
        Ok(())
    }
}
