//! Lambda on this machine: functions as child processes that speak AWS's Runtime API, invoked over
//! AWS's Invoke API or from the same process.
//!
//! What to do is decided in [`pool`], without I/O and without a clock; [`function`] owns one pool
//! and acts on it, [`environment`] owns one process, [`runtime_api`] is what that process sees,
//! and [`invoke_api`] is what callers see. The host knows nothing of templates, routes or Kafka.

mod config;
mod environment;
mod failure;
mod function;
mod guard;
mod host;
mod http_server;
mod ids;
mod invoke_api;
mod logs;
mod pool;
mod runtime_api;

pub use config::{
    EventConfig, FunctionConfig, FunctionStatus, HostConfig, LogFormat, LogLine, Logging,
    SystemLogLevel,
};
pub use host::{Host, Programs};
