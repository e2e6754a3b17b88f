//! A partition's log as its owner has it: what is appended and given up. What is there is read
//! through [`LogView`].
//!
//! Synchronous and owned by one thread; time comes in as an argument.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use kafka_protocol::error::ResponseError;

use crate::batch::{self, BatchHeader, StampedBatch};
use crate::log::disk::Storage;
use crate::log::producers::{PRODUCER_EXPIRY_MS, Producers, Sequence};
use crate::log::recovery::{self, Recovered};
use crate::log::recovery_point;
use crate::log::segment::{self, Segment};
use crate::log::settings::LogSettings;
use crate::log::view::{LogView, NO_TIMESTAMP, SegmentView};

#[cfg(test)]
mod restart;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod trouble;

/// A start reads at most this much of each log again, which takes some tens of milliseconds.
const RECOVERY_POINT_BYTES: u64 = 64 << 20;

/// The log of one partition.
#[derive(Debug)]
pub(crate) struct PartitionLog {
    directory: Arc<Path>,
    settings: LogSettings,
    storage: Storage,
    closed: Arc<[SegmentView]>,
    active: Segment,
    start_offset: i64,
    producers: Producers,
    staged: Vec<(StampedBatch, BatchHeader)>,
    staged_bytes: u64,
    /// A write failed and its traces could not be removed yet.
    damaged: bool,
    /// Appended since the recovery point.
    unsaved_bytes: u64,
}

/// Where a batch is in the log, or was already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Appended {
    pub(crate) base_offset: i64,
    /// -1 unless the topic uses append time, or the batch was in the log already.
    pub(crate) append_time_ms: i64,
    pub(crate) log_start_offset: i64,
}

impl PartitionLog {
    /// Opens the log in `directory`, which is made where it does not exist; cuts a torn tail.
    pub(crate) fn open(
        directory: PathBuf,
        settings: LogSettings,
        storage: Storage,
        now_ms: i64,
    ) -> io::Result<Self> {
        std::fs::create_dir_all(&directory)?;
        let directory: Arc<Path> = directory.into();
        let recovered = recovery::recover(&storage, &directory, now_ms)?;
        let Recovered { closed, active, start_offset, producers, scanned_bytes, is_point_wrong } =
            recovered;
        // What a killed process wrote and did not sync counts from now on: a repeat of it is
        // answered as in the log.
        active.sync(&storage)?;
        // The partition's, the topic's and that of all topics: each may be new.
        for directory in directory.ancestors().take(3) {
            storage.sync_directory(directory)?;
        }
        let mut log = Self {
            directory,
            settings,
            storage,
            closed: closed.into(),
            active,
            start_offset,
            producers,
            staged: Vec::new(),
            staged_bytes: 0,
            damaged: false,
            unsaved_bytes: scanned_bytes,
        };
        log.save_after(if is_point_wrong { 0 } else { RECOVERY_POINT_BYTES });
        Ok(log)
    }

    /// What readers see.
    pub(crate) fn view(&self) -> LogView {
        LogView {
            start_offset: self.start_offset,
            closed: Arc::clone(&self.closed),
            active: self.active.view(),
        }
    }

    pub(crate) fn configure(&mut self, settings: LogSettings) {
        self.settings = settings;
    }

    /// Whether the active segment must be closed before this batch.
    pub(crate) fn must_roll(&self, batch: &[u8], now_ms: i64) -> bool {
        let place = self.active.place();
        let size = place.size_bytes + self.staged_bytes;
        let full = size + batch.len() as u64 > self.settings.segment_bytes;
        let first = place.first_append_ms;
        let old = first.is_some_and(|ms| now_ms.saturating_sub(ms) >= self.settings.segment_ms);
        // Offsets in an index are relative to the segment's and have 31 bits.
        let records = BatchHeader::parse(batch).map_or(0, |header| header.last_offset_delta);
        let last = self.next_offset().saturating_add(i64::from(records));
        let far = last - self.active.base_offset() > i64::from(i32::MAX);
        size > 0 && (full || old || far)
    }

    /// Starts a new active segment; nothing may be staged.
    pub(crate) fn roll(&mut self) -> io::Result<()> {
        // What a failed write left would be taken for a part of a closed segment.
        self.repair()?;
        let disk = &*self.storage.disk;
        let fresh = Segment::create(disk, &self.directory, self.active.place().next_offset)?;
        self.storage.sync_directory(&self.directory)?;
        let closed = std::mem::replace(&mut self.active, fresh).close(&self.storage);
        self.closed = self.closed.iter().cloned().chain([closed]).collect();
        self.unsaved_bytes += 1;
        self.save_after(1);
        Ok(())
    }

    /// Checks a producer's batch and gives it its offset. It counts only after [`Self::commit`].
    pub(crate) fn stage(
        &mut self,
        records: &Bytes,
        now_ms: i64,
    ) -> Result<Appended, ResponseError> {
        self.repair().map_err(|error| storage_error(&error))?;
        let sent = batch::check(records)?;
        if sent.size_bytes > self.settings.message_bytes_max {
            return Err(ResponseError::MessageTooLarge);
        }
        if sent.size_bytes as u64 > self.settings.segment_bytes {
            return Err(ResponseError::RecordListTooLarge);
        }
        let log_start_offset = self.start_offset;
        if let Sequence::Duplicate { base_offset, newest_ms } = self.producers.check(&sent)? {
            return Ok(Appended { base_offset, append_time_ms: newest_ms, log_start_offset });
        }
        let base_offset = self.next_offset();
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

    /// The offset behind everything staged.
    fn next_offset(&self) -> i64 {
        let staged = self.staged.last().map(|(_, header)| header.last_offset() + 1);
        staged.unwrap_or(self.active.place().next_offset)
    }

    /// Writes what is staged, to the medium where that is asked for. After an error none of it is
    /// in the log.
    pub(crate) fn commit(&mut self, now_ms: i64) -> io::Result<()> {
        let (batches, headers): (Vec<_>, Vec<_>) = self.staged.drain(..).unzip();
        self.staged_bytes = 0;
        let disk = &*self.storage.disk;
        let written = self.active.write(disk, &batches);
        let synced = written.and_then(|()| {
            if batches.is_empty() { Ok(()) } else { self.active.sync(&self.storage) }
        });
        if let Err(error) = synced {
            self.producers.take_back();
            self.damaged = true;
            // Where the file cannot be cut now, the next append tries again first.
            self.repair().unwrap_or_default();
            return Err(error);
        }
        self.producers.keep();
        self.active.note_all(disk, &headers, now_ms);
        self.unsaved_bytes += headers.iter().map(|header| header.size_bytes as u64).sum::<u64>();
        self.save_after(RECOVERY_POINT_BYTES);
        Ok(())
    }

    /// Removes what a failed write left behind.
    fn repair(&mut self) -> io::Result<()> {
        if self.damaged {
            self.active.cut(&*self.storage.disk)?;
            self.damaged = false;
        }
        Ok(())
    }

    /// Gives up what lies before `offset` (`DeleteRecords`); whole segments lose their files, for
    /// the rest only the first offset moves. Answers the first offset kept.
    pub(crate) fn delete_before(&mut self, offset: i64) -> Result<i64, ResponseError> {
        if offset > self.active.place().next_offset {
            return Err(ResponseError::OffsetOutOfRange);
        }
        if offset > self.start_offset {
            let before = std::mem::replace(&mut self.start_offset, offset);
            if let Err(error) = self.save() {
                self.start_offset = before;
                return Err(storage_error(&error));
            }
            self.drop_closed(|log, oldest| oldest.next_offset <= log.start_offset)
                .map_err(|error| storage_error(&error))?;
        }
        Ok(self.start_offset)
    }

    /// Gives up whole segments beyond the topic's retention, and producers silent for a day.
    pub(crate) fn enforce_retention(&mut self, now_ms: i64) -> io::Result<()> {
        self.producers.expire(now_ms.saturating_sub(PRODUCER_EXPIRY_MS));
        if self.is_expired(&self.active.view(), now_ms) {
            self.roll()?;
        }
        self.drop_closed(|log, oldest| {
            let rest = || log.view().size_bytes() - oldest.size_bytes;
            let is_too_much = |limit| rest() >= limit;
            oldest.next_offset <= log.start_offset
                || log.is_expired(oldest, now_ms)
                || log.settings.retention_bytes.is_some_and(is_too_much)
        })
    }

    /// Removes the oldest closed segments as long as they are `given_up`.
    fn drop_closed(&mut self, given_up: impl Fn(&Self, &SegmentView) -> bool) -> io::Result<()> {
        while let Some(oldest) = self.closed.first()
            && given_up(self, oldest)
        {
            let (base_offset, next_offset) = (oldest.base_offset, oldest.next_offset);
            segment::delete(&self.directory, base_offset)?;
            self.closed = self.closed[1..].into();
            self.start_offset = self.start_offset.max(next_offset);
        }
        Ok(())
    }

    fn is_expired(&self, segment: &SegmentView, now_ms: i64) -> bool {
        let newest = match segment.newest.timestamp {
            NO_TIMESTAMP => segment.first_append_ms.unwrap_or(now_ms),
            timestamp => timestamp,
        };
        let limit = self.settings.retention_ms;
        segment.size_bytes > 0 && limit.is_some_and(|limit| now_ms.saturating_sub(newest) > limit)
    }

    /// Writes a recovery point if anything was appended since the last one; for a log that is put
    /// away.
    pub(crate) fn put_away(&mut self) {
        self.save_after(1);
    }

    fn save_after(&mut self, bytes: u64) {
        if self.unsaved_bytes < bytes {
            return;
        }
        if let Err(error) = self.save() {
            // The one before still holds; the next start reads more.
            tracing::warn!(%error, "A recovery point cannot be written");
            self.unsaved_bytes = 0;
        }
    }

    fn save(&mut self) -> io::Result<()> {
        let at = (self.start_offset, self.active.base_offset());
        let (storage, place) = (&self.storage, self.active.place());
        recovery_point::write(storage, &self.directory, at, place, &self.producers)?;
        self.unsaved_bytes = 0;
        Ok(())
    }
}

fn storage_error(error: &io::Error) -> ResponseError {
    tracing::error!(%error, "A log cannot be written to");
    ResponseError::KafkaStorageError
}
