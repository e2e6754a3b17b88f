//! Reads the log files back: merged in the order of time, and followed as they grow.

use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use crate::log_files::earlier;

/// A line of a function's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StoredLine {
    pub(crate) function: String,
    /// RFC 3339 in UTC with milliseconds: sorts as text.
    time: String,
    pub(crate) text: String,
}

/// The logs in a folder, or one of them, read to their ends and followed from there.
#[derive(Debug)]
pub(crate) struct LogReader {
    logs: Vec<Log>,
    folder: PathBuf,
    only: Option<String>,
}

/// One function's log.
#[derive(Debug)]
struct Log {
    function: String,
    path: PathBuf,
    open: BufReader<File>,
    /// The beginning of a line whose end is not written yet.
    partial: Vec<u8>,
}

impl LogReader {
    /// A reader of the log file named `only`, or of all functions' logs.
    pub(crate) fn new(folder: PathBuf, only: Option<String>) -> Self {
        Self { logs: Vec::new(), folder, only }
    }

    /// Whether there is a log to read.
    pub(crate) fn is_empty(&self) -> bool {
        self.logs.is_empty()
    }

    /// What was written since the last call, at first everything, in the order of time.
    pub(crate) fn read(&mut self) -> io::Result<Vec<StoredLine>> {
        let mut lines = Vec::new();
        for path in self.files()? {
            if !self.logs.iter().any(|log| log.path == path)
                && let Some(log) = Log::open(path, &mut lines)?
            {
                self.logs.push(log);
            }
        }
        for log in &mut self.logs {
            log.read(&mut lines)?;
        }
        lines.sort_by(|a, b| a.time.cmp(&b.time));
        Ok(lines)
    }

    fn files(&self) -> io::Result<Vec<PathBuf>> {
        let listing = match fs::read_dir(&self.folder) {
            Ok(listing) => listing,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut files = Vec::new();
        for entry in listing {
            let name = entry?.file_name().to_string_lossy().into_owned();
            let is_log = Path::new(&name).extension().is_some_and(|end| end == "log");
            let of_a_function = is_log && name != "millrace.log";
            if self.only.as_ref().map_or(of_a_function, |only| name == *only) {
                files.push(self.folder.join(name));
            }
        }
        files.sort();
        Ok(files)
    }
}

impl Log {
    /// Opens a log, after what its earlier file holds.
    fn open(path: PathBuf, lines: &mut Vec<StoredLine>) -> io::Result<Option<Self>> {
        let function = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let before = earlier(&path);
        if before.exists() {
            let open = BufReader::new(File::open(&before)?);
            let mut log =
                Self { function: function.clone(), path: before, open, partial: Vec::new() };
            log.read_open(lines)?;
        }
        match File::open(&path) {
            Ok(file) => {
                let open = BufReader::new(file);
                Ok(Some(Self { function, path, open, partial: Vec::new() }))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn read(&mut self, lines: &mut Vec<StoredLine>) -> io::Result<()> {
        self.read_open(lines)?;
        if self.was_replaced()? {
            // What was written between the last read and the change of files.
            self.read_open(lines)?;
            self.open = BufReader::new(File::open(&self.path)?);
            self.read_open(lines)?;
        }
        Ok(())
    }

    fn was_replaced(&self) -> io::Result<bool> {
        let held = self.open.get_ref().metadata()?;
        match fs::metadata(&self.path) {
            Ok(now) => Ok((now.dev(), now.ino()) != (held.dev(), held.ino())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn read_open(&mut self, lines: &mut Vec<StoredLine>) -> io::Result<()> {
        while self.open.read_until(b'\n', &mut self.partial)? > 0 {
            if let Some(line) = self.partial.strip_suffix(b"\n") {
                lines.push(StoredLine::parse(&self.function, &String::from_utf8_lossy(line)));
                self.partial.clear();
            }
        }
        Ok(())
    }
}

impl StoredLine {
    fn parse(function: &str, line: &str) -> Self {
        let mut parts = line.splitn(3, ' ');
        let time = parts.next().unwrap_or_default().to_owned();
        let text = parts.nth(1).unwrap_or_default().to_owned();
        Self { function: function.to_owned(), time, text }
    }
}

/// The text of a log that has no times in it, with its earlier part.
pub(crate) fn read_plain(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    for path in [earlier(path), path.to_owned()] {
        match fs::read(&path) {
            Ok(bytes) => text.push_str(&String::from_utf8_lossy(&bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn append(path: &Path, text: impl AsRef<[u8]>) {
        let mut file = File::options().append(true).create(true).open(path).unwrap();
        file.write_all(text.as_ref()).unwrap();
    }

    #[track_caller]
    fn reads(reader: &mut LogReader, expected: &[(&str, &str)]) {
        let lines = reader.read().unwrap();
        let got: Vec<_> = lines.iter().map(|l| (l.function.as_str(), l.text.as_str())).collect();
        assert_eq!(got, expected);
    }

    #[test]
    fn functions_are_merged_in_the_order_of_time() {
        let folder = tempfile::tempdir().unwrap();
        append(&folder.path().join("a.log.1"), "2026-01-01T00:00:00.000Z 1 zero\n");
        append(
            &folder.path().join("a.log"),
            "2026-01-01T00:00:01.000Z 1 one\n2026-01-01T00:00:03.000Z 1 three words here\n",
        );
        append(&folder.path().join("b.log"), "2026-01-01T00:00:02.000Z 1 two\n");
        append(&folder.path().join("millrace.log"), "own\n");
        let mut reader = LogReader::new(folder.path().to_owned(), None);
        reads(&mut reader, &[("a", "zero"), ("a", "one"), ("b", "two"), ("a", "three words here")]);
        reads(&mut reader, &[]);
    }

    #[test]
    fn following_waits_for_the_end_of_a_line_and_finds_new_functions() {
        let folder = tempfile::tempdir().unwrap();
        let mut reader = LogReader::new(folder.path().to_owned(), None);
        reads(&mut reader, &[]);
        assert!(reader.is_empty());
        append(&folder.path().join("a.log"), b"2026-01-01T00:00:00.000Z 1 d\xc3");
        reads(&mut reader, &[]);
        append(&folder.path().join("a.log"), b"\xa9but\n");
        reads(&mut reader, &[("a", "d\u{e9}but")]);
    }

    #[test]
    fn following_survives_the_change_to_a_new_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.log");
        append(&path, "2026-01-01T00:00:00.000Z 1 one\n");
        let mut reader = LogReader::new(folder.path().to_owned(), Some("a.log".to_owned()));
        reads(&mut reader, &[("a", "one")]);
        append(&path, "2026-01-01T00:00:01.000Z 1 two\n");
        fs::rename(&path, earlier(&path)).unwrap();
        append(&path, "2026-01-01T00:00:02.000Z 1 three\n");
        reads(&mut reader, &[("a", "two"), ("a", "three")]);
    }

    #[test]
    fn one_function_can_be_read_alone() {
        let folder = tempfile::tempdir().unwrap();
        append(&folder.path().join("a.log"), "2026-01-01T00:00:00.000Z 1 one\n");
        append(&folder.path().join("b.log"), "2026-01-01T00:00:00.000Z 1 two\n");
        let mut reader = LogReader::new(folder.path().to_owned(), Some("b.log".to_owned()));
        reads(&mut reader, &[("b", "two")]);
    }
}
