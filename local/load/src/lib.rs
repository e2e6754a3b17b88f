#![doc = include_str!("../README.md")]

mod alarm;
mod answer;
mod backoff;
mod config;
mod connection;
mod engine;
mod outcome;
mod outcome_file;
mod page;
mod part;
mod report;
mod run_id;
mod scenario;
mod schedule;
mod shard;
mod tally;
mod target;
mod ticket;

pub use crate::config::{Amount, LoadConfig, Pace};
pub use crate::engine::{LoadError, run};
pub use crate::outcome::{Fault, Outcome};
pub use crate::outcome_file::{OutcomeFile, OutcomeFileError, RunHeader};
pub use crate::page::{Lag, Machine, Mark, Page};
pub use crate::report::{Latencies, Report, Second, Snapshot};
pub use crate::run_id::{RunId, RunIdError};
pub use crate::scenario::{Problem, Scenario, ScenarioError};
pub use crate::schedule::{Rate, RateError};
pub use crate::target::TargetError;
