//! The fence: how far one consumer has come in one partition, and how often it has tried to go on.
//! Values only; the stores turn them into writes.

use std::collections::BTreeMap;

/// The progress of one consumer in one partition.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fence {
    /// The lowest offset that no on-time slice has reached yet; 0 before the first.
    pub next: i64,
    /// Raised by one by every transaction, and the condition of each. 0 before the first.
    pub version: u64,
    /// Attempts at what lies at or after `next` since the fence last moved, those in progress
    /// included.
    pub attempts: u32,
    /// Attempts at records behind the fence, by offset.
    pub late_attempts: BTreeMap<i64, u32>,
    /// When the newest chunk expires, in seconds since 1970. A later chunk never expires earlier.
    pub horizon: i64,
}

/// Which counter an attempt is counted on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attempt {
    /// The fence's own: the attempt starts at or after `next`.
    OnTime,
    /// That of one offset behind the fence.
    Late(i64),
}

/// How one transaction changes the fence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advance {
    /// The version the fence must still have.
    pub version: u64,
    /// The new `next`.
    pub next: i64,
    /// The attempt that succeeded: its counter is cleared.
    pub done: Attempt,
    /// The attempt that starts right after, counted in the same write.
    pub then: Option<Attempt>,
    /// When, in milliseconds since 1970.
    pub now_ms: i64,
}

impl Fence {
    /// How often what an attempt stands for has been tried.
    pub(crate) fn count(&self, attempt: Attempt) -> u32 {
        match attempt {
            Attempt::OnTime => self.attempts,
            Attempt::Late(offset) => self.late_attempts.get(&offset).copied().unwrap_or(0),
        }
    }

    /// What becomes of the fence, by the same rules that the DynamoDB expression spells out.
    pub(crate) fn advance(&mut self, advance: &Advance, horizon: i64) {
        debug_assert_eq!(self.version, advance.version, "checked by the store");
        self.version += 1;
        self.next = advance.next;
        self.horizon = horizon;
        match advance.done {
            Attempt::OnTime => self.attempts = 0,
            Attempt::Late(offset) => drop(self.late_attempts.remove(&offset)),
        }
        match advance.then {
            None => {}
            Some(Attempt::OnTime) => self.attempts += 1,
            Some(Attempt::Late(offset)) => *self.late_attempts.entry(offset).or_default() += 1,
        }
    }
}
