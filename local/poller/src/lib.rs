//! The Kafka event source mapping: reads a topic as a consumer group, invokes a function with
//! batches of records in AWS's event shape, and commits what the function has processed.
//!
//! It asks for an [`invoke::Invoke`] and does not know which one it got; it knows no broker but
//! what a Kafka client sees of one.
//!
//! The rules are in `mapping`, a state machine without I/O; `event` writes the JSON document;
//! `feed` reads Kafka on a thread of its own, `calls` makes the calls that wait for an answer on
//! another, and `poller` is the task that connects them.

mod access;
mod calls;
mod config;
mod destination;
mod event;
mod feed;
mod iam;
mod mapping;
mod poller;
mod questions;
mod reset;
mod scaling;
mod status;
mod system_log;
mod trouble;

pub use crate::access::{Access, Identity, Login, Mechanism};
pub use crate::config::{
    Destination, EventSource, FailureHandling, MappingConfig, OnFailure, PartialReading, Pollers,
    RetryDelay, Service, StartingPosition, SystemLogConfig, SystemLogLevel,
};
pub use crate::iam::IamCredentials;
pub use crate::mapping::Counts;
pub use crate::poller::{Poller, PollerHandle, PollerStartError};
pub use crate::reset::{ResetError, ResetTo, reset};
pub use crate::status::{MappingState, MappingStatus, PartitionStatus};
