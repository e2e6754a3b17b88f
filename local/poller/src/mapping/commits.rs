//! Which positions to commit: the newest of each partition, one commit at a time.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::mapping::BackOff;
use crate::mapping::messages::{Action, Position, Positions};
use crate::mapping::notes::Note;

/// Positions that may be committed, and the commit under way.
#[derive(Debug)]
pub(crate) struct Commits {
    back_off: BackOff,
    pending: Positions,
    under_way: Option<Positions>,
    /// What Kafka has.
    committed: Positions,
    failures: u32,
    retry_at: Option<Duration>,
    /// Partitions to let go once nothing of them is left to commit.
    releasing: Option<BTreeSet<i32>>,
}

impl Commits {
    pub(crate) fn new(back_off: BackOff) -> Self {
        Self {
            back_off,
            pending: Positions::new(),
            under_way: None,
            committed: Positions::new(),
            failures: 0,
            retry_at: None,
            releasing: None,
        }
    }

    /// A partition is read from this position on, which Kafka has; what an earlier assignment of it
    /// left behind is forgotten.
    pub(crate) fn begin(&mut self, partition: i32, position: Position) {
        self.forget(partition);
        self.committed.insert(partition, position);
    }

    /// Everything of `partition` before `position` is done.
    pub(crate) fn add(&mut self, partition: i32, position: Position) {
        let under_way = self.under_way.as_ref().and_then(|positions| positions.get(&partition));
        let newest = self.pending.get(&partition).or(under_way);
        if newest.or_else(|| self.committed.get(&partition)) != Some(&position) {
            self.pending.insert(partition, position);
        }
    }

    /// Whether Kafka has what was last added.
    pub(crate) fn is_clean(&self, partition: i32) -> bool {
        !self.pending.contains_key(&partition)
            && self.under_way.as_ref().is_none_or(|under_way| !under_way.contains_key(&partition))
    }

    /// The next commit, if it may start at `now`.
    pub(crate) fn next(&mut self, now: Duration) -> Option<Positions> {
        let may_start = self.under_way.is_none() && self.retry_at.is_none_or(|at| at <= now);
        if !may_start || self.pending.is_empty() {
            return None;
        }
        self.retry_at = None;
        self.under_way = Some(std::mem::take(&mut self.pending));
        self.under_way.clone()
    }

    /// The commit under way ended; gives how many offsets it moved. A failed one is tried again,
    /// except for partitions on their way out: their next owner will see the records again.
    pub(crate) fn ended(
        &mut self,
        now: Duration,
        result: Result<(), String>,
    ) -> Result<u64, Action> {
        let Some(positions) = self.under_way.take() else { return Ok(0) };
        let Err(reason) = result else {
            self.failures = 0;
            let moved = positions.iter().map(|(partition, position)| {
                let before = self.committed.get(partition).map_or(position.next, |p| p.next);
                u64::try_from(position.next - before).unwrap_or(0)
            });
            let moved = moved.sum();
            self.committed.extend(positions);
            return Ok(moved);
        };
        for (partition, position) in positions {
            self.pending.entry(partition).or_insert(position);
        }
        self.failures = self.failures.saturating_add(1);
        self.retry_at = Some(now + self.back_off.delay(self.failures));
        self.drop_releasing();
        Err(Action::Log(Note::CommitFailed { failures: self.failures, reason }))
    }

    /// Lets `partitions` go once what is pending for them has been tried, at once and for the last
    /// time: what Kafka then has decides how often their records are tried again.
    pub(crate) fn release(&mut self, partitions: &[i32]) {
        self.releasing.get_or_insert_default().extend(partitions);
        self.retry_at = None;
    }

    /// The partitions on their way out, once all of them may go: none is `busy` and nothing of them
    /// is left to commit. Says so once.
    pub(crate) fn take_released(&mut self, busy: impl Fn(i32) -> bool) -> Option<BTreeSet<i32>> {
        let ready = |partition: &i32| !busy(*partition) && self.is_clean(*partition);
        let all_ready = self.releasing.as_ref()?.iter().all(ready);
        all_ready.then(|| self.releasing.take()).flatten()
    }

    /// Forgets what an assignment of `partition` left behind.
    pub(crate) fn forget(&mut self, partition: i32) {
        self.pending.remove(&partition);
        self.committed.remove(&partition);
        if let Some(positions) = &mut self.under_way {
            positions.remove(&partition);
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
