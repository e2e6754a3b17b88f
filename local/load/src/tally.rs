//! Counts and latencies of a whole run, put together from its parts; memory grows with its seconds,
//! never with its requests. Pure.

use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram;

use crate::outcome::Fault;
use crate::part::{Counts, Part, histogram};
use crate::report::{Latencies, Report, Second, Snapshot};
use crate::run_id::RunId;
use crate::ticket::Tickets;

/// Steps of the percentile curve for each halving of what is left above: fine enough to draw.
const PERCENTILE_STEPS: u32 = 5;

/// The counts so far.
#[derive(Debug)]
pub(crate) struct Tally {
    counts: Counts,
    faults: BTreeMap<Fault, u64>,
    latencies_us: Histogram<u64>,
    waits_us: Histogram<u64>,
    seconds: Vec<Second>,
    /// The second under way.
    current: Current,
}

#[derive(Debug)]
struct Current {
    number: u64,
    accepted: u64,
    faults: BTreeMap<Fault, u64>,
    latencies_us: Histogram<u64>,
}

impl Current {
    fn new(number: u64) -> Self {
        Self { number, accepted: 0, faults: BTreeMap::new(), latencies_us: histogram() }
    }

    fn finish(&self) -> Second {
        Second {
            number: self.number,
            due: None,
            accepted: self.accepted,
            errors: named(&self.faults),
            latency_ms: (!self.latencies_us.is_empty()).then(|| latencies(&self.latencies_us)),
        }
    }
}

impl Tally {
    /// Nothing yet.
    pub(crate) fn new() -> Self {
        Self {
            counts: Counts::default(),
            faults: BTreeMap::new(),
            latencies_us: histogram(),
            waits_us: histogram(),
            seconds: Vec::new(),
            current: Current::new(0),
        }
    }

    /// Adds what a thread counted. Threads tell at about the same time: a part of a second that is
    /// over counts for the one under way.
    pub(crate) fn merge(&mut self, part: &Part) {
        self.go_on_to(part.begun.as_secs());
        self.counts.merge(&part.counts);
        self.current.accepted += part.counts.accepted;
        for (fault, count) in &part.faults {
            *self.faults.entry(*fault).or_default() += count;
            *self.current.faults.entry(*fault).or_default() += count;
        }
        for whole in [&mut self.latencies_us, &mut self.current.latencies_us] {
            whole.add(&part.latencies_us).expect("all histograms have the same bounds");
        }
        self.waits_us.add(&part.waits_us).expect("all histograms have the same bounds");
    }

    /// Closes the seconds before `second`, also those in which nothing ended.
    fn go_on_to(&mut self, second: u64) {
        while self.current.number < second {
            self.seconds.push(self.current.finish());
            self.current = Current::new(self.current.number + 1);
        }
    }

    /// Counts requests that never had their turn.
    pub(crate) fn never_sent(&mut self, count: u64) {
        self.counts.failed += count;
        if count > 0 {
            *self.faults.entry(Fault::NeverItsTurn).or_default() += count;
            *self.current.faults.entry(Fault::NeverItsTurn).or_default() += count;
        }
    }

    /// The state after `elapsed`; `tickets` tells what is under way.
    pub(crate) fn snapshot(&self, elapsed: Duration, tickets: &Tickets, waiting: u64) -> Snapshot {
        let Counts { accepted, refused, ambiguous, failed } = self.counts;
        let mut errors: Vec<_> =
            self.faults.iter().map(|(fault, count)| (*fault, *count)).collect();
        errors.sort_by_key(|(fault, count)| (u64::MAX - count, *fault));
        let mut errors = errors.into_iter();
        Snapshot {
            elapsed,
            requests: tickets.requests(),
            sent: self.counts.sent(),
            accepted,
            refused,
            ambiguous,
            failed,
            in_flight: tickets.taken().saturating_sub(self.counts.done()),
            waiting,
            rate: per_second(self.counts.sent(), elapsed),
            p50_ms: quantile_ms(&self.latencies_us, 0.5),
            p99_ms: quantile_ms(&self.latencies_us, 0.99),
            errors: std::array::from_fn(|_| errors.next()),
        }
    }

    /// The result of `run` after `elapsed`; `due_by` tells how many requests a schedule had by then.
    pub(crate) fn report(
        mut self,
        run: RunId,
        elapsed: Duration,
        due_by: impl Fn(Duration) -> Option<u64>,
    ) -> Report {
        self.seconds.push(self.current.finish());
        let mut before = 0;
        for second in &mut self.seconds {
            let due = due_by(Duration::from_secs(second.number + 1).min(elapsed));
            second.due = due.map(|due| due - before);
            before = due.unwrap_or(0);
        }
        let Counts { accepted, refused, ambiguous, failed } = self.counts;
        let percentiles = self.latencies_us.iter_quantiles(PERCENTILE_STEPS);
        Report {
            sent: self.counts.sent(),
            accepted,
            refused,
            ambiguous,
            failed,
            duration_s: elapsed.as_secs_f64(),
            rate: per_second(self.counts.sent(), elapsed),
            latency_ms: latencies(&self.latencies_us),
            wait_ms: latencies(&self.waits_us),
            run,
            errors: named(&self.faults),
            percentiles: percentiles
                .map(|step| (step.quantile(), milliseconds(step.value_iterated_to())))
                .collect(),
            seconds: self.seconds,
        }
    }
}

fn named(faults: &BTreeMap<Fault, u64>) -> BTreeMap<String, u64> {
    faults.iter().map(|(fault, count)| (fault.to_string(), *count)).collect()
}

fn latencies(histogram: &Histogram<u64>) -> Latencies {
    Latencies {
        p50: quantile_ms(histogram, 0.5),
        p90: quantile_ms(histogram, 0.9),
        p99: quantile_ms(histogram, 0.99),
        p999: quantile_ms(histogram, 0.999),
        max: milliseconds(histogram.max()),
    }
}

fn quantile_ms(histogram: &Histogram<u64>, quantile: f64) -> f64 {
    milliseconds(histogram.value_at_quantile(quantile))
}

#[expect(clippy::cast_precision_loss, reason = "counts and microseconds stay far below 2^53")]
fn milliseconds(microseconds: u64) -> f64 {
    microseconds as f64 / 1e3
}

#[expect(clippy::cast_precision_loss, reason = "counts and microseconds stay far below 2^53")]
fn per_second(count: u64, elapsed: Duration) -> f64 {
    if elapsed.is_zero() { 0.0 } else { count as f64 / elapsed.as_secs_f64() }
}

#[cfg(test)]
mod tests;
