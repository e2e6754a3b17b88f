//! A partition's log as one thing: its segments in order, what is appended, found and given up.
//!
//! Synchronous and owned by one task; time comes in as an argument.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use kafka_protocol::error::ResponseError;

use crate::batch::{self, BatchHeader, StampedBatch};
use crate::log::producers::{PRODUCER_EXPIRY_MS, Producers, Sequence};
use crate::log::records::Stamp;
use crate::log::segment::{self, NO_TIMESTAMP, Segment, Trust};
use crate::log::settings::LogSettings;

#[cfg(test)]
mod tests;

/// The log of one partition.
#[derive(Debug)]
pub(crate) struct PartitionLog {
    directory: PathBuf,
    settings: LogSettings,
    /// Never empty; the last one is written to.
    segments: Vec<Segment>,
    producers: Producers,
    staged: Vec<(StampedBatch, BatchHeader)>,
    staged_bytes: u64,
    /// A write failed and its traces could not be removed yet.
    damaged: bool,
}

/// The first offset kept and the offset that the next record gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ends {
    pub(crate) start: i64,
    pub(crate) end: i64,
}

/// Where a batch is in the log, or was already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Appended {
    pub(crate) base_offset: i64,
    /// -1 unless the topic uses append time.
    pub(crate) append_time_ms: i64,
    pub(crate) log_start_offset: i64,
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

impl PartitionLog {
    /// Opens the log in `directory`, which is made where it does not exist; cuts a torn tail.
    pub(crate) fn open(directory: PathBuf, settings: LogSettings, now_ms: i64) -> io::Result<Self> {
        std::fs::create_dir_all(&directory)?;
        let (segments, producers) = recover(&directory, now_ms)?;
        Ok(Self {
            directory,
            settings,
            segments,
            producers,
            staged: Vec::new(),
            staged_bytes: 0,
            damaged: false,
        })
    }

    pub(crate) fn ends(&self) -> Ends {
        Ends { start: self.segments[0].base_offset, end: self.active().next_offset }
    }

    pub(crate) fn configure(&mut self, settings: LogSettings) {
        self.settings = settings;
    }

    /// Whether the active segment must be closed before a batch of `batch_bytes`.
    pub(crate) fn must_roll(&self, batch_bytes: usize, now_ms: i64) -> bool {
        let active = self.active();
        let size = active.size_bytes + self.staged_bytes;
        let full = size + batch_bytes as u64 > self.settings.segment_bytes;
        let old = active
            .first_append_ms
            .is_some_and(|first| now_ms.saturating_sub(first) >= self.settings.segment_ms);
        size > 0 && (full || old)
    }

    /// Starts a new active segment; nothing may be staged.
    pub(crate) fn roll(&mut self) -> io::Result<()> {
        let next = self.active().next_offset;
        self.segments.push(Segment::create(&self.directory, next)?);
        Ok(())
    }

    /// Checks a producer's batch and gives it its offset. It counts only after [`Self::commit`].
    pub(crate) fn stage(
        &mut self,
        records: &Bytes,
        now_ms: i64,
    ) -> Result<Appended, ResponseError> {
        if self.damaged {
            self.repair(now_ms).map_err(|error| storage_error(&error))?;
        }
        let sent = batch::check(records)?;
        if sent.size_bytes > self.settings.message_bytes_max {
            return Err(ResponseError::MessageTooLarge);
        }
        if sent.size_bytes as u64 > self.settings.segment_bytes {
            return Err(ResponseError::RecordListTooLarge);
        }
        let log_start_offset = self.ends().start;
        if let Sequence::Duplicate { base_offset, append_time_ms } = self.producers.check(&sent)? {
            return Ok(Appended { base_offset, append_time_ms, log_start_offset });
        }
        let staged_end = self.staged.last().map(|(_, header)| header.last_offset() + 1);
        let base_offset = staged_end.unwrap_or(self.active().next_offset);
        let append_time = self.settings.append_time.then_some(now_ms);
        let stamped = StampedBatch::new(records, base_offset, append_time);
        let header = BatchHeader::parse(&stamped.header).ok_or(ResponseError::CorruptMessage)?;
        self.producers.record(&header, now_ms);
        self.staged_bytes += header.size_bytes as u64;
        self.staged.push((stamped, header));
        Ok(Appended {
            base_offset,
            append_time_ms: append_time.unwrap_or(NO_TIMESTAMP),
            log_start_offset,
        })
    }

    /// Writes what is staged. After an error none of it is in the log.
    pub(crate) fn commit(&mut self, now_ms: i64) -> io::Result<()> {
        let (batches, headers): (Vec<_>, Vec<_>) = self.staged.drain(..).unzip();
        self.staged_bytes = 0;
        let active = self.segments.last_mut().expect("a log has an active segment");
        if let Err(error) = active.write(&batches) {
            self.damaged = true;
            return match self.repair(now_ms) {
                Ok(()) | Err(_) => Err(error),
            };
        }
        for header in &headers {
            active.note(header, now_ms);
        }
        Ok(())
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
        let after = self.segments.partition_point(|segment| segment.base_offset <= offset);
        for segment in &self.segments[after.saturating_sub(1)..] {
            if let Some(found) = segment.find(offset)? {
                return Ok(Found::Batches(LocatedBatches {
                    file: Arc::clone(&segment.file),
                    position: found.position,
                    available_bytes: segment.size_bytes - found.position,
                    first_batch_bytes: found.header.size_bytes,
                }));
            }
        }
        Ok(Found::AtEnd)
    }

    /// The first record with `timestamp` or a later one.
    pub(crate) fn find_timestamp(&self, timestamp: i64) -> io::Result<Option<Stamp>> {
        for segment in &self.segments {
            if let Some(stamp) = segment.find_timestamp(timestamp)? {
                return Ok(Some(stamp));
            }
        }
        Ok(None)
    }

    /// The first record with the largest timestamp of all.
    pub(crate) fn find_newest(&self) -> io::Result<Option<Stamp>> {
        let largest = self.segments.iter().map(|segment| segment.newest.timestamp).max();
        let holder = self.segments.iter().find(|one| Some(one.newest.timestamp) == largest);
        holder.map_or(Ok(None), Segment::find_newest)
    }

    /// Gives up whole segments beyond the topic's retention, and producers silent for a day.
    pub(crate) fn enforce_retention(&mut self, now_ms: i64) -> io::Result<()> {
        self.producers.expire(now_ms.saturating_sub(PRODUCER_EXPIRY_MS));
        if self.is_expired(self.active(), now_ms) {
            self.roll()?;
        }
        while self.segments.len() > 1 && self.gives_up_oldest(now_ms) {
            self.segments[0].delete()?;
            self.segments.remove(0);
        }
        Ok(())
    }

    fn gives_up_oldest(&self, now_ms: i64) -> bool {
        let oldest = &self.segments[0];
        let total: u64 = self.segments.iter().map(|segment| segment.size_bytes).sum();
        let too_big = |limit| total - oldest.size_bytes >= limit;
        self.is_expired(oldest, now_ms) || self.settings.retention_bytes.is_some_and(too_big)
    }

    fn is_expired(&self, segment: &Segment, now_ms: i64) -> bool {
        let newest = match segment.newest.timestamp {
            NO_TIMESTAMP => segment.first_append_ms.unwrap_or(now_ms),
            timestamp => timestamp,
        };
        let limit = self.settings.retention_ms;
        segment.size_bytes > 0 && limit.is_some_and(|limit| now_ms.saturating_sub(newest) > limit)
    }

    fn active(&self) -> &Segment {
        self.segments.last().expect("a log has an active segment")
    }

    /// Removes what a failed write left behind and reads the producers' state again, which had
    /// already moved on.
    fn repair(&mut self, now_ms: i64) -> io::Result<()> {
        let active = self.active();
        active.file.set_len(active.size_bytes)?;
        (self.segments, self.producers) = recover(&self.directory, now_ms)?;
        self.damaged = false;
        Ok(())
    }
}

/// Reads every segment; checksums only in the last, the one that a crash may have torn.
fn recover(directory: &Path, now_ms: i64) -> io::Result<(Vec<Segment>, Producers)> {
    let bases = segment::list(directory)?;
    let mut producers = Producers::default();
    let mut segments: Vec<Segment> = Vec::new();
    for (at, base) in bases.iter().enumerate() {
        let trust = if at + 1 == bases.len() { Trust::Verify } else { Trust::Headers };
        // Not the batch's own time: that is whatever its producer says.
        let seen = |header: &BatchHeader, written_ms| producers.record(header, written_ms);
        segments.push(Segment::open(directory, *base, trust, seen)?);
    }
    if segments.is_empty() {
        segments.push(Segment::create(directory, 0)?);
    }
    producers.expire(now_ms.saturating_sub(PRODUCER_EXPIRY_MS));
    Ok((segments, producers))
}

fn storage_error(error: &io::Error) -> ResponseError {
    tracing::error!(%error, "A log cannot be written to");
    ResponseError::KafkaStorageError
}
