//! Counts and latencies of a run, in memory that does not grow with it. Pure.

use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram;

use crate::outcome::{Fault, Outcome, Verdict};
use crate::report::{Latencies, Report, Snapshot};
use crate::run_id::RunId;

/// The slowest latency told apart, microseconds: well above any request timeout.
const LATENCY_US_MAX: u64 = 120_000_000;

/// Three digits: a p99 of 1,234 us is known to the microsecond.
const SIGNIFICANT_DIGITS: u8 = 3;

/// One finished request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Done {
    /// Its number.
    pub(crate) sequence: u64,
    /// What became of it.
    pub(crate) verdict: Verdict,
    /// From when it was due until it was over.
    pub(crate) latency: Duration,
}

/// The counts so far.
#[derive(Debug)]
pub(crate) struct Tally {
    accepted: u64,
    refused: u64,
    ambiguous: u64,
    failed: u64,
    latencies_us: Histogram<u64>,
    faults: BTreeMap<Fault, u64>,
}

impl Tally {
    /// Nothing yet.
    pub(crate) fn new() -> Self {
        let latencies_us = Histogram::new_with_bounds(1, LATENCY_US_MAX, SIGNIFICANT_DIGITS);
        Self {
            accepted: 0,
            refused: 0,
            ambiguous: 0,
            failed: 0,
            latencies_us: latencies_us.expect("the bounds and digits are valid"),
            faults: BTreeMap::new(),
        }
    }

    /// Counts one request. One that was not sent has no latency.
    pub(crate) fn record(&mut self, done: &Done) {
        let Verdict { outcome, fault } = done.verdict;
        if let Some(fault) = fault {
            *self.faults.entry(fault).or_default() += 1;
        }
        match outcome {
            Outcome::NotSent => {
                self.failed += 1;
                return;
            }
            Outcome::Accepted => self.accepted += 1,
            Outcome::Refused => self.refused += 1,
            Outcome::Ambiguous => self.ambiguous += 1,
        }
        let latency_us = u64::try_from(done.latency.as_micros()).unwrap_or(u64::MAX);
        self.latencies_us.saturating_record(latency_us);
    }

    /// The state after `elapsed`, when `taken` of `requests` were begun.
    pub(crate) fn snapshot(
        &self,
        elapsed: Duration,
        taken: u64,
        requests: Option<u64>,
    ) -> Snapshot {
        let sent = self.sent();
        Snapshot {
            elapsed,
            requests,
            sent,
            accepted: self.accepted,
            refused: self.refused,
            ambiguous: self.ambiguous,
            failed: self.failed,
            in_flight: taken.saturating_sub(sent + self.failed),
            rate: per_second(sent, elapsed),
            p50_ms: self.quantile_ms(0.5),
            p99_ms: self.quantile_ms(0.99),
        }
    }

    /// The result of `run` after `elapsed`.
    pub(crate) fn report(&self, run: RunId, elapsed: Duration) -> Report {
        Report {
            sent: self.sent(),
            accepted: self.accepted,
            refused: self.refused,
            ambiguous: self.ambiguous,
            failed: self.failed,
            duration_s: elapsed.as_secs_f64(),
            rate: per_second(self.sent(), elapsed),
            latency_ms: Latencies {
                p50: self.quantile_ms(0.5),
                p90: self.quantile_ms(0.9),
                p99: self.quantile_ms(0.99),
                p999: self.quantile_ms(0.999),
                max: milliseconds(self.latencies_us.max()),
            },
            run,
            errors: self.faults.iter().map(|(fault, count)| (fault.to_string(), *count)).collect(),
        }
    }

    fn sent(&self) -> u64 {
        self.accepted + self.refused + self.ambiguous
    }

    fn quantile_ms(&self, quantile: f64) -> f64 {
        milliseconds(self.latencies_us.value_at_quantile(quantile))
    }
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
mod tests {
    use http::StatusCode;

    use super::*;

    fn done(verdict: Verdict, latency_ms: u64) -> Done {
        Done { sequence: 0, verdict, latency: Duration::from_millis(latency_ms) }
    }

    fn status(status: u16) -> Verdict {
        Verdict::of_answer(StatusCode::from_u16(status).unwrap(), false, b"")
    }

    #[test]
    fn reports_the_contracts_fields() {
        let mut tally = Tally::new();
        for latency_ms in 1..=100 {
            tally.record(&done(status(202), latency_ms));
        }
        tally.record(&done(status(400), 1));
        tally.record(&done(status(500), 1));
        tally.record(&done(Verdict::ambiguous(Fault::TimedOut), 35_000));
        tally.record(&done(Verdict::not_sent(Fault::NotConnected), 90_000));
        let report = tally.report("0000beef".parse().unwrap(), Duration::from_secs(2));
        let mut json = serde_json::to_value(&report).unwrap();
        for latency in json["latency_ms"].as_object_mut().unwrap().values_mut() {
            *latency = latency.as_f64().unwrap().round().into();
        }
        assert_eq!(
            json,
            serde_json::json!({
                "sent": 103, "accepted": 100, "refused": 1, "ambiguous": 2, "failed": 1,
                "duration_s": 2.0, "rate": 51.5,
                "latency_ms": { "p50": 50.0, "p90": 91.0, "p99": 100.0, "p999": 35_029.0, "max": 35_029.0 },
                "run": "0000beef",
                "errors": { "not connected": 1, "timed out": 1, "status 400": 1, "status 500": 1 },
            })
        );
    }

    #[test]
    fn a_snapshot_knows_what_is_under_way() {
        let mut tally = Tally::new();
        tally.record(&done(status(202), 10));
        tally.record(&done(Verdict::not_sent(Fault::NotConnected), 0));
        let snapshot = tally.snapshot(Duration::from_secs(1), 5, Some(9));
        assert_eq!((snapshot.sent, snapshot.failed, snapshot.in_flight), (1, 1, 3));
        assert_eq!(snapshot.requests, Some(9));
        assert!((snapshot.rate - 1.0).abs() < 1e-9);
        assert!((snapshot.p50_ms - 10.0).abs() < 0.1);
    }

    #[test]
    fn an_empty_run_has_a_report() {
        let report = Tally::new().report(RunId::random(), Duration::ZERO);
        assert_eq!((report.sent, report.latency_ms), (0, Latencies::default()));
        assert!(report.rate.abs() < f64::EPSILON);
    }
}
