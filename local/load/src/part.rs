//! What one thread has counted since it last told, so that threads meet a few times a second and not
//! at every request. Pure.

use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram;

use crate::outcome::{Fault, Outcome, Verdict};

/// The slowest latency told apart, microseconds: well above any request timeout.
const LATENCY_US_MAX: u64 = 120_000_000;

/// Three digits: a p99 of 1,234 us is known to the microsecond.
const SIGNIFICANT_DIGITS: u8 = 3;

/// Outcomes in a part: told as soon as they are so many.
pub(crate) const OUTCOMES_MAX: usize = 8 * 1024;

/// One finished request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Done {
    /// Its number.
    pub(crate) sequence: u64,
    /// What became of it.
    pub(crate) verdict: Verdict,
    /// From when it was due until it was over.
    pub(crate) latency: Duration,
    /// From when it was due until it had a connection's turn.
    pub(crate) wait: Duration,
}

/// Counts by outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) accepted: u64,
    pub(crate) refused: u64,
    pub(crate) ambiguous: u64,
    pub(crate) failed: u64,
}

impl Counts {
    pub(crate) fn sent(&self) -> u64 {
        self.accepted + self.refused + self.ambiguous
    }

    pub(crate) fn done(&self) -> u64 {
        self.sent() + self.failed
    }

    pub(crate) fn add(&mut self, outcome: Outcome) {
        *match outcome {
            Outcome::NotSent => &mut self.failed,
            Outcome::Accepted => &mut self.accepted,
            Outcome::Refused => &mut self.refused,
            Outcome::Ambiguous => &mut self.ambiguous,
        } += 1;
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        self.accepted += other.accepted;
        self.refused += other.refused;
        self.ambiguous += other.ambiguous;
        self.failed += other.failed;
    }
}

/// What happened in a piece of a run.
#[derive(Debug)]
pub(crate) struct Part {
    pub(crate) counts: Counts,
    pub(crate) faults: BTreeMap<Fault, u64>,
    /// Of requests that were sent.
    pub(crate) latencies_us: Histogram<u64>,
    /// Of requests that were sent.
    pub(crate) waits_us: Histogram<u64>,
    pub(crate) outcomes: Vec<(u64, Outcome)>,
    /// When it was begun, after the run's start.
    pub(crate) begun: Duration,
}

impl Part {
    /// Nothing yet.
    pub(crate) fn new(begun: Duration) -> Self {
        Self {
            counts: Counts::default(),
            faults: BTreeMap::new(),
            latencies_us: histogram(),
            waits_us: histogram(),
            outcomes: Vec::new(),
            begun,
        }
    }

    /// Counts one request. One that was not sent has no latency.
    pub(crate) fn record(&mut self, done: &Done) {
        let Verdict { outcome, fault } = done.verdict;
        if let Some(fault) = fault {
            *self.faults.entry(fault).or_default() += 1;
        }
        self.counts.add(outcome);
        if outcome != Outcome::NotSent {
            self.latencies_us.saturating_record(microseconds(done.latency));
            self.waits_us.saturating_record(microseconds(done.wait));
        }
        self.outcomes.push((done.sequence, outcome));
    }

    /// Whether it should be told now.
    pub(crate) fn is_full(&self) -> bool {
        self.outcomes.len() >= OUTCOMES_MAX
    }
}

/// A histogram of latencies.
pub(crate) fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, LATENCY_US_MAX, SIGNIFICANT_DIGITS)
        .expect("the bounds and digits are valid")
}

fn microseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
