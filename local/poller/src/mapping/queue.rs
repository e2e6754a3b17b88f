//! The records of one partition that were read and not yet invoked, in order, and since when they
//! could have been.

use std::collections::VecDeque;
use std::time::Duration;

use crate::mapping::batch::Record;

/// What a record costs in memory beside its JSON text.
const RECORD_OVERHEAD_BYTES: usize = size_of::<Record>();

/// A partition's queue.
#[derive(Debug)]
pub(crate) struct Queue {
    records: VecDeque<Record>,
    /// The records' JSON texts, each with a comma.
    json_bytes: usize,
    window_opened: Option<Duration>,
    fetching_paused: bool,
}

impl Queue {
    pub(crate) fn new() -> Self {
        Self {
            records: VecDeque::new(),
            json_bytes: 0,
            window_opened: None,
            fetching_paused: false,
        }
    }

    pub(crate) fn push(&mut self, record: Record) {
        self.json_bytes += record.json.len() + 1;
        self.records.push_back(record);
    }

    pub(crate) fn front(&self) -> Option<&Record> {
        self.records.front()
    }

    /// Takes the first record; the window closes until it is opened again.
    pub(crate) fn pop(&mut self) -> Option<Record> {
        let record = self.records.pop_front()?;
        self.json_bytes -= record.json.len() + 1;
        self.window_opened = None;
        Some(record)
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        self.records.clear();
        self.json_bytes = 0;
        self.window_opened = None;
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.records.len()
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
        if !self.records.is_empty() {
            self.window_opened.get_or_insert(now);
        }
    }

    /// Whether fetching must pause (`true`) or may resume (`false`), when that changes.
    pub(crate) fn adjust_fetching(&mut self, limits: (usize, usize)) -> Option<bool> {
        let (bytes_max, records_max) = limits;
        let bytes = self.json_bytes + self.records.len() * RECORD_OVERHEAD_BYTES;
        let pause = if self.fetching_paused {
            bytes > bytes_max / 2 || self.records.len() > records_max / 2
        } else {
            bytes >= bytes_max || self.records.len() >= records_max
        };
        let changed = pause != self.fetching_paused;
        self.fetching_paused = pause;
        changed.then_some(pause)
    }
}
