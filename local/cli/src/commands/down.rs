//! `down`: stops the `up` of a data folder, kindly first, and deletes the folder where asked.

use std::io;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::time::Instant;

use crate::args::{Down, Place};
use crate::control::client::ControlClient;
use crate::data_folder::{self, Layout};
use crate::failure::CommandError;
use crate::locate;
use crate::run_file::RunFile;
use crate::terminal::{self, Waiting};

/// How long an ordered stop may take before it is forced; it bounds itself below this.
const STOP_TIMEOUT: Duration = Duration::from_mins(1);

/// How long the system may take to end a killed process.
const KILL_TIMEOUT: Duration = Duration::from_secs(10);

const POLL_INTERVAL: Duration = Duration::from_millis(50);

pub(super) async fn run(place: &Place, options: &Down) -> Result<(), CommandError> {
    let layout = locate::data(place)?;
    match data_folder::owner(&layout)? {
        None => terminal::note(format!("nothing runs on `{}`", layout.root().display())),
        Some(pid) => {
            stop(&layout, pid).await?;
            terminal::note("stopped");
        }
    }
    if options.volumes {
        let root = layout.root().to_owned();
        if data_folder::remove(layout).await? {
            terminal::note(format!("deleted `{}`", root.display()));
        }
    }
    Ok(())
}

/// Stops the process that owns the folder. Its number cannot have passed to another process: only
/// the owner of the lock writes it, and the lock ends with the process.
async fn stop(layout: &Layout, pid: u32) -> Result<(), CommandError> {
    let waiting = Waiting::start("stopping");
    ask(layout, pid).await?;
    if ended(layout, pid, STOP_TIMEOUT).await? {
        return Ok(());
    }
    signal(pid, Signal::KILL)?;
    let ended = ended(layout, pid, KILL_TIMEOUT).await?;
    waiting.finish();
    if ended { Ok(()) } else { Err(CommandError::Survived { pid }) }
}

/// Asks through the control endpoint, or where there is none yet by a signal.
async fn ask(layout: &Layout, pid: u32) -> Result<(), CommandError> {
    if let Some(file) = RunFile::read(layout.root())?
        && file.pid == pid
        && ControlClient::new(file.control).shut_down().await.is_ok()
    {
        return Ok(());
    }
    signal(pid, Signal::TERM)
}

/// Waits until the folder's owner is another than `pid`, or nobody.
async fn ended(layout: &Layout, pid: u32, timeout: Duration) -> Result<bool, CommandError> {
    let deadline = Instant::now() + timeout;
    while data_folder::owner(layout)? == Some(pid) {
        if Instant::now() >= deadline {
            return Ok(false);
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
    Ok(true)
}

fn signal(pid: u32, signal: Signal) -> Result<(), CommandError> {
    let number = i32::try_from(pid).ok().and_then(Pid::from_raw);
    let sent = match number {
        Some(number) => kill_process(number, signal).map_err(io::Error::from),
        None => Err(io::Error::from(io::ErrorKind::InvalidInput)),
    };
    match sent {
        // It ended in the meantime, which is what was wanted.
        Err(error) if error.raw_os_error() == Some(rustix::io::Errno::SRCH.raw_os_error()) => {
            Ok(())
        }
        sent => sent.map_err(|source| CommandError::Kill { pid, source }),
    }
}
