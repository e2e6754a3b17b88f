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
    /// How many invocations of all functions without a reservation may be under way or wait at a
    /// time; further ones are throttled. AWS's default is 1,000; `None` leaves it to the queues.
    pub account_concurrency: Option<u32>,
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
    /// Memory in MB. A process that takes more is killed, where the system tells how much it takes.
    pub memory_mb: u32,
    /// Its own variables. Those that Lambda reserves are ignored with a warning.
    pub environment: BTreeMap<String, String>,
    /// At most this many processes; 0 throttles every invocation.
    pub environments_max: u32,
    /// At most this many invocations at a time in each process; more than 1 is what AWS calls
    /// Managed Instances.
    pub environment_concurrency: u32,
    /// At most this many invocations under way or waiting; further ones are throttled at once.
    pub reserved_concurrency: Option<u32>,
    /// How its lines are written.
    pub logging: Logging,
    /// What becomes of its asynchronous invocations.
    pub events: EventConfig,
    /// Names that mean the function's only version, besides `$LATEST`.
    pub aliases: Vec<String>,
}

/// `LoggingConfig`.
///
/// Source: <https://docs.aws.amazon.com/lambda/latest/api/API_LoggingConfig.html>
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Logging {
    /// The format of Lambda's own lines.
    pub format: LogFormat,
    /// Which of these lines are written, where the format is JSON.
    pub system_level: SystemLogLevel,
    /// The log group's name; `None` for `/aws/lambda/<name>`.
    pub group: Option<String>,
}

/// The format of Lambda's own lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// `START RequestId: ...`
    #[default]
    Text,
    /// `{"type":"platform.start",...}`
    Json,
}

/// How much Lambda tells, from everything to failures only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum SystemLogLevel {
    /// Everything.
    Debug,
    /// Starts and reports.
    #[default]
    Info,
    /// What failed.
    Warn,
}

/// `EventInvokeConfig`.
///
/// Source: <https://docs.aws.amazon.com/lambda/latest/api/API_PutFunctionEventInvokeConfig.html>
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventConfig {
    /// How often a failed event is tried again, 0 to 2.
    pub retries_max: u8,
    /// How old an event may be when an attempt begins.
    pub age_max: Duration,
    /// The function that is told of events that were given up.
    pub on_failure: Option<String>,
    /// The function that is told of events that succeeded.
    pub on_success: Option<String>,
}

impl Default for EventConfig {
    fn default() -> Self {
        let age_max = Duration::from_hours(6);
        Self { retries_max: 2, age_max, on_failure: None, on_success: None }
    }
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
