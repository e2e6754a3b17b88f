//! Puts together again what an earlier poller was trying, from its memory and the records as they
//! are read once more.

use std::time::Duration;

use crate::mapping::batch::{Condition, Record};
use crate::mapping::memory::{Memory, Remembered, ranges};
use crate::mapping::pieces::Piece;
use crate::mapping::policy::Policy;

/// How long records that are remembered are waited for before those that have come go on: some may
/// be gone for good, by compaction.
const WAIT_MAX: Duration = Duration::from_secs(5);

/// A partition whose remembered records are still coming.
#[derive(Debug)]
pub(crate) struct Restoring {
    memory: Memory,
    /// What has come, piece by piece.
    found: Vec<Vec<Record>>,
    until: Duration,
}

/// The most that may be tried together.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PieceLimits {
    pub(crate) records_max: usize,
    /// Of the records' JSON texts, with a comma each.
    pub(crate) bytes_max: usize,
}

impl Restoring {
    pub(crate) fn new(now: Duration, memory: Memory) -> Self {
        let found = vec![Vec::new(); memory.pieces.len()];
        Self { memory, found, until: now + WAIT_MAX }
    }

    /// Whether everything that is remembered lies before `next`.
    pub(crate) fn is_complete(&self, next: i64) -> bool {
        next >= self.memory.end
    }

    /// When what has come goes on, complete or not.
    pub(crate) fn until(&self) -> Option<Duration> {
        self.found.iter().any(|found| !found.is_empty()).then_some(self.until)
    }

    /// Takes a record that is remembered as not done, or as done; gives back one that came after.
    pub(crate) fn take(&mut self, now: Duration, record: Record) -> Option<Record> {
        if record.offset >= self.memory.end {
            return Some(record);
        }
        self.until = now + WAIT_MAX;
        let piece = self.memory.pieces.iter().position(|piece| piece.holds(record.offset));
        if let Some(piece) = piece {
            self.found[piece].push(record);
        }
        None
    }

    /// The first offset that has come and did not go on.
    pub(crate) fn first(&self) -> Option<i64> {
        self.found.iter().flatten().map(|record| record.offset).min()
    }

    /// What is still to be remembered when everything before `next` was read.
    pub(crate) fn remaining(&self, next: i64) -> impl Iterator<Item = Remembered> {
        let remaining = self.memory.pieces.iter().zip(&self.found).map(move |(piece, found)| {
            let mut left = ranges(found.iter().map(|record| record.offset));
            let coming = piece.ranges.iter().filter(|(_, last)| *last >= next);
            left.extend(coming.map(|(first, last)| (*first.max(&next), *last)));
            Remembered { ranges: left, attempts: piece.attempts }
        });
        remaining.filter(|piece| !piece.ranges.is_empty())
    }

    /// Takes what has come, in pieces that are no larger than a batch may be now.
    pub(crate) fn pieces(&mut self, policy: &Policy, limits: PieceLimits) -> Vec<Piece> {
        let mut pieces = Vec::new();
        for (found, remembered) in self.found.iter_mut().zip(&self.memory.pieces) {
            for records in fitting(std::mem::take(found), limits) {
                let mut piece = Piece::new(records, remembered.attempts);
                if piece.records[0].json.len() + 1 > limits.bytes_max {
                    piece.doomed = Some(Condition::TooLarge);
                } else if policy.exhausted(piece.attempts) {
                    piece.doomed = Some(Condition::RetriesExhausted);
                }
                pieces.push(piece);
            }
        }
        pieces
    }
}

/// Cuts records into runs that fit; one that fits nowhere is alone.
fn fitting(records: Vec<Record>, limits: PieceLimits) -> Vec<Vec<Record>> {
    let mut runs: Vec<Vec<Record>> = Vec::new();
    let mut bytes = 0;
    for record in records {
        let size = record.json.len() + 1;
        match runs.last_mut() {
            Some(run) if run.len() < limits.records_max && bytes + size <= limits.bytes_max => {
                bytes += size;
                run.push(record);
            }
            _ => {
                bytes = size;
                runs.push(vec![record]);
            }
        }
    }
    runs
}
