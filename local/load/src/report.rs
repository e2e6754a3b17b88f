//! What a run tells: while it is under way and at its end.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use crate::outcome::Fault;
use crate::run_id::RunId;

/// Kinds of errors that a snapshot names.
const ERRORS_MAX: usize = 3;

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
    /// Requests that are due and wait for a connection.
    pub waiting: u64,
    /// Sent requests a second since the start.
    pub rate: f64,
    /// The latency half of the requests kept to, milliseconds.
    pub p50_ms: f64,
    /// The latency 99 in 100 requests kept to, milliseconds.
    pub p99_ms: f64,
    /// The most frequent reasons why requests were not accepted, with their counts.
    pub errors: [Option<(Fault, u64)>; ERRORS_MAX],
}

/// What became of a run. Its JSON is what scripts read.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Report {
    /// Requests that were sent: accepted, refused or ambiguous.
    pub sent: u64,
    /// Answered with 2xx.
    pub accepted: u64,
    /// Refused: 4xx, or a 503 that asks to be tried again.
    pub refused: u64,
    /// Answer lost, or an answer that does not say what happened.
    pub ambiguous: u64,
    /// Not sent: no connection could be made, or none was free before the run gave up.
    pub failed: u64,
    /// From the start to the last answer, seconds.
    pub duration_s: f64,
    /// Sent requests a second.
    pub rate: f64,
    /// Latencies of sent requests from when they were due, also of those without an answer, which
    /// count until they were given up.
    pub latency_ms: Latencies,
    /// How long sent requests were due before they had a connection's turn; part of their latency.
    pub wait_ms: Latencies,
    /// The run's id.
    pub run: RunId,
    /// How many requests were not accepted, by reason.
    pub errors: BTreeMap<String, u64>,
    /// What happened in each second.
    #[serde(skip)]
    pub seconds: Vec<Second>,
    /// The latency in milliseconds that a share of requests kept to, for more and more of them.
    #[serde(skip)]
    pub percentiles: Vec<(f64, f64)>,
}

/// One second of a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Second {
    /// Its number, from 0.
    #[serde(rename = "second")]
    pub number: u64,
    /// Requests that were due in it, where there is a schedule.
    pub due: Option<u64>,
    /// Requests answered with 2xx in it.
    pub accepted: u64,
    /// Requests not accepted in it, by reason.
    pub errors: BTreeMap<String, u64>,
    /// Latencies of requests that ended in it; `None` where none did.
    pub latency_ms: Option<Latencies>,
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
