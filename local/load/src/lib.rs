//! A load generator that knows the outcome of every request: accepted, refused, ambiguous or not
//! sent, each under an id of its own.
//!
//! It sends over plain HTTP/1.1 and keeps outcomes in a file, so that a ledger can later compare them
//! with what the system did. It prints nothing, and knows nothing about the system beyond HTTP.
//!
//! [`run`] is the whole of it. `ticket` decides when a request is due, `worker` sends on one
//! connection, `tally` counts, `outcome_file` remembers.

mod backoff;
mod config;
mod connection;
mod engine;
mod outcome;
mod outcome_file;
mod report;
mod run_id;
mod scenario;
mod tally;
mod target;
mod ticket;
mod worker;

pub use crate::config::{Amount, LoadConfig, Pace};
pub use crate::engine::{LoadError, run};
pub use crate::outcome::Outcome;
pub use crate::outcome_file::{OutcomeFile, OutcomeFileError, RunHeader};
pub use crate::report::{Latencies, Report, Snapshot};
pub use crate::run_id::{RunId, RunIdError};
pub use crate::scenario::{Piece, Scenario};
pub use crate::target::TargetError;
