//! Why a command failed, its exit code, and what is printed about it.

use std::io;
use std::path::PathBuf;

use crate::env_file::EnvFileError;
use crate::exit::Exit;
use crate::faults::CarryError;
use crate::running::RunningError;
use crate::stack::UpError;
use crate::terminal::{self, OutputError, chain};

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CommandError {
    #[error(transparent)]
    Up(#[from] UpError),
    #[error(transparent)]
    Running(RunningError),
    #[error(transparent)]
    Output(#[from] OutputError),
    #[error(transparent)]
    Load(#[from] load::LoadError),
    #[error(transparent)]
    Scenario(#[from] load::ScenarioError),
    #[error("there is no scenario `{name}`, and no such file")]
    NoScenario {
        name: String,
        #[source]
        source: io::Error,
    },
    #[error("failed to write `{}`", path.display())]
    Page {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error(transparent)]
    EnvFile(#[from] EnvFileError),
    #[error("no mapping has the id or the function `{wanted}`")]
    NoMapping { wanted: String },
    #[error("function `{wanted}` has several mappings: {ids}")]
    SeveralMappings { wanted: String, ids: String },
    #[error("mapping {id} is running")]
    MappingRuns { id: String },
    #[error("failed to move the mapping")]
    Reset(#[source] Box<poller::ResetError>),
    #[error("there is no log of `{function}`")]
    NoLog { function: String },
    #[error("failed to read the logs in `{}`", folder.display())]
    Logs {
        folder: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("failed to start in the background")]
    Detach(#[source] io::Error),
    #[error("the start in the background failed")]
    Background { text: String, exit: u8 },
    #[error("process {pid} did not stop")]
    Survived { pid: u32 },
    #[error("failed to stop process {pid}")]
    Kill {
        pid: u32,
        #[source]
        source: io::Error,
    },
    #[error("nothing could be sent to `{url}`")]
    NothingSent { url: String },
    #[error("`{address}`, told by the running stack, is not a URL")]
    Address {
        address: String,
        #[source]
        source: http::uri::InvalidUri,
    },
    #[error("process {pid} goes on starting in the background")]
    StillStarting { pid: u32 },
    #[error("stopped before everything had ended")]
    Forced,
    #[error(transparent)]
    Fault(#[from] CarryError),
    #[error("failed to start the poller")]
    Poller(#[source] Box<poller::PollerStartError>),
    #[error("failed to start the runtime")]
    Runtime(#[source] io::Error),
}

/// Also what goes wrong on the way to a running `up`.
impl<E: Into<RunningError>> From<E> for CommandError {
    fn from(error: E) -> Self {
        Self::Running(error.into())
    }
}

impl CommandError {
    /// The process's exit code.
    pub(crate) fn code(&self) -> u8 {
        match self {
            Self::Up(error) => error.exit().code(),
            Self::Running(error) => error.exit().code(),
            Self::Background { exit, .. } => *exit,
            Self::Scenario(_)
            | Self::NoScenario { .. }
            | Self::EnvFile(EnvFileError::Differs { .. } | EnvFileError::Unwritable { .. }) => {
                Exit::Configuration.code()
            }
            Self::NoMapping { .. }
            | Self::SeveralMappings { .. }
            | Self::NoLog { .. }
            | Self::EnvFile(EnvFileError::NoFunction { .. }) => Exit::Usage.code(),
            Self::Fault(error) => error.exit().code(),
            Self::NothingSent { .. } => Exit::Unavailable.code(),
            Self::Output(_)
            | Self::Load(_)
            | Self::Page { .. }
            | Self::Logs { .. }
            | Self::Detach(_)
            | Self::Survived { .. }
            | Self::Kill { .. }
            | Self::Address { .. }
            | Self::StillStarting { .. }
            | Self::Poller(_)
            | Self::MappingRuns { .. }
            | Self::Reset(_)
            | Self::Forced
            | Self::Runtime(_) => Exit::Failed.code(),
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Up(error) => return error.hint(),
            Self::Running(error) => return error.hint(),
            Self::NoScenario { .. } => "`cargo local load --help` shows what a file looks like",
            Self::NothingSent { .. } => "start it with `cargo local up`",
            Self::Background { text, .. } if !told(text) => "without --detach it tells why",
            Self::StillStarting { .. } => "`cargo local down` stops it",
            Self::NoMapping { .. } | Self::SeveralMappings { .. } => {
                "`cargo local mapping list` shows them"
            }
            Self::MappingRuns { id } => {
                return Some(format!(
                    "`cargo local mapping pause {id}`, reset it, then `cargo local mapping resume {id}`"
                ));
            }
            Self::EnvFile(EnvFileError::Differs { .. }) => {
                "ask for one of them: `cargo local env FUNCTION`"
            }
            Self::NoLog { .. } => "a function has a log from its first invocation on",
            _ => return None,
        };
        Some(hint.to_owned())
    }

    fn text(&self) -> Option<&str> {
        match self {
            Self::Up(error) => error.text(),
            Self::Background { text, .. } => Some(text),
            _ => None,
        }
    }

    /// Prints what went wrong: a line for each error with its causes, then the hint.
    pub(crate) fn report(&self) {
        let errors = match self {
            // The process in the background has said it already.
            Self::Background { text, .. } if told(text) => Vec::new(),
            _ => chain(self),
        };
        terminal::failure_with(self.text(), &errors, self.hint().as_deref());
    }
}

/// Whether a process in the background got to say why it failed: on a full disk it cannot.
fn told(text: &str) -> bool {
    text.contains("error: ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_problem_of_a_template_is_a_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("template.yaml");
        std::fs::write(&path, "Resources:\n  A:\n    Type: No::Such\n  B:\n    Type: No::Other\n")
            .unwrap();
        let error = template::load(&path, &template::Settings::default()).unwrap_err();
        let error = CommandError::from(UpError::from(error));
        assert_eq!(error.code(), 64);
        let lines = chain(&error);
        assert!(lines.len() >= 2, "{lines:?}");
        assert!(lines.iter().all(|line| line.contains("template.yaml:")), "{lines:?}");
    }

    #[test]
    fn what_is_not_there_is_69_and_wrong_words_are_2() {
        let nothing = RunningError::Nothing { data: PathBuf::from("/d") };
        assert_eq!(CommandError::from(nothing).code(), 69);
        assert_eq!(CommandError::NoMapping { wanted: "x".to_owned() }.code(), 2);
        let background = CommandError::Background { text: String::new(), exit: 64 };
        assert_eq!(background.code(), 64);
        assert!(background.hint().is_some(), "it could not say why");
    }
}
