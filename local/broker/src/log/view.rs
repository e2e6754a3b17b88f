//! A log as its readers have it: what was there at one moment, to search and read without asking
//! the log's owner. What is in it never changes; it may only be given up.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use kafka_protocol::error::ResponseError;

use crate::batch::{self, BatchHeader, HEADER_BYTES};
use crate::log::index::{IndexView, OffsetEntry, TimeEntry};
use crate::log::records::{self, Stamp};
use crate::log::segment;

/// No timestamp, Kafka's `NO_TIMESTAMP`.
pub(crate) const NO_TIMESTAMP: i64 = -1;

/// How much is read at once while headers are walked: what lies between two index entries.
const WALK_BYTES: usize = 4_096;

/// All of a log.
#[derive(Clone, Debug)]
pub(crate) struct LogView {
    pub(crate) start_offset: i64,
    /// In order; no longer written to.
    pub(crate) closed: Arc<[SegmentView]>,
    pub(crate) active: SegmentView,
}

/// One segment.
#[derive(Clone, Debug)]
pub(crate) struct SegmentView {
    pub(crate) directory: Arc<Path>,
    pub(crate) base_offset: i64,
    /// Closed segments are opened when they are read: handles are few.
    pub(crate) file: Option<Arc<File>>,
    pub(crate) size_bytes: u64,
    pub(crate) next_offset: i64,
    pub(crate) newest: TimeEntry,
    pub(crate) first_append_ms: Option<i64>,
    pub(crate) offsets: IndexView<OffsetEntry>,
    pub(crate) times: IndexView<TimeEntry>,
    pub(crate) last_write: LastWrite,
    /// Batches from here on are in memory: they were written a moment ago.
    pub(crate) recent_offset: i64,
}

/// Where the newest batches begin, which is where nearly every reader is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LastWrite {
    pub(crate) offset: i64,
    pub(crate) position: u64,
}

/// The first offset kept and the offset that the next record gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ends {
    pub(crate) start: i64,
    pub(crate) end: i64,
}

/// A stretch of a segment file that a reader may read on its own: what is there never changes.
#[derive(Clone, Debug)]
pub(crate) struct LocatedBatches {
    pub(crate) file: Arc<File>,
    pub(crate) position: u64,
    /// From `position` to the end of the segment.
    pub(crate) available_bytes: u64,
    /// The batch at `position`, so that a reader can always get one whole.
    pub(crate) first_batch_bytes: usize,
}

/// The answer to a search by offset.
#[derive(Clone, Debug)]
pub(crate) enum Found {
    /// Batches, the first of which holds the offset.
    Batches(LocatedBatches),
    /// The offset is the end of the log.
    AtEnd,
    /// The offset is not, or no longer, in the log.
    OutOfRange,
}

impl LogView {
    pub(crate) fn ends(&self) -> Ends {
        Ends { start: self.start_offset, end: self.active.next_offset }
    }

    pub(crate) fn size_bytes(&self) -> u64 {
        self.segments().map(|segment| segment.size_bytes).sum()
    }

    fn segments(&self) -> impl Iterator<Item = &SegmentView> {
        self.closed.iter().chain([&self.active])
    }

    /// Whether finding and reading `offset` waits for no disk.
    pub(crate) fn is_recent(&self, offset: i64) -> bool {
        offset >= self.active.recent_offset
    }

    /// The batches from the one that holds `offset` on, as many as its segment has.
    pub(crate) fn find(&self, offset: i64) -> io::Result<Found> {
        let ends = self.ends();
        if offset == ends.end {
            return Ok(Found::AtEnd);
        }
        if offset < ends.start || offset > ends.end {
            return Ok(Found::OutOfRange);
        }
        let after = self.closed.partition_point(|segment| segment.next_offset <= offset);
        for segment in self.segments().skip(after) {
            match segment.find(offset) {
                Ok(Some(batches)) => return Ok(Found::Batches(batches)),
                Ok(None) => {}
                // Given up since this view was taken.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    return Ok(Found::OutOfRange);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(Found::AtEnd)
    }

    /// The first record with `timestamp` or a later one.
    pub(crate) fn find_timestamp(&self, timestamp: i64) -> io::Result<Option<Stamp>> {
        for segment in self.segments() {
            match segment.find_timestamp(timestamp, self.start_offset) {
                Ok(None) => {}
                // Given up since this view was taken.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                found => return found,
            }
        }
        Ok(None)
    }

    /// The first record with the largest timestamp of all.
    pub(crate) fn find_newest(&self) -> io::Result<Option<Stamp>> {
        let filled = || self.segments().filter(|segment| segment.size_bytes > 0);
        let largest = filled().map(|segment| segment.newest.timestamp).max();
        let holder = filled().find(|one| Some(one.newest.timestamp) == largest);
        holder.map_or(Ok(None), SegmentView::find_newest)
    }
}

impl SegmentView {
    /// Lets go of the files.
    pub(crate) fn close(&mut self) {
        self.file = None;
        self.offsets.close();
        self.times.close();
    }

    fn open(&self) -> io::Result<Arc<File>> {
        match &self.file {
            Some(file) => Ok(Arc::clone(file)),
            None => File::open(segment::path_of(&self.directory, self.base_offset)).map(Arc::new),
        }
    }

    /// The batches from the first that holds `offset` or, where the log has a hole there, follows
    /// it.
    fn find(&self, offset: i64) -> io::Result<Option<LocatedBatches>> {
        if offset >= self.next_offset {
            return Ok(None);
        }
        let file = self.open()?;
        let start = self.start_of(offset)?;
        let holds = |header: &BatchHeader| header.last_offset() >= offset;
        let found = match self.walk(&file, start, holds) {
            // The segment has it: an index that leads elsewhere is damaged.
            Ok(None) if start > 0 => self.walk(&file, 0, holds)?,
            Err(error) if start > 0 && is_damage(&error) => self.walk(&file, 0, holds)?,
            found => found?,
        };
        Ok(found.map(|(position, header)| LocatedBatches {
            file,
            position,
            available_bytes: self.size_bytes - position,
            first_batch_bytes: header.size_bytes,
        }))
    }

    /// A position at or before the batch that holds `offset`.
    fn start_of(&self, offset: i64) -> io::Result<u64> {
        if offset >= self.last_write.offset {
            return Ok(self.last_write.position);
        }
        let before = |entry: &OffsetEntry| entry.last_offset <= offset;
        let entry = self.offsets.search(&self.directory, self.base_offset, before)?;
        Ok(entry.map_or(0, |entry| entry.position))
    }

    /// The first record from `start_offset` on with `timestamp` or a later one.
    fn find_timestamp(&self, timestamp: i64, start_offset: i64) -> io::Result<Option<Stamp>> {
        if self.size_bytes == 0 || self.newest.timestamp < timestamp {
            return Ok(None);
        }
        let file = self.open()?;
        let before = |entry: &TimeEntry| entry.timestamp < timestamp;
        let entry = self.times.search(&self.directory, self.base_offset, before)?;
        let mut position = entry.map_or(Ok(0), |entry| self.start_of(entry.last_offset))?;
        let may_hold = |header: &BatchHeader| {
            header.max_timestamp >= timestamp && header.last_offset() >= start_offset
        };
        while let Some((at, header)) = self.walk(&file, position, may_hold)? {
            let mut stamps = stamps(&file, at, &header)?.into_iter();
            let wanted = |one: &Stamp| one.timestamp >= timestamp && one.offset >= start_offset;
            if let Some(stamp) = stamps.find(wanted) {
                return Ok(Some(stamp));
            }
            position = at + header.size_bytes as u64;
        }
        Ok(None)
    }

    /// The first record with the largest timestamp of the segment.
    fn find_newest(&self) -> io::Result<Option<Stamp>> {
        let file = self.open()?;
        let start = self.start_of(self.newest.last_offset)?;
        let newest = self.newest.timestamp;
        let found = self.walk(&file, start, |header| header.max_timestamp == newest)?;
        let Some((position, header)) = found else { return Ok(None) };
        let stamps = stamps(&file, position, &header)?;
        let largest = stamps.iter().map(|stamp| stamp.timestamp).max();
        Ok(stamps.into_iter().find(|stamp| Some(stamp.timestamp) == largest))
    }

    fn damage(&self, position: u64) -> io::Error {
        let path = segment::path_of(&self.directory, self.base_offset);
        let text = format!("`{}` has no batch at {position}", path.display());
        io::Error::new(io::ErrorKind::InvalidData, text)
    }

    /// Walks headers from `position` on to the first that is `wanted`. Where one cannot be true, what
    /// lies behind it cannot be found: that is damage, and nothing is passed over in silence.
    fn walk(
        &self,
        file: &File,
        mut position: u64,
        wanted: impl Fn(&BatchHeader) -> bool,
    ) -> io::Result<Option<(u64, BatchHeader)>> {
        let mut block = [0; WALK_BYTES];
        let (mut block_at, mut block_bytes) = (position, 0);
        while position + HEADER_BYTES as u64 <= self.size_bytes {
            if position + HEADER_BYTES as u64 > block_at + block_bytes as u64 {
                let left = usize::try_from(self.size_bytes - position).unwrap_or(usize::MAX);
                (block_at, block_bytes) = (position, left.min(WALK_BYTES));
                file.read_exact_at(&mut block[..block_bytes], position)?;
            }
            let at = usize::try_from(position - block_at).unwrap_or(block_bytes);
            let header = BatchHeader::parse(&block[at..block_bytes])
                .filter(|header| header.magic == batch::MAGIC_V2)
                .filter(|header| position + header.size_bytes as u64 <= self.size_bytes)
                .ok_or_else(|| self.damage(position))?;
            if wanted(&header) {
                return Ok(Some((position, header)));
            }
            position += header.size_bytes as u64;
        }
        Ok(None)
    }
}

/// Whether an error says that a segment is damaged, and not that it cannot be read.
fn is_damage(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::InvalidData
}

/// What Kafka answers where a log cannot be read.
pub(crate) fn unreadable(error: &io::Error) -> ResponseError {
    tracing::error!(%error, "A log cannot be searched");
    if is_damage(error) { ResponseError::CorruptMessage } else { ResponseError::KafkaStorageError }
}

fn stamps(file: &File, position: u64, header: &BatchHeader) -> io::Result<Vec<Stamp>> {
    let mut bytes = vec![0; header.size_bytes];
    file.read_exact_at(&mut bytes, position)?;
    Ok(records::stamps(Bytes::from(bytes), header))
}
