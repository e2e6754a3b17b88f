//! One segment file: batches end to end, and a sparse index over them in memory.
//!
//! The file is in Kafka's own format and carries its base offset in its name. A segment knows
//! nothing of producers, retention or who asks.

use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, IoSlice, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;

use crate::batch::{self, BatchHeader, HEADER_BYTES, StampedBatch};
use crate::clock;
use crate::log::records::{self, Stamp};

/// `index.interval.bytes`: one index entry per this many bytes of log, Kafka's default.
const INDEX_INTERVAL_BYTES: u64 = 4_096;

/// How much is read at once while a segment is scanned on start.
const SCAN_BUFFER_BYTES: usize = 1 << 20;

/// No timestamp, Kafka's `NO_TIMESTAMP`.
pub(crate) const NO_TIMESTAMP: i64 = -1;

/// A segment and where its next batch goes.
#[derive(Debug)]
pub(crate) struct Segment {
    pub(crate) base_offset: i64,
    pub(crate) file: Arc<File>,
    pub(crate) size_bytes: u64,
    pub(crate) next_offset: i64,
    /// When the first batch was appended (after a restart: its largest timestamp).
    pub(crate) first_append_ms: Option<i64>,
    pub(crate) newest: Newest,
    path: PathBuf,
    index: Vec<IndexEntry>,
    indexed_to: u64,
}

/// The batch with the largest timestamp so far; the first of several.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Newest {
    pub(crate) timestamp: i64,
    position: u64,
}

#[derive(Clone, Copy, Debug)]
struct IndexEntry {
    base_offset: i64,
    position: u64,
    /// The largest timestamp before this position: grows along the index, so it can be searched.
    timestamp_before: i64,
}

/// A batch found in a segment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FoundBatch {
    pub(crate) position: u64,
    pub(crate) header: BatchHeader,
}

/// How much of a segment is believed on start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trust {
    /// Checksums are verified: the tail may be torn.
    Verify,
    /// Only headers are read: a later segment exists, so this one was written whole.
    Headers,
}

impl Segment {
    /// Makes an empty segment, replacing a file of the same name (which holds nothing
    /// acknowledged: an acknowledged batch would have moved the base offset).
    pub(crate) fn create(directory: &Path, base_offset: i64) -> io::Result<Self> {
        let path = path_of(directory, base_offset);
        let file = OpenOptions::new().read(true).append(true).create(true).open(&path)?;
        file.set_len(0)?;
        Ok(Self::empty(path, file, base_offset))
    }

    /// Opens a segment and reads its batches, calling `seen` for each with
    /// the time of the file's last write, until the end or the first
    /// that is not whole. A verified file is cut there; the rest of any other is only left out.
    pub(crate) fn open(
        directory: &Path,
        base_offset: i64,
        trust: Trust,
        mut seen: impl FnMut(&BatchHeader, i64),
    ) -> io::Result<Self> {
        let path = path_of(directory, base_offset);
        let file = OpenOptions::new().read(true).append(true).open(&path)?;
        let metadata = file.metadata()?;
        let length = metadata.len();
        let written_ms = clock::millis(metadata.modified()?);
        let mut segment = Self::empty(path, file, base_offset);
        let file = Arc::clone(&segment.file);
        let mut reader = BufReader::with_capacity(SCAN_BUFFER_BYTES, &*file);
        let mut body = Vec::new();
        while let Some(header) =
            next_batch(&mut reader, length - segment.size_bytes, &mut body, trust)?
        {
            if header.base_offset < segment.next_offset {
                break;
            }
            segment.note(&header, header.max_timestamp);
            seen(&header, written_ms);
        }
        if segment.size_bytes < length {
            let (path, kept) = (segment.path.display(), segment.size_bytes);
            tracing::warn!(%path, length, kept, "A segment has bytes that are no whole batch");
            if trust == Trust::Verify {
                segment.file.set_len(segment.size_bytes)?;
            }
        }
        Ok(segment)
    }

    fn empty(path: PathBuf, file: File, base_offset: i64) -> Self {
        Self {
            base_offset,
            file: Arc::new(file),
            size_bytes: 0,
            next_offset: base_offset,
            first_append_ms: None,
            newest: Newest { timestamp: NO_TIMESTAMP, position: 0 },
            path,
            index: Vec::new(),
            indexed_to: 0,
        }
    }

    /// Writes batches at the end in one go; when it fails, the file is as long as before or the
    /// error says it could not be cut back.
    pub(crate) fn write(&self, batches: &[StampedBatch]) -> io::Result<()> {
        let mut slices: Vec<IoSlice<'_>> = batches
            .iter()
            .flat_map(|batch| [IoSlice::new(&batch.header), IoSlice::new(&batch.body)])
            .collect();
        let mut rest = &mut slices[..];
        while !rest.is_empty() {
            match (&*self.file).write_vectored(rest) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => IoSlice::advance_slices(&mut rest, written),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Takes a written batch into the index and the counters.
    pub(crate) fn note(&mut self, header: &BatchHeader, now_ms: i64) {
        let position = self.size_bytes;
        if position == 0 || position - self.indexed_to >= INDEX_INTERVAL_BYTES {
            self.index.push(IndexEntry {
                base_offset: header.base_offset,
                position,
                timestamp_before: self.newest.timestamp,
            });
            self.indexed_to = position;
        }
        if header.max_timestamp > self.newest.timestamp {
            self.newest = Newest { timestamp: header.max_timestamp, position };
        }
        self.first_append_ms.get_or_insert(now_ms);
        self.size_bytes += header.size_bytes as u64;
        self.next_offset = header.last_offset() + 1;
    }

    /// The first batch that holds `offset` or, where the log has a hole there, follows it.
    pub(crate) fn find(&self, offset: i64) -> io::Result<Option<FoundBatch>> {
        let after = self.index.partition_point(|entry| entry.base_offset <= offset);
        self.scan_from(after, |header| header.last_offset() >= offset)
    }

    /// The first record whose timestamp is `timestamp` or later.
    pub(crate) fn find_timestamp(&self, timestamp: i64) -> io::Result<Option<Stamp>> {
        if self.newest.timestamp < timestamp {
            return Ok(None);
        }
        let after = self.index.partition_point(|entry| entry.timestamp_before < timestamp);
        let found = self.scan_from(after, |header| header.max_timestamp >= timestamp)?;
        let Some(found) = found else { return Ok(None) };
        let stamps = self.stamps(&found)?;
        Ok(stamps.into_iter().find(|stamp| stamp.timestamp >= timestamp))
    }

    /// The first record with the largest timestamp of the segment.
    pub(crate) fn find_newest(&self) -> io::Result<Option<Stamp>> {
        if self.size_bytes == 0 {
            return Ok(None);
        }
        let position = self.newest.position;
        let Some(header) = self.header_at(position)? else { return Ok(None) };
        let stamps = self.stamps(&FoundBatch { position, header })?;
        let largest = stamps.iter().map(|stamp| stamp.timestamp).max();
        Ok(stamps.into_iter().find(|stamp| Some(stamp.timestamp) == largest))
    }

    pub(crate) fn delete(&self) -> io::Result<()> {
        std::fs::remove_file(&self.path)
    }

    /// Walks headers from the index entry before `after` to the first that is `wanted`.
    fn scan_from(
        &self,
        after: usize,
        wanted: impl Fn(&BatchHeader) -> bool,
    ) -> io::Result<Option<FoundBatch>> {
        let start = after.checked_sub(1).and_then(|at| self.index.get(at));
        let mut position = start.map_or(0, |entry| entry.position);
        while let Some(header) = self.header_at(position)? {
            if wanted(&header) {
                return Ok(Some(FoundBatch { position, header }));
            }
            position += header.size_bytes as u64;
        }
        Ok(None)
    }

    fn header_at(&self, position: u64) -> io::Result<Option<BatchHeader>> {
        if position >= self.size_bytes {
            return Ok(None);
        }
        let mut bytes = [0; HEADER_BYTES];
        self.file.read_exact_at(&mut bytes, position)?;
        Ok(BatchHeader::parse(&bytes))
    }

    fn stamps(&self, found: &FoundBatch) -> io::Result<Vec<Stamp>> {
        let mut bytes = vec![0; found.header.size_bytes];
        self.file.read_exact_at(&mut bytes, found.position)?;
        Ok(records::stamps(Bytes::from(bytes), &found.header))
    }
}

/// Reads the next whole batch's header and steps over the batch; `None` at the end and at the
/// first batch that is torn, corrupt or of another format.
fn next_batch(
    reader: &mut BufReader<&File>,
    remaining: u64,
    body: &mut Vec<u8>,
    trust: Trust,
) -> io::Result<Option<BatchHeader>> {
    let mut bytes = [0; HEADER_BYTES];
    if remaining < HEADER_BYTES as u64 {
        return Ok(None);
    }
    reader.read_exact(&mut bytes)?;
    let header = BatchHeader::parse(&bytes).filter(|header| header.size_bytes as u64 <= remaining);
    let Some(header) = header else { return Ok(None) };
    let body_bytes = header.size_bytes - HEADER_BYTES;
    if trust == Trust::Headers {
        reader.seek_relative(i64::try_from(body_bytes).unwrap_or(i64::MAX))?;
        return Ok(Some(header));
    }
    body.clear();
    body.extend_from_slice(&bytes);
    body.resize(header.size_bytes, 0);
    reader.read_exact(&mut body[HEADER_BYTES..])?;
    Ok(batch::crc_matches(body, &header).then_some(header))
}

/// The base offsets of the segments in `directory`, in order.
pub(crate) fn list(directory: &Path) -> io::Result<Vec<i64>> {
    let mut offsets = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        let name = entry?.file_name();
        let stem = name.to_str().and_then(|name| name.strip_suffix(".log"));
        offsets.extend(stem.and_then(|stem| stem.parse::<i64>().ok()));
    }
    offsets.sort_unstable();
    Ok(offsets)
}

fn path_of(directory: &Path, base_offset: i64) -> PathBuf {
    directory.join(format!("{base_offset:020}.log"))
}
