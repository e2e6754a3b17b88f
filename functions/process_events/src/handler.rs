//! Parse the batch, apply each slice, sum up, answer. What becomes of a record is `verdict`'s
//! business, that it happens once is the ledger's.

use std::time::Duration;

use event::{KeyRing, Stream};
use futures_util::{StreamExt, stream};
use kafka_batch::{Batch, BatchError, BatchResponse, Record, Slice, Source};
use lambda_runtime::Diagnostic;
use progress::{ApplyError, Consumer, Counts, Entry, Ledger, Limits, Report, store::Store};
use publish::{Publish, PublishError};
use tokio::time::Instant;

use crate::{dead_letter::DeadLetters, work::Work};

/// The name under which the table keeps this function's progress.
const CONSUMER: &str = "process_events";

/// Slices applied at a time. Each waits for the table most of the time; a batch rarely has more
/// partitions than this, and more would only throttle each other.
const SLICES_AT_ONCE: usize = 8;

/// What is left of the invocation when no further transaction is started.
const LAST_START: Duration = Duration::from_secs(2);

/// What is left of the invocation when running calls are abandoned, to answer instead of being
/// killed.
const LAST_WAIT: Duration = Duration::from_millis(500);

/// What the function is told by its variables.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) ring: KeyRing,
    /// The cluster's name, for events that do not carry an ARN.
    pub(crate) cluster: Option<String>,
    pub(crate) epoch: u32,
    pub(crate) answers: Answers,
}

/// How the mapping is told that not everything is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answers {
    /// The invocation fails. Safe, because what is done is skipped when it comes again.
    Fail,
    /// `batchItemFailures`, for a mapping with `ReportBatchItemFailures`.
    Partial,
}

/// Until when an invocation works, from Lambda's deadline and now, in milliseconds since 1970.
pub(crate) fn limits(deadline_ms: u64, now_ms: u64) -> Limits {
    let left = telemetry::time_left(deadline_ms, now_ms);
    // A short timeout shall leave some time for work.
    let at = |margin| Instant::now() + left.saturating_sub(margin).max(left / 2);
    Limits { last_start: at(LAST_START), last_wait: at(LAST_WAIT) }
}

/// Applies batches.
pub(crate) struct Handler<S, P> {
    ledger: Ledger<S>,
    letters: DeadLetters<P>,
    consumer: Consumer,
    settings: Settings,
}

/// A batch that is not done. Lambda delivers it again.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HandlerError {
    /// The document is not a batch.
    #[error("failed to read the batch")]
    Batch(#[source] BatchError),
    /// The event does not say which cluster it comes from, and nothing else does.
    #[error("the event names no cluster: set `KAFKA_CLUSTER`")]
    NoCluster,
    /// Some slices are not done.
    #[error("{failed} of {slices} slices are not done, first `{first}`")]
    Slices {
        /// How many.
        failed: usize,
        /// Of how many.
        slices: usize,
        /// The partition and why.
        first: String,
    },
}

impl From<HandlerError> for Diagnostic {
    fn from(error: HandlerError) -> Self {
        let error_type = match error {
            HandlerError::Batch(_) => "BatchUnreadable",
            HandlerError::NoCluster => "ClusterUnknown",
            HandlerError::Slices { .. } => "SlicesNotDone",
        };
        Self {
            error_type: error_type.to_owned(),
            error_message: telemetry::chain(&error).to_string(),
        }
    }
}

/// Where and why a slice ended before its end.
struct Unfinished {
    offset: i64,
    cause: String,
}

impl<S: Store, P: Publish> Handler<S, P> {
    pub(crate) fn new(ledger: Ledger<S>, letters: DeadLetters<P>, settings: Settings) -> Self {
        Self { ledger, letters, consumer: Consumer::new(CONSUMER), settings }
    }

    /// Applies one batch: every slice as far as it goes, whatever becomes of the others.
    pub(crate) async fn handle(
        &self,
        payload: &[u8],
        limits: Limits,
    ) -> Result<BatchResponse, HandlerError> {
        let start = Instant::now();
        let batch = Batch::parse(payload).map_err(HandlerError::Batch)?;
        let cluster = self.cluster(&batch)?;
        let slices: Vec<_> =
            batch.slices().iter().map(|slice| self.slice(cluster, slice, limits)).collect();
        let ends: Vec<_> = stream::iter(slices).buffered(SLICES_AT_ONCE).collect().await;
        let mut sum = Counts::default();
        let mut unfinished = Vec::new();
        for (slice, (counts, end)) in batch.slices().iter().zip(ends) {
            sum.applied += counts.applied;
            sum.failed += counts.failed;
            sum.skipped += counts.skipped;
            sum.already += counts.already;
            unfinished.extend(end.map(|end| (slice, end)));
        }
        tracing::info!(
            batch.records = batch.record_count(),
            batch.slices = batch.slices().len(),
            batch.slices_unfinished = unfinished.len(),
            batch.size_bytes = payload.len(),
            applied = sum.applied,
            failed = sum.failed,
            skipped = sum.skipped,
            already_applied = sum.already,
            duration_ms = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX),
            "Batch processed"
        );
        self.answer(&batch, &unfinished)
    }

    fn cluster<'b>(&'b self, batch: &'b Batch<'_>) -> Result<&'b str, HandlerError> {
        match batch.source() {
            Source::Msk { cluster_arn } => Ok(cluster_arn),
            Source::SelfManaged => self.settings.cluster.as_deref().ok_or(HandlerError::NoCluster),
        }
    }

    fn answer(
        &self,
        batch: &Batch<'_>,
        unfinished: &[(&Slice<'_>, Unfinished)],
    ) -> Result<BatchResponse, HandlerError> {
        let mut response = BatchResponse::default();
        match (self.settings.answers, unfinished) {
            (_, []) => {}
            (Answers::Fail, [(slice, first), ..]) => {
                return Err(HandlerError::Slices {
                    failed: unfinished.len(),
                    slices: batch.slices().len(),
                    first: format!(
                        "{} at offset {}: {}",
                        slice.partition_key(),
                        first.offset,
                        first.cause
                    ),
                });
            }
            (Answers::Partial, _) => {
                for (slice, end) in unfinished {
                    response.retry_from(slice, end.offset);
                }
            }
        }
        Ok(response)
    }

    /// Applies one slice.
    async fn slice(
        &self,
        cluster: &str,
        slice: &Slice<'_>,
        limits: Limits,
    ) -> (Counts, Option<Unfinished>) {
        let Settings { ring, epoch, .. } = &self.settings;
        let stream =
            Stream { cluster: cluster.to_owned(), topic: slice.topic.to_string(), epoch: *epoch };
        let partition = self.consumer.partition(&stream, slice.partition);
        let entries: Vec<Entry> = slice.records.iter().map(entry).collect();
        let keys = ring.for_stream(&stream);
        let work = Work { slice, keys, letters: &self.letters, deadline: limits.last_start };
        let report = self.ledger.apply(&partition, &entries, &work, limits).await;
        let unfinished = unfinished(slice, &report);
        (report.counts, unfinished)
    }
}

fn entry(record: &Record<'_>) -> Entry {
    let headers = record.headers.iter().map(|header| (&*header.name, &*header.value));
    let (key, value) = (record.key.as_deref(), record.value.as_deref());
    let checksum = progress::checksum(record.timestamp_ms, key, value, headers);
    Entry { offset: record.offset, checksum }
}

/// Tells the log why a slice stopped; a slice that nobody but a person can move is an error.
fn unfinished(slice: &Slice<'_>, report: &Report<PublishError>) -> Option<Unfinished> {
    let stop = report.stop.as_ref()?;
    let cause = telemetry::chain(&stop.error).to_string();
    let (topic, partition, offset) = (&*slice.topic, slice.partition, stop.offset);
    if matches!(stop.error, ApplyError::Plan(_)) {
        tracing::error!(
            kafka.topic = topic,
            kafka.partition = partition,
            kafka.offset = offset,
            error = %cause,
            "Slice refused"
        );
    } else {
        tracing::warn!(
            kafka.topic = topic,
            kafka.partition = partition,
            kafka.offset = offset,
            error = %cause,
            "Slice stopped, it will come again"
        );
    }
    Some(Unfinished { offset, cause })
}

#[cfg(test)]
mod tests;
