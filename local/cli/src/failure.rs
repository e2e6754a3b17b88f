//! Why a command failed, its exit code, and what is printed about it.

use std::error::Error;
use std::io;
use std::path::PathBuf;

use crate::control::client::ControlError;
use crate::data_folder::DataFolderError;
use crate::exit::Exit;
use crate::locate::LocateError;
use crate::run_file::RunFileError;
use crate::stack::UpError;
use crate::terminal;

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CommandError {
    #[error(transparent)]
    Up(#[from] UpError),
    #[error(transparent)]
    Locate(#[from] LocateError),
    #[error(transparent)]
    Data(#[from] DataFolderError),
    #[error(transparent)]
    RunFile(#[from] RunFileError),
    #[error(transparent)]
    Control(#[from] ControlError),
    #[error(transparent)]
    Load(#[from] load::LoadError),
    #[error("nothing runs on `{}`", data.display())]
    NotRunning { data: PathBuf },
    #[error("no mapping has the id or the function `{wanted}`")]
    NoMapping { wanted: String },
    #[error("function `{wanted}` has several mappings: {ids}")]
    SeveralMappings { wanted: String, ids: String },
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
    #[error("failed to start the runtime")]
    Runtime(#[source] io::Error),
}

impl CommandError {
    /// The process's exit code.
    pub(crate) fn code(&self) -> u8 {
        match self {
            Self::Up(error) => error.exit().code(),
            Self::Background { exit, .. } => *exit,
            Self::Locate(_) | Self::Data(DataFolderError::Foreign { .. }) => {
                Exit::Configuration.code()
            }
            Self::NoMapping { .. } | Self::SeveralMappings { .. } | Self::NoLog { .. } => {
                Exit::Usage.code()
            }
            Self::NotRunning { .. }
            | Self::NothingSent { .. }
            | Self::Data(DataFolderError::InUse { .. })
            | Self::Control(ControlError::Unreachable { .. } | ControlError::TimedOut { .. }) => {
                Exit::Unavailable.code()
            }
            Self::Data(DataFolderError::Inaccessible { .. })
            | Self::RunFile(_)
            | Self::Control(ControlError::Refused { .. } | ControlError::Malformed { .. })
            | Self::Load(_)
            | Self::Logs { .. }
            | Self::Detach(_)
            | Self::Survived { .. }
            | Self::Kill { .. }
            | Self::Address { .. }
            | Self::StillStarting { .. }
            | Self::Forced
            | Self::Runtime(_) => Exit::Failed.code(),
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Up(error) => return error.hint(),
            Self::Locate(LocateError::NoTemplate { .. }) => {
                "go to the project's folder, or pass --template FILE"
            }
            Self::NotRunning { .. } | Self::NothingSent { .. } => "start it with `cargo local up`",
            Self::StillStarting { .. } => "`cargo local down` stops it",
            Self::Control(ControlError::Unreachable { .. }) => {
                "an `up` that was killed leaves such traces; start it again with `cargo local up`"
            }
            Self::NoMapping { .. } | Self::SeveralMappings { .. } => {
                "`cargo local mapping list` shows them"
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
            Self::Background { text, .. } if text.contains("error: ") => Vec::new(),
            _ => chain(self),
        };
        terminal::failure(self.text(), &errors, self.hint().as_deref());
    }
}

/// The error with its causes on one line; an error of several lines is several errors.
fn chain(error: &dyn Error) -> Vec<String> {
    let mut lines: Vec<String> = error.to_string().lines().map(str::to_owned).collect();
    let mut cause = error.source();
    while let Some(source) = cause {
        if let Some(last) = lines.last_mut() {
            last.push_str(": ");
            last.push_str(&source.to_string().replace('\n', "; "));
        }
        cause = source.source();
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_one_line_with_its_causes() {
        let source = io::Error::other("disk full");
        let error = CommandError::Data(DataFolderError::Inaccessible {
            action: "create",
            path: PathBuf::from("/d"),
            source,
        });
        assert_eq!(chain(&error), ["failed to create `/d`: disk full"]);
    }

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
        let data = PathBuf::from("/d");
        assert_eq!(CommandError::NotRunning { data }.code(), 69);
        assert_eq!(CommandError::NoMapping { wanted: "x".to_owned() }.code(), 2);
        let background = CommandError::Background { text: String::new(), exit: 64 };
        assert_eq!(background.code(), 64);
    }
}
