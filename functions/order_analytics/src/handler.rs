//! One slice of outcomes, counted in the generation that counts; and the report.

use std::{
    sync::atomic::{AtomicI64, Ordering},
    time::Duration,
};

use consume::{Apply, SliceEnd, entries};
use event::Stream;
use jiff::Timestamp;
use kafka_batch::Slice;
use orders::{ANALYTICS, Counting, OrderTable, Summary};
use progress::{
    Consumer, Ledger, Limits,
    store::{DynamoDb, StoreError},
};
use telemetry::Unit;
use tokio::time::timeout_at;

/// Counts outcomes.
pub(crate) struct Handler {
    ledger: Ledger<DynamoDb>,
    table: OrderTable,
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
        Self { ledger, table, report_interval_ms, asked_ms }
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
        let generation = match self.generation().await {
            Ok(generation) => generation,
            Err(error) => return SliceEnd::untouched(slice, &error),
        };
        let consumer = Consumer::of_generation(ANALYTICS, generation);
        let partition = consumer.partition(&stream, slice.partition);
        let counting = Counting::new(&self.table, generation, true, slice);
        let report = self.ledger.apply(&partition, &entries(slice), &counting, limits).await;
        SliceEnd::of(&report)
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
