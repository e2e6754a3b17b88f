//! Why a command fails, what to do about it, and the exit code.

use std::num::ParseIntError;
use std::path::PathBuf;

use event::KeyRingError;
use load::{LoadError, OutcomeFileError, RunId};
use millrace::terminal::OutputError;
use millrace::{Exit, RunningError};
use orders::{CountError, InitialStockError, RestockError};
use progress::store::StoreError;
use progress::{ApplyError, ReadError};
use rdkafka::error::KafkaError;

/// Why a command fails.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpsFailure {
    #[error(transparent)]
    Running(#[from] RunningError),
    #[error(transparent)]
    Output(#[from] OutputError),
    #[error("`{template}` has no function `{function}`")]
    NoFunction { template: PathBuf, function: &'static str },
    #[error("function `{function}` has no variable `{name}`")]
    NoVariable { function: &'static str, name: &'static str },
    #[error("`{name}` is not a number")]
    NotAnEpoch {
        name: &'static str,
        #[source]
        source: ParseIntError,
    },
    #[error("`EVENT_ID_KEY` is not a key ring")]
    KeyRing(#[source] KeyRingError),
    #[error("failed to read what the events became")]
    Progress(#[from] ReadError),
    #[error("failed to reach the table of orders")]
    Table(#[from] StoreError),
    #[error("`INITIAL_STOCK` is not a stock")]
    InitialStock(#[source] InitialStockError),
    #[error("failed to add to the stock")]
    Restock(#[source] RestockError),
    #[error("the load did not run")]
    Load(#[source] LoadError),
    #[error("`{url}` did not answer")]
    Gateway {
        url: String,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    #[error("orders are decided as fast as they come, so there will be no lag")]
    NotThrottled,
    #[error(
        "partition {partition} of `{topic}` begins at offset {kept}, and offset {wanted} is needed: \
         retention has removed what is to be counted again"
    )]
    ReplayGap { topic: String, partition: usize, kept: i64, wanted: i64 },
    #[error("interrupted")]
    Interrupted,
    #[error("another replay is under way")]
    ReplayBusy,
    #[error("the comparison took longer than the {seconds} s for which the counting may pause")]
    ReplayLate { seconds: u64 },
    #[error("failed to count again")]
    Count(#[source] Box<ApplyError<CountError>>),
    #[error("failed to ask Kafka")]
    Kafka(#[from] KafkaError),
    #[error("Kafka has no topic `{topic}`")]
    NoTopic { topic: String },
    #[error("Kafka sent no record of `{topic}` for {seconds} s")]
    KafkaSilent { topic: String, seconds: u64 },
    #[error("no load was run with the data in `{data}`")]
    NoLoad { data: PathBuf },
    #[error("no load `{run}` was run with the data in `{data}`")]
    NoRun { run: RunId, data: PathBuf },
    #[error("load `{run}` is {days} days old, and events are kept for {kept_days}")]
    Expired { run: RunId, days: u64, kept_days: u64 },
    #[error("load `{run}` sent bodies without an id of their own (scenario `{scenario}`)")]
    Anonymous { run: RunId, scenario: String },
    #[error("failed to read what the load sent")]
    Outcomes(#[from] OutcomeFileError),
    #[error("failed to read the poison of load `{run}`")]
    Poison {
        run: RunId,
        #[source]
        source: std::io::Error,
    },
    #[error("failed to {action} `{path}`")]
    Append {
        action: &'static str,
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
}

impl OpsFailure {
    /// The exit code.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Running(error) => error.exit(),
            Self::NoLoad { .. }
            | Self::NoRun { .. }
            | Self::Expired { .. }
            | Self::Kafka(_)
            | Self::NoTopic { .. }
            | Self::KafkaSilent { .. }
            | Self::Table(_)
            | Self::Gateway { .. }
            | Self::ReplayGap { .. }
            | Self::ReplayBusy
            | Self::Progress(ReadError::Store(_)) => Exit::Unavailable,
            Self::NoFunction { .. }
            | Self::NoVariable { .. }
            | Self::NotAnEpoch { .. }
            | Self::Anonymous { .. }
            | Self::InitialStock(_)
            | Self::NotThrottled
            | Self::KeyRing(_) => Exit::Configuration,
            Self::Output(_)
            | Self::Interrupted
            | Self::Restock(_)
            | Self::Load(_)
            | Self::ReplayLate { .. }
            | Self::Count(_)
            | Self::Progress(ReadError::Archive(_) | ReadError::BlockMissing { .. })
            | Self::Outcomes(_)
            | Self::Poison { .. }
            | Self::Append { .. } => Exit::Failed,
        }
    }

    /// What to do about it.
    pub(crate) fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Running(error) => return error.hint(),
            Self::NoLoad { .. } => "run `cargo local load --requests 1000` first",
            Self::Anonymous { .. } => {
                "write \"load_id\":\"${load_id}\" into every body of the scenario"
            }
            Self::NoRun { .. } => "without --run the latest load is taken",
            Self::NoFunction { .. } | Self::NoVariable { .. } => {
                "`cargo ops` knows Millrace's own functions only"
            }
            Self::NotThrottled => {
                "start with `cargo local up --parameter-overrides ProcessingDelay=0.05`"
            }
            Self::ReplayBusy => "one that died is over after ten seconds",
            Self::Table(_)
            | Self::Kafka(_)
            | Self::KafkaSilent { .. }
            | Self::Progress(ReadError::Store(_)) => {
                "`cargo local status` tells whether it still runs"
            }
            _ => return None,
        };
        Some(hint.to_owned())
    }
}
