//! Writing outcomes as they come: in any order, in blocks, without keeping the whole run in memory.

use std::io::{self, SeekFrom};
use std::path::Path;

use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt};

use crate::outcome::Outcome;
use crate::outcome_file::{OutcomeFile, RunHeader};

/// Outcomes kept back before they have to be written.
const PENDING_MAX: usize = 8 * 1024;

/// An outcome file under way.
#[derive(Debug)]
pub(crate) struct OutcomeWriter {
    file: File,
    /// Where the first outcome is.
    start: u64,
    /// Outcomes in the file so far.
    written: u64,
    pending: Vec<(u64, u8)>,
}

impl OutcomeWriter {
    /// Makes the folder where needed and a new file in it.
    pub(crate) async fn create(directory: &Path, header: &RunHeader) -> io::Result<Self> {
        tokio::fs::create_dir_all(directory).await?;
        let mut file = File::create_new(OutcomeFile::path(directory, header.run)).await?;
        let mut line = serde_json::to_vec(header).map_err(io::Error::other)?;
        line.push(b'\n');
        file.write_all(&line).await?;
        file.flush().await?;
        Ok(Self { file, start: line.len() as u64, written: 0, pending: Vec::new() })
    }

    /// Remembers one outcome; writes when enough have come together.
    pub(crate) async fn push(&mut self, sequence: u64, outcome: Outcome) -> io::Result<()> {
        self.pending.push((sequence, outcome.byte()));
        if self.pending.len() >= PENDING_MAX { self.flush().await } else { Ok(()) }
    }

    /// Writes what is pending, neighbours together.
    pub(crate) async fn flush(&mut self) -> io::Result<()> {
        let mut pending = std::mem::take(&mut self.pending);
        pending.sort_unstable();
        for run in pending.chunk_by(|(one, _), (next, _)| one + 1 == *next) {
            let bytes: Vec<u8> = run.iter().map(|(_, byte)| *byte).collect();
            self.write_at(run[0].0, &bytes).await?;
        }
        pending.clear();
        self.pending = pending;
        self.file.flush().await
    }

    /// Writes what is pending, and that every request before number `taken` may have been sent.
    pub(crate) async fn flush_and_mark(&mut self, taken: u64) -> io::Result<()> {
        self.flush().await?;
        self.fill(taken).await?;
        self.file.flush().await
    }

    /// Writes outcomes from number `sequence` on.
    async fn write_at(&mut self, sequence: u64, bytes: &[u8]) -> io::Result<()> {
        self.fill(sequence).await?;
        self.file.seek(SeekFrom::Start(self.start + sequence)).await?;
        self.file.write_all(bytes).await?;
        self.written = self.written.max(sequence + bytes.len() as u64);
        Ok(())
    }

    /// Calls everything ambiguous that has no outcome yet, up to number `end`: numbers are given out
    /// without holes, so it is under way, and a generator that is killed never learns what became
    /// of it.
    async fn fill(&mut self, end: u64) -> io::Result<()> {
        if let Some(missing @ 1..) = end.checked_sub(self.written) {
            self.file.seek(SeekFrom::Start(self.start + self.written)).await?;
            let mut gap = tokio::io::repeat(Outcome::Ambiguous.byte()).take(missing);
            tokio::io::copy(&mut gap, &mut self.file).await?;
            self.written = end;
        }
        Ok(())
    }
}
