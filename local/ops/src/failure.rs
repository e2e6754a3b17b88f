//! Why a command fails, what to do about it, and the exit code.

use std::num::ParseIntError;
use std::path::PathBuf;

use event::KeyRingError;
use load::OutcomeFileError;
use millrace::{Exit, RunFileError};
use progress::ReadError;
use rdkafka::error::KafkaError;
use template::TemplateError;

/// Why a command fails.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpsFailure {
    #[error("nothing runs on `{data}`")]
    NothingRuns { data: PathBuf },
    #[error("failed to find the running stack")]
    RunFile(#[source] RunFileError),
    #[error("failed to read the template of the running stack")]
    Template(#[source] TemplateError),
    #[error("`{template}` has no function `{function}`")]
    NoFunction { template: PathBuf, function: &'static str },
    #[error("function `{function}` has no variable `{name}`")]
    NoVariable { function: &'static str, name: &'static str },
    #[error("`STREAM_EPOCH` is not a number")]
    NotAnEpoch {
        #[source]
        source: ParseIntError,
    },
    #[error("`EVENT_ID_KEY` is not a key ring")]
    KeyRing(#[source] KeyRingError),
    #[error("failed to read what the events became")]
    Progress(#[source] ReadError),
    #[error("failed to ask Kafka")]
    Kafka {
        #[source]
        source: KafkaError,
    },
    #[error("no load was run with the data in `{data}`")]
    NoLoad { data: PathBuf },
    #[error("failed to read what the load sent")]
    Outcomes(#[source] OutcomeFileError),
    #[error("failed to append to `{path}`")]
    Append {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
}

impl OpsFailure {
    /// The exit code.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::NothingRuns { .. }
            | Self::RunFile(_)
            | Self::NoLoad { .. }
            | Self::Kafka { .. }
            | Self::Progress(_) => Exit::Unavailable,
            Self::Template(_)
            | Self::NoFunction { .. }
            | Self::NoVariable { .. }
            | Self::NotAnEpoch { .. }
            | Self::KeyRing(_) => Exit::Configuration,
            Self::Outcomes(_) | Self::Append { .. } => Exit::Failed,
        }
    }

    /// What to do about it.
    pub(crate) fn hint(&self) -> Option<&'static str> {
        match self {
            Self::NothingRuns { .. } | Self::Kafka { .. } | Self::Progress(_) => {
                Some("start it with `cargo local up`, or name its data folder with --data")
            }
            Self::NoLoad { .. } => Some("run `cargo local load --requests 1000` first"),
            Self::NoFunction { .. } | Self::NoVariable { .. } => {
                Some("`cargo ops` knows Millrace's own functions only")
            }
            Self::RunFile(_)
            | Self::Template(_)
            | Self::NotAnEpoch { .. }
            | Self::KeyRing(_)
            | Self::Outcomes(_)
            | Self::Append { .. } => None,
        }
    }
}
