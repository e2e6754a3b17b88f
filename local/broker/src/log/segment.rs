//! The segment that is written to: batches end to end in one file, its two indexes beside it.
//!
//! The file is in Kafka's own format and carries its base offset in its name. A segment knows
//! nothing of producers, retention or who asks; readers get a [`SegmentView`].

use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, IoSlice, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::batch::{self, BatchHeader, HEADER_BYTES, StampedBatch};
use crate::clock;
use crate::log::disk::{Disk, Storage};
use crate::log::index::{self, Index, OffsetEntry, TimeEntry};
use crate::log::view::{LastWrite, NO_TIMESTAMP, SegmentView};

/// `index.interval.bytes`: one index entry per this many bytes of log, Kafka's default.
const INDEX_INTERVAL_BYTES: u64 = 4_096;

/// What was written last, and at most twice as much, counts as recent: little beside any machine's
/// memory.
const RECENT_BYTES: u64 = 8 << 20;

/// How much is read at once while a segment is scanned on start.
const SCAN_BUFFER_BYTES: usize = 1 << 20;

/// A segment and where its next batch goes.
#[derive(Debug)]
pub(crate) struct Segment {
    directory: Arc<Path>,
    base_offset: i64,
    file: Arc<File>,
    place: Place,
    offsets: Index<OffsetEntry>,
    times: Index<TimeEntry>,
    last_write: LastWrite,
    recent: Recent,
}

/// Which batches were written so lately that the system has them in memory for sure.
#[derive(Clone, Copy, Debug)]
struct Recent {
    /// The first of them.
    offset: i64,
    /// What will be the first of them once enough was written behind it.
    next: LastWrite,
}

impl Recent {
    fn none_before(next: LastWrite) -> Self {
        Self { offset: next.offset, next }
    }

    fn note(&mut self, write: LastWrite) {
        if write.position - self.next.position >= RECENT_BYTES {
            self.offset = self.next.offset;
            self.next = write;
        }
    }
}

/// What must be known of the batches before the next one; small enough for a recovery point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) size_bytes: u64,
    pub(crate) next_offset: i64,
    /// When the first batch was appended (after a restart: its largest timestamp).
    pub(crate) first_append_ms: Option<i64>,
    /// The largest timestamp, and the last offset of the first batch that has it.
    pub(crate) newest: TimeEntry,
    /// The position of the last batch with an index entry.
    pub(crate) indexed_to: u64,
    pub(crate) offset_entries: u64,
    pub(crate) time_entries: u64,
}

impl Place {
    pub(crate) fn first(base_offset: i64) -> Self {
        Self {
            size_bytes: 0,
            next_offset: base_offset,
            first_append_ms: None,
            newest: TimeEntry { timestamp: NO_TIMESTAMP, last_offset: base_offset },
            indexed_to: 0,
            offset_entries: 0,
            time_entries: 0,
        }
    }
}

impl Segment {
    /// Makes an empty segment, replacing a file of the same name (which holds nothing
    /// acknowledged: an acknowledged batch would have moved the base offset).
    pub(crate) fn create(
        disk: &dyn Disk,
        directory: &Arc<Path>,
        base_offset: i64,
    ) -> io::Result<Self> {
        let path = path_of(directory, base_offset);
        let file = disk.open(OpenOptions::new().read(true).append(true).create(true), &path)?;
        file.set_len(0)?;
        Ok(Self::empty(directory, file, base_offset))
    }

    /// Opens a segment behind the batches that `place` counts. Nothing is read.
    pub(crate) fn resume(
        disk: &dyn Disk,
        directory: &Arc<Path>,
        base_offset: i64,
        place: Place,
    ) -> io::Result<Self> {
        let path = path_of(directory, base_offset);
        let file = disk.open(OpenOptions::new().read(true).append(true), &path)?;
        if file.metadata()?.len() < place.size_bytes {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let mut segment = Self::empty(directory, file, base_offset);
        segment.offsets = Index::resume(disk, directory, base_offset, place.offset_entries)?;
        segment.times = Index::resume(disk, directory, base_offset, place.time_entries)?;
        segment.last_write = LastWrite { offset: place.next_offset, position: place.size_bytes };
        segment.recent = Recent::none_before(segment.last_write);
        segment.place = place;
        Ok(segment)
    }

    fn empty(directory: &Arc<Path>, file: File, base_offset: i64) -> Self {
        let last_write = LastWrite { offset: base_offset, position: 0 };
        Self {
            directory: Arc::clone(directory),
            base_offset,
            file: Arc::new(file),
            place: Place::first(base_offset),
            offsets: Index::empty(directory, base_offset),
            times: Index::empty(directory, base_offset),
            last_write,
            recent: Recent::none_before(last_write),
        }
    }

    pub(crate) fn base_offset(&self) -> i64 {
        self.base_offset
    }

    pub(crate) fn place(&self) -> &Place {
        &self.place
    }

    /// Reads the batches behind those that are known, calling `seen` for each with the time of the
    /// file's last write, until the end or the first that is not whole.
    pub(crate) fn scan(
        &mut self,
        disk: &dyn Disk,
        trust: Trust,
        mut seen: impl FnMut(&BatchHeader, i64),
    ) -> io::Result<()> {
        let metadata = self.file.metadata()?;
        let length = metadata.len();
        let written_ms = clock::millis(metadata.modified()?);
        let file = Arc::clone(&self.file);
        let mut reader = BufReader::with_capacity(SCAN_BUFFER_BYTES, &*file);
        reader.seek(SeekFrom::Start(self.place.size_bytes))?;
        let mut body = Vec::new();
        while let Some(header) =
            next_batch(&mut reader, length - self.place.size_bytes, &mut body, trust)?
        {
            if !self.may_follow(&header) {
                break;
            }
            let has_time = header.max_timestamp > NO_TIMESTAMP;
            self.note(disk, &header, if has_time { header.max_timestamp } else { written_ms });
            seen(&header, written_ms);
        }
        if self.place.size_bytes < length {
            let path = path_of(&self.directory, self.base_offset);
            let (path, kept) = (path.display(), self.place.size_bytes);
            tracing::warn!(%path, length, kept, "A segment has bytes that are no whole batch");
        }
        self.offsets.trim()?;
        self.times.trim()
    }

    /// Whether a batch's offsets, which no checksum covers, can be those after the last.
    fn may_follow(&self, header: &BatchHeader) -> bool {
        let last_of_all = self.base_offset.saturating_add(i64::from(i32::MAX));
        self.place.next_offset <= header.base_offset
            && (header.base_offset..=last_of_all).contains(&header.last_offset())
    }

    /// Writes batches at the end in one go. After an error the file may be longer than before: see
    /// [`Self::cut`].
    pub(crate) fn write(&self, disk: &dyn Disk, batches: &[StampedBatch]) -> io::Result<()> {
        let mut slices: Vec<IoSlice<'_>> = batches
            .iter()
            .flat_map(|batch| [IoSlice::new(&batch.header), IoSlice::new(&batch.body)])
            .collect();
        let mut rest = &mut slices[..];
        while !rest.is_empty() {
            match disk.append(&self.file, rest) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => IoSlice::advance_slices(&mut rest, written),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Makes everything written as durable as is asked for.
    pub(crate) fn sync(&self, storage: &Storage) -> io::Result<()> {
        storage.sync(&self.file)
    }

    /// Cuts the file behind its last noted batch.
    pub(crate) fn cut(&self, disk: &dyn Disk) -> io::Result<()> {
        disk.cut(&self.file, self.place.size_bytes)
    }

    /// Takes written batches into the indexes and the counters.
    pub(crate) fn note_all(&mut self, disk: &dyn Disk, headers: &[BatchHeader], now_ms: i64) {
        let (offset, position) = (self.place.next_offset, self.place.size_bytes);
        for header in headers {
            self.note(disk, header, now_ms);
        }
        self.last_write = LastWrite { offset, position };
        self.recent.note(self.last_write);
    }

    fn note(&mut self, disk: &dyn Disk, header: &BatchHeader, now_ms: i64) {
        let position = self.place.size_bytes;
        if header.max_timestamp > self.place.newest.timestamp {
            let last_offset = header.last_offset();
            self.place.newest = TimeEntry { timestamp: header.max_timestamp, last_offset };
        }
        if position - self.place.indexed_to >= INDEX_INTERVAL_BYTES {
            let entry = OffsetEntry { last_offset: header.last_offset(), position };
            let indexed = self.offsets.push(disk, entry).and_then(|()| self.index_newest(disk));
            match indexed {
                Ok(()) => self.place.indexed_to = position,
                // Searches scan further; the next batch tries again.
                Err(error) => tracing::warn!(%error, "An index entry cannot be written"),
            }
        }
        self.place.first_append_ms.get_or_insert(now_ms);
        self.place.size_bytes += header.size_bytes as u64;
        self.place.next_offset = header.last_offset() + 1;
        self.place.offset_entries = self.offsets.entries();
        self.place.time_entries = self.times.entries();
    }

    fn index_newest(&mut self, disk: &dyn Disk) -> io::Result<()> {
        let newest = self.place.newest;
        if self.times.last().map_or(NO_TIMESTAMP, |last| last.timestamp) < newest.timestamp {
            self.times.push(disk, newest)?;
        }
        Ok(())
    }

    /// Finishes the indexes, so that a closed segment's largest timestamp is its last entry.
    pub(crate) fn close(mut self, storage: &Storage) -> SegmentView {
        let finished = self.index_newest(&*storage.disk);
        let synced = finished.and_then(|()| self.offsets.sync(storage));
        if let Err(error) = synced.and_then(|()| self.times.sync(storage)) {
            tracing::warn!(%error, "The indexes of a segment cannot be finished");
        }
        let mut view = self.view();
        view.close();
        view
    }

    /// What is there now, for readers.
    pub(crate) fn view(&self) -> SegmentView {
        SegmentView {
            directory: Arc::clone(&self.directory),
            base_offset: self.base_offset,
            file: Some(Arc::clone(&self.file)),
            size_bytes: self.place.size_bytes,
            next_offset: self.place.next_offset,
            newest: self.place.newest,
            first_append_ms: self.place.first_append_ms,
            offsets: self.offsets.view(),
            times: self.times.view(),
            last_write: self.last_write,
            recent_offset: self.recent.offset,
        }
    }
}

/// How much of a segment is believed on start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trust {
    /// Checksums are verified: the tail may be torn.
    Verify,
    /// Only headers are read: a later segment exists, so this one was written whole.
    Headers,
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

/// Removes a segment's files; the indexes first, without which it is still whole.
pub(crate) fn delete(directory: &Path, base_offset: i64) -> io::Result<()> {
    let offsets = index::path_of::<OffsetEntry>(directory, base_offset);
    let times = index::path_of::<TimeEntry>(directory, base_offset);
    for path in [offsets, times, path_of(directory, base_offset)] {
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
    }
    Ok(())
}

pub(crate) fn path_of(directory: &Path, base_offset: i64) -> PathBuf {
    directory.join(format!("{base_offset:020}.log"))
}
