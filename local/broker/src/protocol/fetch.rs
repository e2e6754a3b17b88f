//! Fetch: batches from the logs to clients, waiting for new ones without polling.
//!
//! Answers hold whole batches, the first one even where it exceeds every limit (KIP-74). Fetch
//! sessions (KIP-227) are declined the way the protocol provides for: session id 0.

mod read;

use std::time::Duration;

use futures_util::future::select_all;
use kafka_protocol::error::ResponseError;
use kafka_protocol::messages::fetch_response::{FetchableTopicResponse, PartitionData};
use kafka_protocol::messages::{FetchRequest, FetchResponse, TopicName};
use tokio::sync::watch;
use tokio::task::spawn_blocking;
use tokio::time::Instant;
use uuid::Uuid;

use self::read::Budget;
use crate::log::{Ends, Found, LogHandle};
use crate::memory::Share;
use crate::node::Node;
use crate::protocol::list_offsets::check_epoch;

/// The first version that names topics by id (KIP-516).
const TOPIC_IDS_SINCE: i16 = 13;

/// Records that are read on the spot; more may have to come from the disk, and nobody else on this
/// thread should wait for that.
const INLINE_BYTES_MAX: usize = 256 * 1024;

/// Answers with the memory that the records count for.
pub(super) async fn fetch(
    node: &Node,
    version: i16,
    asked: FetchRequest,
) -> (FetchResponse, Option<Share>) {
    let refuse =
        |error: ResponseError| (FetchResponse::default().with_error_code(error.code()), None);
    if asked.session_epoch > 0 {
        return refuse(ResponseError::FetchSessionIdNotFound);
    }
    let wait = Duration::from_millis(u64::try_from(asked.max_wait_ms).unwrap_or(0));
    let deadline = Instant::now() + wait.min(node.config.limits.idle_max);
    let min_bytes = u64::try_from(asked.min_bytes).unwrap_or(0);
    let asked_bytes = usize::try_from(asked.max_bytes).unwrap_or(0);
    let limit_bytes = asked_bytes.min(node.config.limits.fetch_bytes_max);
    let mut topics = wanted(node, version, &asked);
    let ready = loop {
        let ready = look(&mut topics).await;
        if ready.must_answer || ready.bytes >= min_bytes || Instant::now() >= deadline {
            break ready;
        }
        tokio::select! {
            () = changed(&mut topics) => {}
            () = tokio::time::sleep_until(deadline) => {}
            () = node.shutdown.cancelled() => break ready,
        }
    };
    let ready_bytes = usize::try_from(ready.bytes).unwrap_or(usize::MAX);
    let memory = node.fetches.take_free(ready_bytes.min(limit_bytes));
    let mut budget = Budget::new(memory.bytes().min(limit_bytes));
    let read = move || topics.into_iter().map(|topic| topic.answer(&mut budget)).collect();
    let responses = if memory.bytes() <= INLINE_BYTES_MAX {
        read()
    } else {
        match spawn_blocking(read).await {
            Ok(responses) => responses,
            Err(_stopping) => return refuse(ResponseError::UnknownServerError),
        }
    };
    (FetchResponse::default().with_responses(responses), Some(memory))
}

/// A topic that a request asks for.
struct WantedTopic {
    name: TopicName,
    id: Uuid,
    partitions: Vec<Wanted>,
}

/// A partition that a request asks for, and what is there.
struct Wanted {
    index: i32,
    offset: i64,
    limit_bytes: usize,
    log: Result<Watched, ResponseError>,
    found: Result<Found, ResponseError>,
}

/// A log with a view of its ends of our own.
struct Watched {
    log: LogHandle,
    ends: watch::Receiver<Ends>,
}

impl Watched {
    /// Where `offset` is; at the log's end that is known without asking it.
    async fn find(&mut self, offset: i64) -> Result<Found, ResponseError> {
        if self.ends.borrow_and_update().end == offset {
            return Ok(Found::AtEnd);
        }
        self.log.find(offset).await
    }
}

/// What one look at all partitions came to.
struct Ready {
    bytes: u64,
    /// An error is told at once.
    must_answer: bool,
}

fn wanted(node: &Node, version: i16, asked: &FetchRequest) -> Vec<WantedTopic> {
    let catalogue = node.topics.catalogue();
    let topics = asked.topics.iter().map(|topic| {
        let known = if version >= TOPIC_IDS_SINCE {
            catalogue.topic_by_id(topic.topic_id)
        } else {
            catalogue.topic(&topic.topic)
        };
        let partitions = topic.partitions.iter().map(|partition| {
            let log = check_epoch(partition.current_leader_epoch)
                .and(known)
                .and_then(|topic| topic.partition(partition.partition));
            let log = log.map(|log| Watched { log: log.clone(), ends: log.ends.clone() });
            Wanted {
                index: partition.partition,
                offset: partition.fetch_offset,
                limit_bytes: usize::try_from(partition.partition_max_bytes).unwrap_or(0),
                log,
                found: Ok(Found::AtEnd),
            }
        });
        let partitions = partitions.collect();
        WantedTopic { name: topic.topic.clone(), id: topic.topic_id, partitions }
    });
    topics.collect()
}

/// Looks where each partition's offset is; those at their end cost no question to the log.
async fn look(topics: &mut [WantedTopic]) -> Ready {
    let mut ready = Ready { bytes: 0, must_answer: false };
    for wanted in topics.iter_mut().flat_map(|topic| &mut topic.partitions) {
        wanted.found = match &mut wanted.log {
            Err(error) => Err(*error),
            Ok(watched) => watched.find(wanted.offset).await,
        };
        match &wanted.found {
            Ok(Found::Batches(batches)) => {
                let limit = batches.first_batch_bytes.max(wanted.limit_bytes) as u64;
                ready.bytes += batches.available_bytes.min(limit);
            }
            Ok(Found::AtEnd) => {}
            Ok(Found::OutOfRange) | Err(_) => ready.must_answer = true,
        }
    }
    // Nothing asked for is nothing to wait for.
    ready.must_answer |= topics.iter().all(|topic| topic.partitions.is_empty());
    ready
}

/// Waits until one of the logs changed. A log that went away is a change, and from then on an
/// error.
async fn changed(topics: &mut [WantedTopic]) {
    let partitions = topics.iter_mut().flat_map(|topic| &mut topic.partitions);
    let waits = partitions.map(|wanted| {
        Box::pin(async move {
            let gone = match &mut wanted.log {
                Ok(watched) => watched.ends.changed().await.is_err(),
                Err(_) => std::future::pending().await,
            };
            if gone {
                wanted.log = Err(ResponseError::UnknownTopicOrPartition);
            }
        })
    });
    select_all(waits).await;
}

impl WantedTopic {
    fn answer(self, budget: &mut Budget) -> FetchableTopicResponse {
        let partitions = self.partitions.into_iter().map(|wanted| wanted.answer(budget)).collect();
        let response = FetchableTopicResponse::default().with_topic(self.name);
        response.with_topic_id(self.id).with_partitions(partitions)
    }
}

impl Wanted {
    fn answer(self, budget: &mut Budget) -> PartitionData {
        let ends = self.log.map(|watched| *watched.ends.borrow());
        let records = match (self.found, &ends) {
            (Ok(Found::Batches(batches)), Ok(_)) => budget.read(&batches, self.limit_bytes),
            (Ok(Found::AtEnd), Ok(_)) => Ok(bytes::Bytes::new()),
            (Ok(Found::OutOfRange), Ok(_)) => Err(ResponseError::OffsetOutOfRange),
            (Err(error), _) | (Ok(_), &Err(error)) => Err(error),
        };
        let data = PartitionData::default().with_partition_index(self.index);
        let data = match &ends {
            Ok(ends) => data
                .with_high_watermark(ends.end)
                .with_last_stable_offset(ends.end)
                .with_log_start_offset(ends.start),
            Err(_) => {
                data.with_high_watermark(-1).with_last_stable_offset(-1).with_log_start_offset(-1)
            }
        };
        match records {
            Ok(records) => data.with_records(Some(records)),
            Err(error) => {
                data.with_error_code(error.code()).with_records(Some(bytes::Bytes::new()))
            }
        }
    }
}
