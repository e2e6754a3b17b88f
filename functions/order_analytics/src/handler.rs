//! One slice of outcomes, counted in the generation that counts; and the report.

use std::{
    sync::atomic::{AtomicI64, AtomicU32, Ordering},
    time::Duration,
};

use consume::{Apply, SliceEnd, entries};
use event::Stream;
use jiff::Timestamp;
use kafka_batch::Slice;
use orders::{ANALYTICS, CountError, Counting, OrderTable, Summary};
use progress::{
    ApplyError, Consumer, Ledger, Limits, Report,
    store::{DynamoDb, StoreError},
};
use telemetry::Unit;
use tokio::time::timeout_at;

/// Counts outcomes.
pub(crate) struct Handler {
    ledger: Ledger<DynamoDb>,
    table: OrderTable,
    /// The generation that counted when this environment last looked; 0 before. Who counts finds out whether it still does.
    counted: AtomicU32,
    report_interval_ms: i64,
    /// When this environment last asked for its turn to report.
    asked_ms: AtomicI64,
}

/// Outcomes that are not to be counted now.
#[derive(Debug, thiserror::Error)]
enum Unready {
    #[error("failed to read the generation that counts")]
    Store(#[from] StoreError),
    #[error("the counting is paused, for a replay takes over")]
    Paused,
}

impl Handler {
    pub(crate) fn new(
        ledger: Ledger<DynamoDb>,
        table: OrderTable,
        report_interval: Duration,
    ) -> Self {
        let report_interval_ms = i64::try_from(report_interval.as_millis()).unwrap_or(i64::MAX);
        // The first report is due after an interval, not with the first order.
        let asked_ms = AtomicI64::new(now_ms());
        Self { ledger, table, counted: AtomicU32::new(0), report_interval_ms, asked_ms }
    }

    /// The generation that counts. A pause that nobody ended is over after its time.
    async fn generation(&self) -> Result<u32, Unready> {
        let generation = self.table.generation().await?;
        match generation.paused_until_ms {
            None => Ok(generation.number),
            Some(until_ms) if until_ms < now_ms() => {
                if self.table.end_stale_pause(now_ms()).await? {
                    tracing::warn!("A pause of the counting that nobody ended is over");
                }
                Ok(self.table.generation().await?.number)
            }
            Some(_) => Err(Unready::Paused),
        }
    }

    async fn count(
        &self,
        generation: u32,
        stream: &Stream,
        slice: &Slice<'_>,
        limits: Limits,
    ) -> Report<CountError> {
        let consumer = Consumer::of_generation(ANALYTICS, generation);
        let partition = consumer.partition(stream, slice.partition);
        let counting = Counting::new(&self.table, generation, true, slice);
        self.ledger.apply(&partition, &entries(slice), &counting, limits).await
    }

    async fn report(&self) -> Result<(), StoreError> {
        let (now_ms, asked_ms) = (now_ms(), self.asked_ms.load(Ordering::Relaxed));
        if now_ms - asked_ms < self.report_interval_ms {
            return Ok(());
        }
        self.asked_ms.store(now_ms, Ordering::Relaxed);
        if !self.table.claim_report(now_ms, self.report_interval_ms).await? {
            return Ok(());
        }
        let generation = self.table.generation().await?.number;
        let summary = self.table.summary(generation).await?;
        tell(now_ms, generation, &summary);
        Ok(())
    }
}

impl Apply for Handler {
    async fn apply(&self, stream: Stream, slice: &Slice<'_>, limits: Limits) -> SliceEnd {
        let counted = self.counted.load(Ordering::Relaxed);
        if counted > 0 {
            let report = self.count(counted, &stream, slice, limits).await;
            if !matches!(&report.stop, Some(stop) if is_over(&stop.error)) {
                return SliceEnd::of(&report);
            }
        }
        match self.generation().await {
            Ok(generation) => {
                self.counted.store(generation, Ordering::Relaxed);
                SliceEnd::of(&self.count(generation, &stream, slice, limits).await)
            }
            Err(error) => SliceEnd::untouched(slice, &error),
        }
    }

    /// A function does not run between invocations, so the first one after the interval reports.
    async fn finish(&self, limits: Limits) {
        match timeout_at(limits.last_wait, self.report()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::warn!(error = %telemetry::chain(&error), "Figures not reported");
            }
            Err(_elapsed) => tracing::warn!("Figures not reported in time"),
        }
    }
}

/// Whether a slice stopped because the generation that it was counted in counts no more, or must not be counted in it:
/// the remedy for that is another generation.
fn is_over(error: &ApplyError<CountError>) -> bool {
    matches!(error, ApplyError::Plan(_) | ApplyError::Process(CountError::NotCounting))
}

fn tell(now_ms: i64, generation: u32, summary: &Summary) {
    tracing::info!(
        analytics.generation = generation,
        orders.total = summary.total_orders,
        orders.reserved = summary.reserved,
        orders.failed = summary.failed,
        orders.failure_rate_percent = summary.failure_rate,
        orders.per_minute = summary.orders_per_minute,
        "Order report"
    );
    #[expect(clippy::cast_precision_loss, reason = "a figure to read, exact up to 2^53")]
    let float = |count: u64| count as f64;
    telemetry::metrics(
        now_ms,
        &[
            ("Orders", Unit::Count, float(summary.total_orders)),
            ("OrdersReserved", Unit::Count, float(summary.reserved)),
            ("OrdersFailed", Unit::Count, float(summary.failed)),
            ("OrderFailureRate", Unit::Percent, summary.failure_rate),
            ("OrdersPerMinute", Unit::Count, summary.orders_per_minute),
        ],
    );
}

fn now_ms() -> i64 {
    Timestamp::now().as_millisecond()
}

#[cfg(test)]
mod tests;
