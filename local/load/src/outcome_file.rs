//! The outcome of every request of a run, kept in a file: a header line, then one byte per sequence
//! number.
//!
//! The bytes are those of [`Outcome::byte`]. Whatever is beyond the end of the file was not sent.
//! Requests under way are ambiguous until they are over, so that a generator which is killed does not
//! say that they had no effect; only those it began in the last moment read as not sent.

mod writer;

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

pub(crate) use self::writer::OutcomeWriter;
use crate::outcome::Outcome;
use crate::run_id::RunId;

/// How an outcome file's name ends.
const EXTENSION: &str = "outcomes";

/// Longer than any header line: what is no outcome file is not searched for a line's end.
const HEADER_BYTES_MAX: u64 = 64 * 1024;

/// The header line: which run it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunHeader {
    /// The run's id.
    pub run: RunId,
    /// The scenario's name.
    pub scenario: String,
    /// Where requests were sent.
    pub url: String,
    /// When the run started, epoch milliseconds.
    pub started_ms: i64,
    /// How many requests were asked for; `None` for a run over a time.
    pub requests: Option<u64>,
    /// Whether requests were sent without their own id in the body: no ledger can find those again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub anonymous: bool,
}

/// Why an outcome file cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum OutcomeFileError {
    /// The file, or the folder it should be in, cannot be read.
    #[error("failed to read outcomes in `{path}`")]
    Read {
        /// The path.
        path: PathBuf,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
    /// The first line is no header.
    #[error("outcome file `{path}` does not start with a header line")]
    Header {
        /// Its path.
        path: PathBuf,
        /// What is wrong with the line.
        #[source]
        source: serde_json::Error,
    },
    /// A byte stands for no outcome.
    #[error("outcome file `{path}` has byte {byte:#04x} for request {sequence}")]
    Byte {
        /// Its path.
        path: PathBuf,
        /// The request's number.
        sequence: usize,
        /// The byte.
        byte: u8,
    },
}

/// The outcomes of a run, read back. It takes one byte of memory per request.
#[derive(Clone, Debug)]
pub struct OutcomeFile {
    header: RunHeader,
    bytes: Vec<u8>,
    start: usize,
}

impl OutcomeFile {
    /// The path of a run's file in the folder `directory`.
    pub fn path(directory: &Path, run: RunId) -> PathBuf {
        directory.join(run.to_string()).with_extension(EXTENSION)
    }

    /// The path of the file in the folder `directory` whose run started last; `None` where there is
    /// no file or no folder.
    pub fn latest(directory: &Path) -> Result<Option<PathBuf>, OutcomeFileError> {
        let failed = |source| OutcomeFileError::Read { path: directory.to_owned(), source };
        let entries = match std::fs::read_dir(directory) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(error)),
        };
        let mut latest = None;
        for entry in entries {
            let path = entry.map_err(failed)?.path();
            if path.extension().is_some_and(|extension| extension == EXTENSION) {
                let header = read_header(&path)?;
                latest = latest.max(Some((header.started_ms, path)));
            }
        }
        Ok(latest.map(|(_, path)| path))
    }

    /// Reads the file at `path`.
    pub fn open(path: &Path) -> Result<Self, OutcomeFileError> {
        let bytes = std::fs::read(path)
            .map_err(|source| OutcomeFileError::Read { path: path.to_owned(), source })?;
        let line = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let header = parse_header(path, line)?;
        let start = (line.len() + 1).min(bytes.len());
        let known = |byte: &u8| Outcome::from_byte(*byte).is_some();
        if let Some(sequence) = bytes[start..].iter().position(|byte| !known(byte)) {
            let byte = bytes[start + sequence];
            return Err(OutcomeFileError::Byte { path: path.to_owned(), sequence, byte });
        }
        Ok(Self { header, bytes, start })
    }

    /// The header line.
    pub fn header(&self) -> &RunHeader {
        &self.header
    }

    /// What became of request `sequence`.
    pub fn outcome(&self, sequence: u64) -> Outcome {
        let index = usize::try_from(sequence).unwrap_or(usize::MAX);
        let byte = self.outcome_bytes().get(index).copied();
        byte.and_then(Outcome::from_byte).unwrap_or(Outcome::NotSent)
    }

    /// The outcomes from sequence number 0 to the last one kept.
    pub fn outcomes(&self) -> impl ExactSizeIterator<Item = Outcome> {
        let known = |byte: &u8| Outcome::from_byte(*byte).expect("every byte was checked");
        self.outcome_bytes().iter().map(known)
    }

    fn outcome_bytes(&self) -> &[u8] {
        &self.bytes[self.start..]
    }
}

/// Reads the first line of the file at `path`.
fn read_header(path: &Path) -> Result<RunHeader, OutcomeFileError> {
    let mut line = Vec::new();
    let read = File::open(path)
        .and_then(|file| BufReader::new(file).take(HEADER_BYTES_MAX).read_until(b'\n', &mut line));
    match read {
        Ok(_) => parse_header(path, &line),
        Err(source) => Err(OutcomeFileError::Read { path: path.to_owned(), source }),
    }
}

fn parse_header(path: &Path, line: &[u8]) -> Result<RunHeader, OutcomeFileError> {
    serde_json::from_slice(line)
        .map_err(|source| OutcomeFileError::Header { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests;
