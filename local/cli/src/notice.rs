//! What a starting and running stack has to tell the person who started it.

use host::LogLine;
use tokio::sync::mpsc;

use crate::stack::UpError;

/// Lines that wait for a slow terminal. Those beyond it are not shown, and stay in the log files.
pub const NOTICES_MAX: usize = 4_096;

/// Something that the person may want to see.
#[derive(Debug)]
pub enum Notice {
    /// The template is read; these are the names of its functions.
    Planned(Vec<String>),
    /// The functions are being built.
    Building {
        /// Units done.
        done: u32,
        /// Units in all; 0 while cargo does not know.
        of: u32,
    },
    /// The build ended, well or not.
    Built,
    /// Sources changed and do not build; the programs from before go on running.
    BuildFailed(Box<UpError>),
    /// Sources changed, and these functions run new programs from now on.
    Replaced(Vec<String>),
    /// A function wrote a line.
    Line(LogLine),
}

/// Where notices go.
#[derive(Clone, Debug)]
pub struct Notices {
    sender: Option<mpsc::Sender<Notice>>,
    in_colour: bool,
}

impl Notices {
    /// Notices that somebody reads; `in_colour` asks the compiler for coloured text.
    pub fn to(sender: mpsc::Sender<Notice>, in_colour: bool) -> Self {
        Self { sender: Some(sender), in_colour }
    }

    /// Notices that nobody reads.
    pub fn unheard() -> Self {
        Self { sender: None, in_colour: false }
    }

    pub(crate) fn in_colour(&self) -> bool {
        self.in_colour
    }

    /// Passes a notice on, or drops it where there is no room: showing must not slow doing.
    pub(crate) fn send(&self, notice: Notice) {
        if let Some(sender) = &self.sender {
            sender.try_send(notice).ok();
        }
    }
}
