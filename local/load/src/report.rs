//! What a run tells: while it is under way and at its end.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use crate::run_id::RunId;

/// How far a run is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Snapshot {
    /// Time since the start.
    pub elapsed: Duration,
    /// How many requests the run will make, where that is known.
    pub requests: Option<u64>,
    /// Requests that are over and were sent.
    pub sent: u64,
    /// Of these, answered with 2xx.
    pub accepted: u64,
    /// Of these, refused.
    pub refused: u64,
    /// Of these, without an answer that says what happened.
    pub ambiguous: u64,
    /// Requests that could not be sent.
    pub failed: u64,
    /// Requests under way.
    pub in_flight: u64,
    /// Sent requests a second since the start.
    pub rate: f64,
    /// The latency half of the requests kept to, milliseconds.
    pub p50_ms: f64,
    /// The latency 99 in 100 requests kept to, milliseconds.
    pub p99_ms: f64,
}

/// What became of a run. Its JSON is what scripts read.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// Requests that were sent: accepted, refused or ambiguous.
    pub sent: u64,
    /// Answered with 2xx.
    pub accepted: u64,
    /// Refused: 4xx, or a 503 that asks to be tried again.
    pub refused: u64,
    /// Answer lost, or an answer that does not say what happened.
    pub ambiguous: u64,
    /// Not sent, because no connection could be made.
    pub failed: u64,
    /// From the start to the last answer, seconds.
    pub duration_s: f64,
    /// Sent requests a second.
    pub rate: f64,
    /// Latencies of sent requests, also of those without an answer, which count until they were
    /// given up.
    pub latency_ms: Latencies,
    /// The run's id.
    pub run: RunId,
    /// How many requests were not accepted, by reason.
    pub errors: BTreeMap<String, u64>,
}

/// Latencies in milliseconds, to three significant digits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Latencies {
    /// Half of the requests took no longer.
    pub p50: f64,
    /// 90 in 100.
    pub p90: f64,
    /// 99 in 100.
    pub p99: f64,
    /// 999 in 1,000.
    pub p999: f64,
    /// The slowest.
    pub max: f64,
}
