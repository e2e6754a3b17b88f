//! One partition that the group gave us: what is queued, what is being tried, and how far it is.

use std::time::Duration;

use crate::mapping::batch::Run;
use crate::mapping::memory::Memory;
use crate::mapping::messages::Position;
use crate::mapping::pieces::Pieces;
use crate::mapping::policy::Policy;
use crate::mapping::queue::Queue;
use crate::mapping::restoring::{PieceLimits, Restoring};

/// A partition's state.
#[derive(Debug)]
pub(crate) struct Partition {
    epoch: u64,
    pub(crate) queue: Queue,
    /// What was taken from the queue and is not done.
    pub(crate) pieces: Pieces,
    /// What is remembered and has not come yet.
    pub(crate) restoring: Option<Restoring>,
    /// The offset after the last record read.
    read_to: i64,
    /// Its first piece is being invoked or delivered.
    pub(crate) in_flight: bool,
    /// The group wants it back: what is in flight ends, nothing new begins.
    pub(crate) leaving: bool,
}

impl Partition {
    /// The partition's assignment number `epoch`, which starts at `position`.
    pub(crate) fn new(now: Duration, epoch: u64, position: &Position) -> Self {
        let memory = Memory::decode(&position.memory, position.next);
        let mut pieces = Pieces::new();
        if let Some(memory) = &memory {
            (pieces.since_ms, pieces.due_ms) = (memory.since_ms, memory.due_ms);
            pieces.end = memory.end;
        }
        Self {
            epoch,
            queue: Queue::new(),
            pieces,
            restoring: memory.map(|memory| Restoring::new(now, memory)),
            read_to: position.next,
            in_flight: false,
            leaving: false,
        }
    }

    pub(crate) fn epoch(&self) -> u64 {
        self.epoch
    }

    /// The offset after the last record read.
    pub(crate) fn read_to(&self) -> i64 {
        self.read_to
    }

    /// Takes what was read, without what was read before; gives the number of new records.
    pub(crate) fn receive(&mut self, now: Duration, run: Run) -> usize {
        let mut received = 0;
        for record in run.records {
            if record.offset < self.read_to {
                continue;
            }
            self.read_to = record.offset + 1;
            received += 1;
            let record = match &mut self.restoring {
                Some(restoring) => restoring.take(now, record),
                None => Some(record),
            };
            if let Some(record) = record {
                self.queue.push(record);
            }
        }
        self.read_to = self.read_to.max(run.next);
        received
    }

    /// Takes what is remembered, once it has come or is waited for no longer; whether there is any.
    pub(crate) fn restore(&mut self, now: Duration, policy: &Policy, limits: PieceLimits) -> bool {
        let Some(restoring) = &mut self.restoring else { return false };
        let complete = restoring.is_complete(self.read_to);
        let due = complete || restoring.until().is_some_and(|until| until <= now);
        if !due || self.in_flight || self.leaving || !self.pieces.is_empty() {
            return false;
        }
        for piece in restoring.pieces(policy, limits) {
            self.pieces.push(piece);
        }
        if complete {
            self.restoring = None;
        }
        !self.pieces.is_empty()
    }

    /// When what is remembered and has come goes on, complete or not.
    pub(crate) fn restore_at(&self) -> Option<Duration> {
        let idle = self.pieces.is_empty() && !self.in_flight && !self.leaving;
        self.restoring.as_ref().filter(|_| idle).and_then(Restoring::until)
    }

    /// Whether a new batch may be cut from it, as soon as nothing of it is in flight.
    pub(crate) fn is_ready(&self) -> bool {
        self.pieces.is_empty() && self.restoring.is_none() && !self.leaving
    }

    /// Gives it back: what is queued is read again by whoever gets it next.
    pub(crate) fn leave(&mut self) {
        self.leaving = true;
        self.read_to = self.queue.front().map_or(self.read_to, |record| record.offset);
        self.queue.clear();
    }

    /// What may be committed: everything before is done. `trying` counts the attempt that is about
    /// to be made.
    pub(crate) fn position(&self, trying: bool) -> Position {
        let begun = self.pieces.first().into_iter();
        let restored = self.restoring.as_ref().and_then(Restoring::first);
        let queued = self.queue.front().map(|record| record.offset);
        let next = begun.chain(restored).chain(queued).min().unwrap_or(self.read_to);
        let mut pieces = self.pieces.remembered(trying);
        if let Some(restoring) = &self.restoring {
            pieces.extend(restoring.remaining(self.read_to));
        }
        if pieces.is_empty() {
            return Position { next, memory: String::new() };
        }
        let Pieces { since_ms, due_ms, end, .. } = self.pieces;
        Position { next, memory: Memory { since_ms, due_ms, end, pieces }.encode(next) }
    }
}
