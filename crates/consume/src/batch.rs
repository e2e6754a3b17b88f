//! Parse the batch, apply each slice, sum up, answer.

use std::{sync::Arc, time::Duration};

use event::Stream;
use futures_util::{StreamExt, stream};
use jiff::Timestamp;
use kafka_batch::{Batch, BatchError, BatchResponse, Slice, Source};
use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use progress::{Counts, Limits};
use serde_json::value::RawValue;
use tokio::time::Instant;

use crate::{Answers, SliceEnd, Terms, end::Unfinished, limits};

/// Slices applied at a time. Each waits for the table most of the time; a batch rarely has more
/// partitions than this, and more would only throttle each other.
const SLICES_AT_ONCE: usize = 8;

/// What a function does with one slice.
pub trait Apply: Send + Sync {
    /// Applies one slice as far as it goes.
    fn apply(
        &self,
        stream: Stream,
        slice: &Slice<'_>,
        limits: Limits,
    ) -> impl Future<Output = SliceEnd> + Send;

    /// What is done behind the slices of a batch, before it is answered.
    fn finish(&self, _limits: Limits) -> impl Future<Output = ()> + Send {
        async {}
    }

    /// How long one transaction takes beyond what the table takes.
    fn unit(&self) -> Duration {
        Duration::ZERO
    }
}

/// A batch that is not done. Lambda delivers it again.
#[derive(Debug, thiserror::Error)]
pub enum BatchFailure {
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

impl From<BatchFailure> for Diagnostic {
    fn from(error: BatchFailure) -> Self {
        let error_type = match error {
            BatchFailure::Batch(_) => "BatchUnreadable",
            BatchFailure::NoCluster => "ClusterUnknown",
            BatchFailure::Slices { .. } => "SlicesNotDone",
        };
        Self {
            error_type: error_type.to_owned(),
            error_message: telemetry::chain(&error).to_string(),
        }
    }
}

/// One invocation at a time, or `AWS_LAMBDA_MAX_CONCURRENCY` many.
pub async fn serve(terms: Terms, apply: impl Apply + 'static) -> Result<(), lambda_runtime::Error> {
    let shared = Arc::new((terms, apply));
    lambda_runtime::run_concurrent(service_fn(move |event: LambdaEvent<Box<RawValue>>| {
        let shared = Arc::clone(&shared);
        async move {
            let (terms, apply) = &*shared;
            let now_ms = u64::try_from(Timestamp::now().as_millisecond()).unwrap_or(0);
            let limits = limits(event.context.deadline, now_ms, apply.unit());
            handle(terms, apply, event.payload.get().as_bytes(), limits).await
        }
    }))
    .await
}

/// Applies one batch: every slice as far as it goes, whatever becomes of the others.
pub async fn handle(
    terms: &Terms,
    apply: &impl Apply,
    payload: &[u8],
    limits: Limits,
) -> Result<BatchResponse, BatchFailure> {
    let start = Instant::now();
    let batch = Batch::parse(payload).map_err(BatchFailure::Batch)?;
    let cluster = match batch.source() {
        Source::Msk { cluster_arn } => cluster_arn,
        Source::SelfManaged => terms.cluster.as_deref().ok_or(BatchFailure::NoCluster)?,
    };
    let origin = |slice: &Slice<'_>| Stream {
        cluster: cluster.to_owned(),
        topic: slice.topic.to_string(),
        epoch: terms.epoch,
    };
    let slices: Vec<_> =
        batch.slices().iter().map(|slice| apply.apply(origin(slice), slice, limits)).collect();
    let ends: Vec<_> = stream::iter(slices).buffered(SLICES_AT_ONCE).collect().await;
    let mut sum = Counts::default();
    let mut unfinished = Vec::new();
    for (slice, SliceEnd { counts, unfinished: end }) in batch.slices().iter().zip(ends) {
        sum.applied += counts.applied;
        sum.failed += counts.failed;
        sum.skipped += counts.skipped;
        sum.already += counts.already;
        unfinished.extend(end.map(|end| (slice, end)));
    }
    for (slice, end) in &unfinished {
        tell(slice, end, terms.topic.epoch_variable());
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
    apply.finish(limits).await;
    answer(terms.answers, &batch, &unfinished)
}

/// Tells the log why a slice stopped; one that only a person can move is an error.
fn tell(slice: &Slice<'_>, end: &Unfinished, epoch_variable: &str) {
    let (topic, partition) = (&*slice.topic, slice.partition);
    if end.refused {
        tracing::error!(
            kafka.topic = topic,
            kafka.partition = partition,
            kafka.offset = end.offset,
            error = end.cause,
            epoch.variable = epoch_variable,
            "Slice refused"
        );
    } else {
        tracing::warn!(
            kafka.topic = topic,
            kafka.partition = partition,
            kafka.offset = end.offset,
            error = end.cause,
            "Slice stopped, it will come again"
        );
    }
}

fn answer(
    answers: Answers,
    batch: &Batch<'_>,
    unfinished: &[(&Slice<'_>, Unfinished)],
) -> Result<BatchResponse, BatchFailure> {
    let mut response = BatchResponse::default();
    match (answers, unfinished) {
        (_, []) => {}
        (Answers::Fail, [(slice, first), ..]) => {
            return Err(BatchFailure::Slices {
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
