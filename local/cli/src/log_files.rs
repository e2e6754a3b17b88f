//! Writes what functions print into `<data>/logs/<function>.log`, one line per line, each with its
//! time and environment; files are bounded.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use host::LogLine;
use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::notice::{Notice, Notices};

/// A log file of this size becomes `<name>.1`, in place of the one before it: a function's logs
/// take at most twice as much.
pub(crate) const LOG_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// Lines that wait to be written: a burst of ten thousand takes about 1 MB.
const LINES_MAX: usize = 10_000;

/// Lines written before the files are flushed.
const LINES_PER_FLUSH: usize = 2_048;

/// After each batch the writer rests this long: waking it for every line costs whoever writes the
/// line more than the line does. Far below the time in which the lines that may wait come together.
const REST: Duration = Duration::from_millis(5);

/// The task that writes the log files.
#[derive(Debug)]
pub(crate) struct LogWriter {
    task: JoinHandle<()>,
}

impl LogWriter {
    /// Writes to files in `folder`, and shows each line to `notices`, until the sender returned is
    /// dropped by everyone.
    pub(crate) fn start(folder: PathBuf, notices: Notices) -> (Self, mpsc::Sender<LogLine>) {
        let (sender, lines) = mpsc::channel(LINES_MAX);
        let task = tokio::task::spawn_blocking(move || write_all(&folder, lines, &notices));
        (Self { task }, sender)
    }

    /// Waits until everything sent is written.
    pub(crate) async fn finish(self) {
        if let Err(error) = self.task.await {
            tracing::error!(%error, "the log writer broke");
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the thread is the writer's own, and rests alone")]
fn write_all(folder: &Path, mut lines: mpsc::Receiver<LogLine>, notices: &Notices) {
    let mut files: BTreeMap<Arc<str>, LogFile> = BTreeMap::new();
    let mut batch = Vec::with_capacity(LINES_PER_FLUSH);
    loop {
        let taken = lines.blocking_recv_many(&mut batch, LINES_PER_FLUSH);
        if taken == 0 {
            return;
        }
        let now = format!("{:.3}", Timestamp::now());
        for line in batch.drain(..) {
            if !files.contains_key(&line.function) {
                let file = LogFile::new(folder, &file_name(&line.function));
                files.insert(Arc::clone(&line.function), file);
            }
            let file = files.get_mut(&line.function).expect("it was just put there");
            file.write(&now, line.environment, &line.text);
            notices.send(Notice::Line(line));
        }
        files.values_mut().for_each(LogFile::flush);
        if taken < LINES_PER_FLUSH {
            thread::sleep(REST);
        }
    }
}

/// The name of a function's log file: function names may hold characters that paths may not.
pub(crate) fn file_name(function: &str) -> String {
    let safe = |c: char| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '_' };
    let name: String = function.chars().map(safe).collect();
    format!("{name}.log")
}

/// Where a log file goes when it is full.
pub(crate) fn earlier(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".1");
    PathBuf::from(name)
}

/// Empties a log that another program appends to, once it is too large; its text moves to
/// `<name>.1`. What is written in between is lost.
pub(crate) fn bound_appended(path: &Path) -> io::Result<()> {
    if fs::metadata(path)?.len() > LOG_BYTES_MAX {
        fs::copy(path, earlier(path))?;
        File::options().write(true).open(path)?.set_len(0)?;
    }
    Ok(())
}

/// One function's log. A file that cannot be written is reported once and given up.
#[derive(Debug)]
struct LogFile {
    path: PathBuf,
    open: Option<(BufWriter<File>, u64)>,
}

impl LogFile {
    fn new(folder: &Path, name: &str) -> Self {
        let path = folder.join(name);
        let open = open(&path).map_err(|error| Self::report(&path, &error)).ok();
        Self { path, open }
    }

    fn write(&mut self, time: &str, environment: u32, text: &str) {
        if let Err(error) = self.try_write(time, environment, text) {
            Self::report(&self.path, &error);
            self.open = None;
        }
    }

    fn try_write(&mut self, time: &str, environment: u32, text: &str) -> io::Result<()> {
        let Some((file, size)) = &mut self.open else { return Ok(()) };
        let line = format!("{time} {environment} {text}\n");
        if *size > 0 && *size + line.len() as u64 > LOG_BYTES_MAX {
            file.flush()?;
            fs::rename(&self.path, earlier(&self.path))?;
            (*file, *size) = open(&self.path)?;
        }
        *size += line.len() as u64;
        file.write_all(line.as_bytes())
    }

    fn flush(&mut self) {
        if let Some((file, _)) = &mut self.open
            && let Err(error) = file.flush()
        {
            Self::report(&self.path, &error);
            self.open = None;
        }
    }

    fn report(path: &Path, error: &io::Error) {
        tracing::error!(path = %path.display(), %error, "a log file cannot be written");
    }
}

fn open(path: &Path) -> io::Result<(BufWriter<File>, u64)> {
    let file = File::options().append(true).create(true).open(path)?;
    let size = file.metadata()?.len();
    Ok((BufWriter::new(file), size))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(function: &str, text: &str) -> LogLine {
        LogLine { function: Arc::from(function), environment: 2, text: text.to_owned() }
    }

    #[tokio::test]
    async fn lines_carry_time_and_environment_and_stay_across_restarts() {
        let folder = tempfile::tempdir().unwrap();
        for text in ["first", "second"] {
            let (writer, lines) = LogWriter::start(folder.path().to_owned(), Notices::unheard());
            lines.send(line("f", text)).await.unwrap();
            drop(lines);
            writer.finish().await;
        }
        let text = fs::read_to_string(folder.path().join("f.log")).unwrap();
        let lines: Vec<_> = text.lines().map(|line| line.split(' ').collect::<Vec<_>>()).collect();
        assert_eq!(lines.len(), 2);
        assert_eq!(lines[1][1..], ["2", "second"]);
        lines[0][0].parse::<Timestamp>().unwrap();
    }

    #[test]
    fn a_full_file_becomes_the_earlier_one() {
        let folder = tempfile::tempdir().unwrap();
        let mut log = LogFile::new(folder.path(), "f.log");
        let mebibyte = "x".repeat(1024 * 1024);
        for _ in 0..40 {
            log.write("1970-01-01T00:00:00.000Z", 1, &mebibyte);
        }
        log.flush();
        let size = |path: &Path| fs::metadata(path).unwrap().len();
        let path = folder.path().join("f.log");
        assert!(size(&path) <= LOG_BYTES_MAX && size(&path) > 0);
        assert!(size(&earlier(&path)) <= LOG_BYTES_MAX);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }

    #[test]
    fn a_log_that_others_append_to_is_emptied_in_place() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("millrace.log");
        let mut other = File::options().append(true).create(true).open(&path).unwrap();
        other.write_all(b"short\n").unwrap();
        bound_appended(&path).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "short\n");
        other.set_len(LOG_BYTES_MAX + 1).unwrap();
        bound_appended(&path).unwrap();
        other.write_all(b"later\n").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "later\n");
        assert!(earlier(&path).exists());
    }

    #[test]
    fn a_functions_name_cannot_leave_the_folder() {
        assert_eq!(file_name("process_events"), "process_events.log");
        assert_eq!(file_name("../../etc/x:y"), ".._.._etc_x_y.log");
    }
}
