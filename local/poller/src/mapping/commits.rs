//! Which offsets to commit: the newest of each partition, one commit at a time.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::mapping::{Action, BackOff, Note, Offsets};

/// Offsets that may be committed, and the commit under way.
#[derive(Debug)]
pub(crate) struct Commits {
    back_off: BackOff,
    pending: Offsets,
    under_way: Option<Offsets>,
    failures: u32,
    retry_at: Option<Duration>,
    /// Partitions to let go once nothing of them is left to commit.
    releasing: Option<BTreeSet<i32>>,
}

impl Commits {
    pub(crate) fn new(back_off: BackOff) -> Self {
        Self {
            back_off,
            pending: Offsets::new(),
            under_way: None,
            failures: 0,
            retry_at: None,
            releasing: None,
        }
    }

    /// Everything of `partition` before `next` is done.
    pub(crate) fn add(&mut self, partition: i32, next: i64) {
        let newest = self.pending.entry(partition).or_insert(next);
        *newest = next.max(*newest);
    }

    /// The next commit, if it may start at `now`.
    pub(crate) fn next(&mut self, now: Duration) -> Option<Offsets> {
        let may_start = self.under_way.is_none() && self.retry_at.is_none_or(|at| at <= now);
        if !may_start || self.pending.is_empty() {
            return None;
        }
        self.retry_at = None;
        self.under_way = Some(std::mem::take(&mut self.pending));
        self.under_way.clone()
    }

    /// The commit under way ended. A failed one is tried again, except for partitions on their way
    /// out: their next owner will see the records again.
    pub(crate) fn ended(&mut self, now: Duration, result: Result<(), String>) -> Option<Action> {
        let offsets = self.under_way.take()?;
        let Err(reason) = result else {
            self.failures = 0;
            return None;
        };
        for (partition, next) in offsets {
            self.add(partition, next);
        }
        self.failures = self.failures.saturating_add(1);
        self.retry_at = Some(now + self.back_off.delay(self.failures));
        self.drop_releasing();
        Some(Action::Log(Note::CommitFailed { failures: self.failures, reason }))
    }

    /// Lets `partitions` go once what is pending for them has been tried.
    pub(crate) fn release(&mut self, partitions: &[i32]) {
        self.releasing.get_or_insert_default().extend(partitions);
        if self.retry_at.is_some() {
            self.drop_releasing();
        }
    }

    /// Whether everything on its way out may go now; says so once.
    pub(crate) fn take_released(&mut self) -> bool {
        let left = |partition: &i32| {
            self.pending.contains_key(partition)
                || self.under_way.as_ref().is_some_and(|offsets| offsets.contains_key(partition))
        };
        let released = self.releasing.as_ref().is_some_and(|set| !set.iter().any(left));
        if released {
            self.releasing = None;
        }
        released
    }

    /// Forgets what an earlier assignment of `partition` left behind.
    pub(crate) fn forget(&mut self, partition: i32) {
        self.pending.remove(&partition);
        if let Some(offsets) = &mut self.under_way {
            offsets.remove(&partition);
        }
        if let Some(releasing) = &mut self.releasing {
            releasing.remove(&partition);
        }
    }

    /// Whether nothing is pending or under way.
    pub(crate) fn is_idle(&self) -> bool {
        self.pending.is_empty() && self.under_way.is_none()
    }

    /// When a failed commit may be tried again.
    pub(crate) fn next_wakeup(&self) -> Option<Duration> {
        self.retry_at.filter(|_| self.under_way.is_none() && !self.pending.is_empty())
    }

    fn drop_releasing(&mut self) {
        if let Some(releasing) = &self.releasing {
            self.pending.retain(|partition, _| !releasing.contains(partition));
        }
    }
}
