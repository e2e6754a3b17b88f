//! The rules of an event source mapping: which records make a batch, when it is invoked, what its
//! outcome means, and what may be committed.
//!
//! No clock, no I/O and no chance: time is an argument, everything else an [`Input`] or an
//! [`Action`]. Per partition at most one batch is under way, records go in order, and an offset is
//! committed only after everything before it was processed or is known to be undeliverable.
//!
//! Source: <https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventsourcemapping.html>.

mod back_off;
mod commits;
mod concurrency;
mod cut;
mod messages;
mod partition;
mod retry;
#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

pub(crate) use self::back_off::BackOff;
use self::commits::Commits;
use self::concurrency::Concurrency;
pub(crate) use self::messages::{
    Action, Batch, BatchId, BufferLimits, Ending, Input, Note, Offsets, Record, Settings, Slice,
};
use self::partition::Partition;
use self::retry::{Tries, Waiting};
use crate::event::EventWriter;

/// The state of one mapping.
#[derive(Debug)]
pub(crate) struct Mapping {
    settings: Settings,
    writer: Arc<EventWriter>,
    membership: Membership,
    owned: BTreeMap<i32, Partition>,
    /// Partitions with a batch under way or waiting to be tried again; also those revoked while
    /// their batch was under way, until it ends.
    held: BTreeSet<i32>,
    under_way: BTreeMap<BatchId, Attempt>,
    waiting: Vec<Waiting>,
    commits: Commits,
    concurrency: Concurrency,
    next_batch: u64,
    next_epoch: u64,
}

/// Whether the mapping takes part in its consumer group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Membership {
    Joined,
    /// Nothing new is invoked; what is under way ends and is committed first.
    Leaving,
    Left,
}

/// A batch being invoked.
#[derive(Debug)]
struct Attempt {
    batch: Arc<Batch>,
    tries: Tries,
}

impl Mapping {
    /// A mapping that has joined its group (`Joined`) or stays out until resumed (`Left`).
    pub(crate) fn new(
        settings: Settings,
        writer: Arc<EventWriter>,
        membership: Membership,
    ) -> Self {
        Self {
            commits: Commits::new(settings.back_off),
            concurrency: Concurrency::default(),
            settings,
            writer,
            membership,
            owned: BTreeMap::new(),
            held: BTreeSet::new(),
            under_way: BTreeMap::new(),
            waiting: Vec::new(),
            next_batch: 0,
            next_epoch: 0,
        }
    }

    /// Whether the mapping takes part in its group.
    pub(crate) fn membership(&self) -> Membership {
        self.membership
    }

    /// Whether the group has been left and no partition is owned any more.
    pub(crate) fn is_out(&self) -> bool {
        self.membership == Membership::Left && self.owned.is_empty()
    }

    /// Takes in what happened at `now` and says what to do, in order.
    pub(crate) fn handle(&mut self, now: Duration, input: Input) -> Vec<Action> {
        let mut actions = Vec::new();
        match input {
            Input::Assigned(starts) => self.assign(&starts),
            Input::Revoked(partitions) => self.revoke(&partitions),
            Input::Records { partition, records } => {
                self.receive(now, partition, records, &mut actions);
            }
            Input::InvocationEnded { batch, ending } => {
                self.end(now, batch, ending, &mut actions);
            }
            Input::CommitEnded(result) => actions.extend(self.commits.ended(now, result)),
            Input::Pause => self.pause(),
            Input::Resume => actions.extend(self.resume()),
            Input::Tick => {}
        }
        self.advance(now, &mut actions);
        actions
    }

    /// When to call [`Self::handle`] with [`Input::Tick`] at the latest; always after the `now` of
    /// the last call.
    pub(crate) fn next_wakeup(&self) -> Option<Duration> {
        let invoking = match self.membership {
            Membership::Joined if self.concurrency.allows(self.under_way.len()) => {
                let retry = self.waiting.iter().map(|waiting| waiting.due).min();
                earliest(retry, self.window_end())
            }
            Membership::Joined => self.concurrency.next_raise(),
            Membership::Leaving | Membership::Left => None,
        };
        earliest(invoking, self.commits.next_wakeup())
    }

    /// Does everything that is due.
    fn advance(&mut self, now: Duration, actions: &mut Vec<Action>) {
        if self.membership == Membership::Joined {
            self.concurrency.advance(now, self.owned.len());
            self.invoke_due(now, actions);
        }
        self.adjust_fetching(actions);
        actions.extend(self.commits.next(now).map(Action::Commit));
        if self.commits.take_released() {
            actions.push(Action::Released);
        }
        let finished = self.under_way.is_empty() && self.commits.is_idle();
        if self.membership == Membership::Leaving && finished {
            self.membership = Membership::Left;
            actions.push(Action::Leave);
        }
    }

    fn assign(&mut self, starts: &[(i32, i64)]) {
        for &(partition, start) in starts {
            self.commits.forget(partition);
            self.next_epoch += 1;
            self.owned.insert(partition, Partition::new(self.next_epoch, start));
        }
    }

    /// Forgets the partitions: what is buffered or waiting is dropped, the outcome of what is
    /// under way will be ignored, and what was processed is committed before `Released`.
    fn revoke(&mut self, partitions: &[i32]) {
        for partition in partitions {
            self.owned.remove(partition);
        }
        for waiting in &mut self.waiting {
            for slice in &waiting.slices {
                if partitions.contains(&slice.partition) {
                    self.held.remove(&slice.partition);
                }
            }
            waiting.slices.retain(|slice| !partitions.contains(&slice.partition));
        }
        self.waiting.retain(|waiting| !waiting.slices.is_empty());
        self.commits.release(partitions);
    }

    fn receive(
        &mut self,
        now: Duration,
        number: i32,
        records: Vec<Record>,
        actions: &mut Vec<Action>,
    ) {
        let Some(partition) = self.owned.get_mut(&number) else { return };
        let overhead = self.writer.envelope_bytes() + self.writer.slice_bytes(number);
        let mut skipped = false;
        for record in records {
            if !partition.expects(record.offset) {
                continue;
            }
            let size_bytes = overhead + record.json.len();
            if size_bytes > self.settings.payload_bytes_max {
                let offset = record.offset;
                partition.skip(offset);
                skipped = true;
                actions.push(Action::Log(Note::RecordTooLarge {
                    partition: number,
                    offset,
                    size_bytes,
                }));
            } else {
                partition.push(record);
            }
        }
        if self.held.contains(&number) {
            return;
        }
        partition.open_window(now);
        if skipped && partition.is_empty() {
            self.commits.add(number, partition.position());
        }
    }

    fn end(&mut self, now: Duration, id: BatchId, ending: Ending, actions: &mut Vec<Action>) {
        let Some(attempt) = self.under_way.remove(&id) else { return };
        let Attempt { batch, tries } = attempt;
        let mut slices = Arc::unwrap_or_clone(batch).slices;
        for slice in &slices {
            self.held.remove(&slice.partition);
        }
        slices.retain(|slice| self.owns(slice));
        match ending {
            Ending::Succeeded => {
                for slice in &slices {
                    let partition = self.owned.get_mut(&slice.partition).expect("just checked");
                    self.commits.add(slice.partition, partition.position_after(slice.last()));
                }
            }
            Ending::Failed(reason) => {
                actions.extend(self.retry_apart(now, slices, tries, reason));
            }
            Ending::Throttled => {
                self.concurrency.throttled(now, self.under_way.len());
                let reason = "too many invocations are under way".to_owned();
                actions.extend(self.retry_together(now, slices, tries, reason));
            }
            Ending::NotInvoked(reason) => {
                actions.extend(self.retry_together(now, slices, tries, reason));
            }
        }
        self.open_windows(now);
    }

    fn owns(&self, slice: &Slice) -> bool {
        self.owned.get(&slice.partition).is_some_and(|owned| owned.epoch() == slice.epoch)
    }

    fn open_windows(&mut self, now: Duration) {
        for (number, partition) in &mut self.owned {
            if !self.held.contains(number) {
                partition.open_window(now);
            }
        }
    }

    fn adjust_fetching(&mut self, actions: &mut Vec<Action>) {
        let limits = self.settings.buffer.share(self.owned.len());
        for (number, partition) in &mut self.owned {
            match partition.adjust_fetching(limits) {
                Some(true) => actions.push(Action::PausePartition(*number)),
                Some(false) => actions.push(Action::ResumePartition(*number)),
                None => {}
            }
        }
    }

    fn pause(&mut self) {
        if self.membership == Membership::Joined {
            self.membership = Membership::Leaving;
        }
    }

    fn resume(&mut self) -> Option<Action> {
        let rejoin = self.membership == Membership::Left;
        self.membership = Membership::Joined;
        rejoin.then_some(Action::Join)
    }
}

fn earliest(a: Option<Duration>, b: Option<Duration>) -> Option<Duration> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}
