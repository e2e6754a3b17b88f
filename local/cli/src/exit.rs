//! How a command ends: the exit codes that scripts rely on.

use std::process::ExitCode;

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// It did what was asked.
    Done,
    /// The thing itself failed.
    Failed,
    /// It was called in a way that makes no sense.
    Usage,
    /// A file that it was given is wrong (`EX_USAGE` of sysexits.h).
    Configuration,
    /// Something needed is not there: a port, a broker, a compiler (`EX_UNAVAILABLE`).
    Unavailable,
}

impl Exit {
    /// The process's exit code.
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Configuration => 64,
            Self::Unavailable => 69,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}
