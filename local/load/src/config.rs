//! What a run is told to do.

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::run_id::RunId;
use crate::scenario::Scenario;
use crate::schedule::Rate;

/// Longer than any answer of an HTTP API (30 s), so that a timeout means a lost answer.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(35);

/// Long enough for nearly every answer, short enough for a person who pressed Ctrl-C.
const CANCEL_GRACE: Duration = Duration::from_secs(2);

/// A run: what to send, where, how much and how fast.
#[derive(Clone, Debug)]
pub struct LoadConfig {
    /// The run's id, part of every body.
    pub run: RunId,
    /// Where to send: scheme `http`, a host, and what comes before the scenario's paths.
    pub url: http::Uri,
    /// What to send.
    pub scenario: Scenario,
    /// How much.
    pub amount: Amount,
    /// How fast.
    pub pace: Pace,
    /// How many threads send; one sends tens of thousands of requests a second.
    pub threads: NonZeroU32,
    /// How long a request may take before its answer counts as lost, and how long after the last was
    /// due the run goes on sending those that are late.
    pub request_timeout: Duration,
    /// How long requests under way may still take after a cancellation.
    pub cancel_grace: Duration,
    /// The folder of outcome files; it is made where it does not exist.
    pub directory: PathBuf,
    /// When the run starts, epoch milliseconds, for the outcome file's header.
    pub started_ms: i64,
    /// Stops the run early; it still reports.
    pub cancel: CancellationToken,
}

/// When a run has sent enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Amount {
    /// After this many requests.
    Requests(u64),
    /// After this time.
    Duration(Duration),
}

/// When the next request is due.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pace {
    /// On a schedule, whatever the server does: an open model, in which requests that have to wait
    /// for a slow server wait in the figures as well.
    Open {
        /// How many a second.
        rate: Rate,
        /// How many may be under way at a time; further ones wait, and their wait counts.
        in_flight: NonZeroU32,
    },
    /// As soon as a connection has its answer: a closed model, in which a slow server slows the
    /// generator.
    Closed {
        /// How many connections send.
        connections: NonZeroU32,
    },
}

impl Pace {
    /// How many requests may be under way at a time.
    pub(crate) fn in_flight(self) -> NonZeroU32 {
        match self {
            Self::Open { in_flight, .. } => in_flight,
            Self::Closed { connections } => connections,
        }
    }
}

impl LoadConfig {
    /// A run of `scenario` against `url` with the usual timeouts, that keeps its outcomes in
    /// `directory`.
    pub fn new(url: http::Uri, scenario: Scenario, directory: PathBuf) -> Self {
        Self {
            run: RunId::random(),
            url,
            scenario,
            amount: Amount::Requests(1),
            pace: Pace::Closed { connections: NonZeroU32::MIN },
            threads: NonZeroU32::MIN,
            request_timeout: REQUEST_TIMEOUT,
            cancel_grace: CANCEL_GRACE,
            directory,
            started_ms: 0,
            cancel: CancellationToken::new(),
        }
    }
}
