//! One partition's buffer: records in order, and since when they could have been invoked.

use std::collections::VecDeque;
use std::time::Duration;

use crate::mapping::Record;

/// What a record costs in memory beside its JSON text.
const RECORD_OVERHEAD_BYTES: usize = size_of::<Record>();

/// A partition that the group gave us.
#[derive(Debug)]
pub(crate) struct Partition {
    epoch: u64,
    queue: VecDeque<Record>,
    /// The records' JSON texts, each with a comma.
    json_bytes: usize,
    /// The offset after the last record received.
    position: i64,
    window_opened: Option<Duration>,
    fetching_paused: bool,
}

impl Partition {
    /// The partition's assignment number `epoch`; records come from `start` on.
    pub(crate) fn new(epoch: u64, start: i64) -> Self {
        Self {
            epoch,
            queue: VecDeque::new(),
            json_bytes: 0,
            position: start,
            window_opened: None,
            fetching_paused: false,
        }
    }

    pub(crate) fn epoch(&self) -> u64 {
        self.epoch
    }

    /// The offset after the last record received.
    pub(crate) fn position(&self) -> i64 {
        self.position
    }

    /// What may be committed once everything up to `last` is done: with an empty queue that
    /// includes records passed over after it.
    pub(crate) fn position_after(&self, last: i64) -> i64 {
        if self.queue.is_empty() { self.position } else { last + 1 }
    }

    /// Whether the record is new here, not one fetched twice.
    pub(crate) fn expects(&self, offset: i64) -> bool {
        offset >= self.position
    }

    pub(crate) fn push(&mut self, record: Record) {
        self.position = record.offset + 1;
        self.json_bytes += record.json.len() + 1;
        self.queue.push_back(record);
    }

    /// Passes over a record.
    pub(crate) fn skip(&mut self, offset: i64) {
        self.position = offset + 1;
    }

    pub(crate) fn next(&self) -> Option<&Record> {
        self.queue.front()
    }

    /// Takes the first record; the window closes until it is opened again.
    pub(crate) fn take(&mut self) -> Option<Record> {
        let record = self.queue.pop_front()?;
        self.json_bytes -= record.json.len() + 1;
        self.window_opened = None;
        Some(record)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.queue.len()
    }

    pub(crate) fn json_bytes(&self) -> usize {
        self.json_bytes
    }

    pub(crate) fn fetching_paused(&self) -> bool {
        self.fetching_paused
    }

    /// Since when records could have been invoked.
    pub(crate) fn window_opened(&self) -> Option<Duration> {
        self.window_opened
    }

    /// Starts the batching window, unless it is open or there is nothing to wait for.
    pub(crate) fn open_window(&mut self, now: Duration) {
        if !self.queue.is_empty() {
            self.window_opened.get_or_insert(now);
        }
    }

    /// Whether fetching must pause (`true`) or may resume (`false`), when that changes.
    pub(crate) fn adjust_fetching(&mut self, limits: (usize, usize)) -> Option<bool> {
        let (bytes_max, records_max) = limits;
        let bytes = self.json_bytes + self.queue.len() * RECORD_OVERHEAD_BYTES;
        let pause = if self.fetching_paused {
            bytes > bytes_max / 2 || self.queue.len() > records_max / 2
        } else {
            bytes >= bytes_max || self.queue.len() >= records_max
        };
        let changed = pause != self.fetching_paused;
        self.fetching_paused = pause;
        changed.then_some(pause)
    }
}
