//! Fetch: batches from the logs to clients, waiting for new ones without polling.
//!
//! Answers hold whole batches, the first one even where it exceeds every limit (KIP-74). Fetch
//! sessions (KIP-227) are declined the way the protocol provides for: session id 0.

mod encode;
mod read;
mod wanted;

use std::time::Duration;

use kafka_protocol::error::ResponseError;
use kafka_protocol::messages::fetch_response::{
    AbortedTransaction, FetchableTopicResponse, PartitionData,
};
use kafka_protocol::messages::{FetchRequest, FetchResponse};
use tokio::task::spawn_blocking;
use tokio::time::Instant;

pub(super) use self::encode::encode;
use self::read::Budget;
use self::wanted::{Wanted, WantedTopic, Wish};
use crate::log::Found;
use crate::memory::Share;
use crate::node::Node;

/// Records that are read on the spot, where they were written a moment ago; for more, or what may
/// have to come from the disk, nobody else on this thread should wait.
const INLINE_BYTES_MAX: usize = 256 * 1024;

/// Records of one answer, unless its first batch or the least that is asked for has more. What a
/// client allows, 50 MB by default, would be read into memory that no cache holds and that the
/// system has to find anew for every answer: in smaller answers the same records take a third of the
/// time. The client asks for the others next, in an order that it turns.
const ANSWER_BYTES: usize = 1024 * 1024;

/// `IsolationLevel.READ_COMMITTED` (KIP-98).
const READ_COMMITTED: i8 = 1;

/// The transactions to skip: none, for those who ask.
type Aborted = Option<Vec<AbortedTransaction>>;

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
    let wanted_bytes = usize::try_from(min_bytes).unwrap_or(usize::MAX).max(ANSWER_BYTES);
    let limit_bytes = asked_bytes.min(wanted_bytes).min(node.config.limits.fetch_bytes_max);
    let mut wish = Wish::new(&node.topics.catalogue(), version, &asked);
    let is_recent = wish.is_recent();
    if is_recent {
        wish.look();
    } else {
        let look = move || {
            wish.look();
            wish
        };
        wish = match spawn_blocking(look).await {
            Ok(wish) => wish,
            Err(_stopping) => return refuse(ResponseError::UnknownServerError),
        };
    }
    if !wish.is_fulfilled(min_bytes) {
        tokio::select! {
            () = wish.wait_for(min_bytes) => {}
            () = tokio::time::sleep_until(deadline) => {}
            () = node.shutdown.cancelled() => {}
        }
    }
    let ready_bytes = usize::try_from(wish.ready_bytes()).unwrap_or(usize::MAX);
    let memory = node.fetches.take_free(ready_bytes.min(limit_bytes));
    let mut budget = Budget::new(memory.bytes().min(limit_bytes));
    // With one node and no transactions everything is committed.
    let aborted = (asked.isolation_level == READ_COMMITTED).then(Vec::new);
    let read =
        move || wish.topics.into_iter().map(|topic| topic.answer(&mut budget, &aborted)).collect();
    let responses = if is_recent && memory.bytes() <= INLINE_BYTES_MAX {
        read()
    } else {
        match spawn_blocking(read).await {
            Ok(responses) => responses,
            Err(_stopping) => return refuse(ResponseError::UnknownServerError),
        }
    };
    (FetchResponse::default().with_responses(responses), Some(memory))
}

impl WantedTopic {
    fn answer(self, budget: &mut Budget, aborted: &Aborted) -> FetchableTopicResponse {
        let partitions =
            self.partitions.into_iter().map(|wanted| wanted.answer(budget, aborted)).collect();
        let response = FetchableTopicResponse::default().with_topic(self.name);
        response.with_topic_id(self.id).with_partitions(partitions)
    }
}

/// Whether an error says that there is no log to fetch from.
fn is_absent(error: ResponseError) -> bool {
    matches!(error, ResponseError::UnknownTopicOrPartition | ResponseError::UnknownTopicId)
}

impl Wanted {
    fn answer(self, budget: &mut Budget, aborted: &Aborted) -> PartitionData {
        let data = PartitionData::default().with_partition_index(self.index);
        let read = self.seen.and_then(|(found, ends)| {
            let records = match found {
                Found::Batches(batches) => budget.read(&batches, self.limit_bytes),
                Found::AtEnd => Ok(bytes::Bytes::new()),
                Found::OutOfRange => Err(ResponseError::OffsetOutOfRange),
            };
            records.map(|records| (records, ends))
        });
        match read {
            Ok((records, ends)) => data
                .with_aborted_transactions(aborted.clone())
                .with_high_watermark(ends.end)
                .with_last_stable_offset(ends.end)
                .with_log_start_offset(ends.start)
                .with_records(Some(records)),
            Err(error) => data
                .with_aborted_transactions(if is_absent(error) { Some(Vec::new()) } else { None })
                .with_error_code(error.code())
                .with_high_watermark(-1)
                .with_last_stable_offset(-1)
                .with_log_start_offset(-1)
                .with_records(Some(bytes::Bytes::new())),
        }
    }
}
