//! What a host is told at its start, and what it tells about itself.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

/// What a [`Host`](crate::Host) serves.
#[derive(Debug)]
pub struct HostConfig {
    /// The region in ARNs and in `AWS_REGION`, as `us-east-1`.
    pub region: String,
    /// The account in ARNs, 12 digits.
    pub account_id: String,
    /// The functions, each with a name of its own.
    pub functions: Vec<FunctionConfig>,
    /// Variables that every function gets unless it sets them itself: local endpoints, credentials.
    pub shared_environment: BTreeMap<String, String>,
    /// Where the functions' output goes. Lines are dropped, and counted, while it is full.
    pub logs: mpsc::Sender<LogLine>,
}

/// One function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionConfig {
    /// The name callers use.
    pub name: String,
    /// The program that speaks the Runtime API.
    pub executable: PathBuf,
    /// Its arguments; AWS passes none.
    pub arguments: Vec<String>,
    /// Its working directory, also `LAMBDA_TASK_ROOT`.
    pub directory: PathBuf,
    /// `Handler`, passed on in `_HANDLER`.
    pub handler: String,
    /// How long one invocation may take.
    pub timeout: Duration,
    /// Memory in MB, passed on and reported, not enforced.
    pub memory_mb: u32,
    /// Its own variables. Those that Lambda reserves are ignored with a warning.
    pub environment: BTreeMap<String, String>,
    /// At most this many processes; 0 throttles every invocation.
    pub environments_max: u32,
    /// At most this many invocations at a time in each process; more than 1 is what AWS calls
    /// Managed Instances.
    pub environment_concurrency: u32,
}

/// How a function is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionStatus {
    /// Its name.
    pub name: String,
    /// Processes that are starting, running or stopping.
    pub environments: u32,
    /// Invocations that were accepted and are not answered, the waiting ones included.
    pub in_flight: u32,
}

/// One line that a function wrote, or that Lambda writes about it (`START`, `END`, `REPORT`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// The function's name.
    pub function: Arc<str>,
    /// Which of its environments, counted from 1.
    pub environment: u32,
    /// The line, without its end.
    pub text: String,
}
