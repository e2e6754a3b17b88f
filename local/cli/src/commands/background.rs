//! `up --detach`: starts this program again without a terminal, and waits for it where asked.

use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::data_folder::{self, Layout};
use crate::failure::CommandError;
use crate::log_files::bound_appended;
use crate::run_file::RunFile;
use crate::terminal::{self, Waiting};

const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// How often the size of the own log is looked at.
const BOUND_INTERVAL: Duration = Duration::from_secs(30);

/// Starts `up` in the background with the arguments of this process; with `wait`, returns when it
/// is ready, or with its error.
pub(super) async fn start(layout: &Layout, wait: bool) -> Result<(), CommandError> {
    data_folder::make_ours(layout.root())?;
    // Asked here too: without `wait` nobody would hear what the other process says.
    data_folder::refuse_owned(layout).await?;
    let (mut child, begin) = spawn(layout).map_err(CommandError::Detach)?;
    if !wait {
        terminal::note(format!(
            "starting in the background as process {}; `cargo local status` tells when it is ready",
            child.id()
        ));
        return Ok(());
    }
    let waiting = Waiting::start("starting in the background");
    loop {
        if RunFile::read(layout.root())?.is_some_and(|file| file.pid == child.id()) {
            waiting.finish();
            terminal::out(text_since(&layout.own_log(), begin).map_err(CommandError::Detach)?)?;
            return Ok(());
        }
        if let Some(status) = child.try_wait().map_err(CommandError::Detach)? {
            waiting.finish();
            let text = text_since(&layout.own_log(), begin).map_err(CommandError::Detach)?;
            let exit = status.code().and_then(|code| u8::try_from(code).ok());
            return Err(CommandError::Background { text, exit: exit.unwrap_or(1).max(1) });
        }
        tokio::select! {
            () = tokio::time::sleep(POLL_INTERVAL) => {}
            _ = tokio::signal::ctrl_c() => {
                return Err(CommandError::StillStarting { pid: child.id() });
            }
        }
    }
}

/// Starts the process; returns it and where in its log it begins to write.
fn spawn(layout: &Layout) -> io::Result<(Child, u64)> {
    fs::create_dir_all(layout.logs())?;
    let log = File::options().append(true).create(true).open(layout.own_log())?;
    let begin = log.metadata()?.len();
    let child = Command::new(std::env::current_exe()?)
        .args(std::env::args_os().skip(1))
        .arg("--background")
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .spawn()?;
    Ok((child, begin))
}

fn text_since(path: &Path, begin: u64) -> io::Result<String> {
    let mut log = File::open(path)?;
    log.seek(SeekFrom::Start(begin))?;
    let mut bytes = Vec::new();
    log.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// In the process started: leaves the terminal's session, so that closing it or pressing Ctrl-C
/// there does not reach us.
pub(super) fn leave_terminal() {
    if let Err(error) = rustix::process::setsid() {
        tracing::warn!(%error, "this process stays in the terminal's session");
    }
}

/// Keeps the own log of a process in the background from growing without end; elsewhere waits
/// for ever.
pub(super) async fn bound_own_log(layout: &Layout, in_background: bool) {
    if !in_background {
        std::future::pending::<()>().await;
    }
    loop {
        tokio::time::sleep(BOUND_INTERVAL).await;
        if let Err(error) = bound_appended(&layout.own_log()) {
            tracing::warn!(%error, "the size of the own log is not known");
        }
    }
}
