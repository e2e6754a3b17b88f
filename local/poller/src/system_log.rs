//! `LoggingConfig`: what a mapping's pollers write about themselves, a line of JSON each, into a
//! file. A thread of its own writes, so that nobody waits for the disk.
//!
//! Source: <https://docs.aws.amazon.com/lambda/latest/dg/esm-logging.html>. What AWS's sample shows
//! of networks is left out.

mod lines;

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use self::lines::{About, Line};
pub(crate) use self::lines::{Assignment, Offsets};
use crate::config::{MappingConfig, SystemLogLevel};

/// A file of this size moves to `<name>.1`, in place of the one before it.
const FILE_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// Lines that wait to be written; more are left out.
const LINES_MAX: usize = 1_000;

/// A mapping's log; without one nothing is written.
#[derive(Clone, Debug, Default)]
pub(crate) struct SystemLog(Option<Arc<Open>>);

/// One poller's share of the log.
#[derive(Clone, Debug, Default)]
pub(crate) struct PollerLog {
    log: SystemLog,
    number: u32,
}

#[derive(Debug)]
struct Open {
    level: SystemLogLevel,
    about: About,
    lines: SyncSender<String>,
}

impl SystemLog {
    /// Opens the log that the mapping asks for, if it does.
    pub(crate) fn open(config: &MappingConfig) -> io::Result<Self> {
        let Some(wanted) = &config.system_log else { return Ok(Self(None)) };
        if let Some(folder) = wanted.path.parent() {
            fs::create_dir_all(folder)?;
        }
        let file = File::options().create(true).append(true).open(&wanted.path)?;
        let (lines, written) = sync_channel(LINES_MAX);
        let path = wanted.path.clone();
        thread::Builder::new()
            .name(format!("log {}", config.topic))
            .spawn(move || write_all(file, &path, &written))?;
        let about = About::new(config, wanted.mapping_arn.clone());
        Ok(Self(Some(Arc::new(Open { level: wanted.level, about, lines }))))
    }

    /// What the poller of this number writes to.
    pub(crate) fn of_poller(&self, number: u32) -> PollerLog {
        PollerLog { log: self.clone(), number }
    }
}

impl PollerLog {
    /// Whether lines of this level are wanted at all.
    pub(crate) fn has(&self, level: SystemLogLevel) -> bool {
        self.log.0.as_ref().is_some_and(|open| level <= open.level)
    }

    /// Something went wrong (`ESM_PROCESSING_EVENT`).
    pub(crate) fn warn(&self, code: &str, message: &str) {
        self.write(SystemLogLevel::Warn, |_about| About::error(code, message));
    }

    /// The group gave the poller these partitions (`POLLER_STATUS_EVENT`).
    pub(crate) fn assigned(&self, assignment: &Assignment<'_>) {
        self.write(SystemLogLevel::Info, |about| about.connection(self.number, assignment));
    }

    /// How far a partition is (`KAFKA_STATUS_EVENT`).
    pub(crate) fn offsets(&self, partition: i32, offsets: Offsets) {
        self.write(SystemLogLevel::Debug, |about| about.offsets(partition, offsets));
    }

    fn write(&self, level: SystemLogLevel, line: impl FnOnce(&About) -> Line) {
        let Some(open) = self.log.0.as_ref().filter(|open| level <= open.level) else { return };
        let text = open.about.text(self.number, level, line(&open.about));
        if open.lines.try_send(text).is_err() {
            tracing::debug!("A line of a mapping's log is left out");
        }
    }
}

/// Writes until nobody has any more lines. A file that cannot be written is reported once.
fn write_all(mut file: File, path: &Path, lines: &Receiver<String>) {
    for line in lines {
        if let Err(error) = write(&mut file, path, &line) {
            tracing::error!(%error, ?path, "A mapping's log cannot be written");
            return;
        }
    }
}

fn write(file: &mut File, path: &Path, line: &str) -> io::Result<()> {
    if file.metadata()?.len() > FILE_BYTES_MAX {
        let mut earlier = path.as_os_str().to_owned();
        earlier.push(".1");
        fs::rename(path, earlier)?;
        *file = File::options().create(true).append(true).open(path)?;
    }
    file.write_all(line.as_bytes())
}

#[cfg(test)]
mod tests;
