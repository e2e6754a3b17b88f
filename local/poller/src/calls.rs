//! The calls to Kafka that wait for an answer, on a thread of their own: commits, and how far the
//! group is.
//!
//! Commits are synchronous, because an asynchronous one fails in silence.

use std::sync::mpsc::Receiver;

use rdkafka::consumer::{CommitMode, Consumer as _};
use rdkafka::error::KafkaResult;
use rdkafka::{Offset, TopicPartitionList};
use tokio::sync::mpsc;

use crate::feed::Consumer;
use crate::mapping::Positions;
use crate::questions::{all_partitions, committed, listed};
use crate::status::PartitionStatus;

/// Calls not yet begun: the mapping's task has at most one of each kind under way.
pub(crate) const CALLS_MAX: usize = 2;

/// A call to make.
#[derive(Debug)]
pub(crate) enum Call {
    Commit(Positions),
    Progress,
}

/// What came of it.
#[derive(Debug)]
pub(crate) enum Reply {
    /// The text says why it failed.
    Commit(Result<(), String>),
    /// `None` while Kafka cannot say.
    Progress(Option<Vec<PartitionStatus>>),
}

/// Makes the calls one after the other until nobody has any more.
pub(crate) fn run(
    consumer: &Consumer,
    topic: &str,
    calls: Receiver<Call>,
    replies: &mpsc::Sender<Reply>,
) {
    for call in calls {
        let reply = match call {
            Call::Commit(positions) => {
                Reply::Commit(commit(consumer, topic, &positions).map_err(|e| e.to_string()))
            }
            Call::Progress => Reply::Progress(
                progress(consumer, topic)
                    .inspect_err(|error| tracing::debug!(%error, "Kafka did not say how far it is"))
                    .ok(),
            ),
        };
        if replies.blocking_send(reply).is_err() {
            return;
        }
    }
}

fn commit(consumer: &Consumer, topic: &str, positions: &Positions) -> KafkaResult<()> {
    let mut list = TopicPartitionList::with_capacity(positions.len());
    for (partition, position) in positions {
        let mut element = list.add_partition(topic, *partition);
        element.set_offset(Offset::Offset(position.next))?;
        if !position.memory.is_empty() {
            element.set_metadata(&position.memory);
        }
    }
    consumer.commit(&list, CommitMode::Sync)
}

fn progress(consumer: &Consumer, topic: &str) -> KafkaResult<Vec<PartitionStatus>> {
    let partitions = all_partitions(consumer, topic)?;
    let committed = committed(consumer, topic, &partitions)?;
    let ends = listed(consumer, topic, &partitions, Offset::End)?;
    let status = |partition: i32| PartitionStatus {
        partition,
        committed: committed.get(&partition).map(|position| position.next),
        end: ends.get(&partition).copied(),
    };
    Ok(partitions.into_iter().map(status).collect())
}
