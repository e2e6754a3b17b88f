//! The pieces of a partition's batch that are not done yet: tried one after the other, split in two,
//! cut down to what failed, or given up.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::mapping::batch::{Condition, Record, ends};
use crate::mapping::memory::{Remembered, ranges};
use crate::mapping::policy::Policy;

/// Records that are invoked together.
#[derive(Clone, Debug)]
pub(crate) struct Piece {
    pub(crate) records: Arc<[Record]>,
    /// How often they were tried without success.
    pub(crate) attempts: u32,
    /// They are not tried any more.
    pub(crate) doomed: Option<Condition>,
    /// Whether the function failed as a whole the last time, rather than naming records.
    pub(crate) function_error: bool,
}

/// What a failure led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failed {
    /// The piece goes again as a whole, or is doomed; so often it was tried.
    Again { attempts: u32 },
    /// Its halves go by themselves.
    Split,
}

/// One partition's pieces; the first is the one that is tried.
#[derive(Debug)]
pub(crate) struct Pieces {
    list: VecDeque<Piece>,
    /// When the first attempt was made, epoch milliseconds.
    pub(crate) since_ms: i64,
    /// When the next attempt is due, epoch milliseconds.
    pub(crate) due_ms: i64,
    /// The offset after the batch; before it, what is in no piece is done.
    pub(crate) end: i64,
}

impl Piece {
    pub(crate) fn new(records: Vec<Record>, attempts: u32) -> Self {
        Self { records: records.into(), attempts, doomed: None, function_error: true }
    }
}

impl Pieces {
    /// None.
    pub(crate) fn new() -> Self {
        Self { list: VecDeque::new(), since_ms: 0, due_ms: 0, end: 0 }
    }

    /// A new batch, first tried at `now_ms`; it is the only piece.
    pub(crate) fn begin(&mut self, now_ms: i64, piece: Piece) {
        (self.since_ms, self.due_ms) = (now_ms, now_ms);
        self.end = ends(&piece.records).1 + 1;
        self.list.push_back(piece);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    pub(crate) fn head(&self) -> Option<&Piece> {
        self.list.front()
    }

    pub(crate) fn push(&mut self, piece: Piece) {
        self.list.push_back(piece);
    }

    /// The first one is done.
    pub(crate) fn pop(&mut self) -> Option<Piece> {
        self.list.pop_front()
    }

    /// The first offset that is not done.
    pub(crate) fn first(&self) -> Option<i64> {
        self.list.iter().map(|piece| ends(&piece.records).0).min()
    }

    /// The function failed on the first piece: it goes again as it is, or in two halves, the lower
    /// one first. Splitting does not count as an attempt unless told so: it is a search, not a try.
    pub(crate) fn fail(&mut self, policy: &Policy) -> Failed {
        let Some(mut piece) = self.list.pop_front() else { return Failed::Again { attempts: 0 } };
        piece.function_error = true;
        let split = policy.bisect && piece.records.len() > 1;
        if !split || policy.bisect_counts {
            piece.attempts = piece.attempts.saturating_add(1);
        }
        let attempts = piece.attempts;
        if policy.exhausted(attempts) {
            piece.doomed = Some(Condition::RetriesExhausted);
        } else if split {
            let (lower, upper) = piece.records.split_at(piece.records.len().div_ceil(2));
            let half = |records: &[Record]| Piece { records: records.into(), ..piece.clone() };
            let (lower, upper) = (half(lower), half(upper));
            self.list.push_front(upper);
            self.list.push_front(lower);
            return Failed::Split;
        }
        self.list.push_front(piece);
        Failed::Again { attempts }
    }

    /// The function named what failed of the first piece, at least one record; the rest is done.
    pub(crate) fn keep(&mut self, policy: &Policy, failed: impl Fn(i64) -> bool) -> u32 {
        let Some(mut piece) = self.list.pop_front() else { return 0 };
        let kept = piece.records.iter().filter(|record| failed(record.offset));
        piece.records = kept.cloned().collect();
        piece.attempts = piece.attempts.saturating_add(1);
        piece.function_error = false;
        if policy.exhausted(piece.attempts) {
            piece.doomed = Some(Condition::RetriesExhausted);
        }
        let attempts = piece.attempts;
        self.list.push_front(piece);
        attempts
    }

    /// Parts what is too old from the first piece, to be given up before the rest goes on.
    pub(crate) fn part_too_old(&mut self, policy: &Policy, now_ms: i64) {
        let too_old = |record: &Record| policy.too_old(record.timestamp_ms, now_ms);
        let Some(piece) = self.list.front() else { return };
        if piece.doomed.is_some() || !piece.records.iter().any(too_old) {
            return;
        }
        let (old, young): (Vec<Record>, Vec<Record>) =
            piece.records.iter().cloned().partition(too_old);
        let part = |records: Vec<Record>, doomed| {
            let records: Arc<[Record]> = records.into();
            (!records.is_empty()).then(|| Piece { records, doomed, ..piece.clone() })
        };
        let parts = [part(old, Some(Condition::TooOld)), part(young, None)];
        self.list.pop_front();
        for part in parts.into_iter().rev().flatten() {
            self.list.push_front(part);
        }
    }

    /// What Kafka is to remember; `trying` counts an attempt of the first piece that is about to be
    /// made.
    pub(crate) fn remembered(&self, trying: bool) -> Vec<Remembered> {
        let remembered = |(index, piece): (usize, &Piece)| Remembered {
            ranges: ranges(piece.records.iter().map(|record| record.offset)),
            attempts: piece.attempts.saturating_add(u32::from(trying && index == 0)),
        };
        self.list.iter().enumerate().map(remembered).collect()
    }
}
