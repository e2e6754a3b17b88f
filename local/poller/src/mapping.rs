//! The rules of an event source mapping: which records make a batch, when it is invoked, what its
//! outcome means, and what may be committed.
//!
//! No clock, no I/O and no chance: time is an argument, everything else an [`Input`] or an
//! [`Action`]. Per partition at most one batch is under way, records go in order, and an offset is
//! committed only after everything before it was processed or given up.
//!
//! It is put together from small machines: a [`queue`] and the [`pieces`] of a batch that are not
//! done for each [`partition`], `cut` which forms batches, `trying` which sees them through by the
//! [`policy`], [`commits`] with the [`memory`] that survives us, and [`restoring`] from it.
//!
//! Source: <https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventsourcemapping.html>.

mod answer;
mod back_off;
mod batch;
mod commits;
mod concurrency;
mod counts;
mod cut;
mod memory;
mod messages;
mod notes;
mod partition;
mod pieces;
mod policy;
mod processing;
mod queue;
mod restoring;
#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;
mod throughput;
mod trying;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use self::answer::Kind;
pub(crate) use self::back_off::BackOff;
pub(crate) use self::batch::{
    Batch, BatchId, Condition, Delivery, DeliveryId, Record, Run, SliceRange, ends,
};
use self::commits::Commits;
use self::concurrency::Concurrency;
pub use self::counts::Counts;
pub(crate) use self::messages::{
    Action, BufferLimits, Ending, Input, Limits, Position, Positions, Settings, Start,
};
pub(crate) use self::notes::Note;
use self::partition::Partition;
pub(crate) use self::policy::Policy;
pub(crate) use self::processing::{Processed, Processing};
use self::restoring::PieceLimits;
use self::throughput::Throughput;
use self::trying::{Attempt, Planned, Waiting};
use crate::event::EventWriter;

/// The state of one mapping.
#[derive(Debug)]
pub(crate) struct Mapping {
    settings: Settings,
    writer: Arc<EventWriter>,
    membership: Membership,
    owned: BTreeMap<i32, Partition>,
    /// Partitions with a batch or a delivery under way; also those taken away meanwhile.
    in_flight: BTreeSet<i32>,
    /// What is invoked as soon as Kafka remembers it.
    recording: Vec<Planned>,
    under_way: BTreeMap<BatchId, Attempt>,
    waiting: Vec<Waiting>,
    deliveries: BTreeMap<DeliveryId, Arc<Delivery>>,
    commits: Commits,
    concurrency: Concurrency,
    throughput: Throughput,
    counts: Counts,
    processed: Option<Processed>,
    /// The misreadings that were told.
    explained: BTreeSet<Kind>,
    next_batch: u64,
    next_delivery: u64,
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

impl Mapping {
    /// A mapping that has joined its group (`Joined`) or stays out until resumed (`Left`).
    pub(crate) fn new(
        settings: Settings,
        writer: Arc<EventWriter>,
        membership: Membership,
    ) -> Self {
        Self {
            commits: Commits::new(settings.policy.back_off),
            concurrency: Concurrency::default(),
            throughput: Throughput::new(settings.limits.map(|limits| limits.bytes_per_s)),
            settings,
            writer,
            membership,
            owned: BTreeMap::new(),
            in_flight: BTreeSet::new(),
            recording: Vec::new(),
            under_way: BTreeMap::new(),
            waiting: Vec::new(),
            deliveries: BTreeMap::new(),
            counts: Counts::default(),
            processed: None,
            explained: BTreeSet::new(),
            next_batch: 0,
            next_delivery: 0,
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

    /// What happened so far, in numbers.
    pub(crate) fn counts(&self) -> Counts {
        self.counts
    }

    /// Puts the clock right: the machine may have slept, or its clock may have been set.
    pub(crate) fn set_clock(&mut self, now: Duration, epoch_ms: i64) {
        let since_start = i64::try_from(now.as_millis()).unwrap_or(i64::MAX);
        self.settings.started_ms = epoch_ms.saturating_sub(since_start);
    }

    /// Each partition with the offset after the last record read, and the first one not done.
    pub(crate) fn offsets(&self) -> impl Iterator<Item = (i32, i64, i64)> {
        let offsets = |(number, partition): (&i32, &Partition)| {
            (*number, partition.read_to(), partition.position(false).next)
        };
        self.owned.iter().map(offsets)
    }

    /// Takes in what happened at `now` and says what to do, in order.
    pub(crate) fn handle(&mut self, now: Duration, input: Input) -> Vec<Action> {
        let mut actions = Vec::new();
        match input {
            Input::Assigned(starts) => self.assign(now, starts),
            Input::Revoked(partitions) => self.revoke(&partitions),
            Input::Lost(partitions) => self.lose(&partitions),
            Input::Read { partition, run } => self.receive(now, partition, run),
            Input::ReadFailed(errors) => self.counts.polling_errors += errors,
            Input::InvocationEnded { batch, ending } => self.end(now, batch, ending, &mut actions),
            Input::Delivered { delivery, result } => {
                self.delivered(now, delivery, result, &mut actions);
            }
            Input::CommitEnded(result) => match self.commits.ended(now, result) {
                Ok(moved) => self.counts.committed += moved,
                Err(note) => {
                    self.counts.commit_errors += 1;
                    actions.push(note);
                }
            },
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
            Membership::Joined if self.begun_allowed() => self
                .throughput
                .held_until()
                .or_else(|| earliest(self.next_try(), self.window_end())),
            Membership::Joined => self.concurrency.next_raise(),
            Membership::Leaving | Membership::Left => None,
        };
        let restoring = self.owned.values().filter_map(Partition::restore_at).min();
        earliest(earliest(invoking, restoring), self.commits.next_wakeup())
    }

    /// Does everything that is due.
    fn advance(&mut self, now: Duration, actions: &mut Vec<Action>) {
        self.restore(now, actions);
        self.open_windows(now);
        if self.membership == Membership::Joined {
            self.concurrency.advance(now, self.owned.len());
            self.begin_due(now, actions);
            // What was given up may have been all that there was of what is remembered.
            while self.restore(now, actions) {
                self.begin_due(now, actions);
            }
        }
        self.adjust_fetching(actions);
        actions.extend(self.commits.next(now).map(Action::Commit));
        if self.membership == Membership::Joined {
            self.launch_remembered(actions);
        }
        let busy = |number| self.owned.get(&number).is_some_and(|owned| owned.in_flight);
        if let Some(released) = self.commits.take_released(busy) {
            let released: Vec<i32> = released.into_iter().collect();
            self.lose(&released);
            actions.push(Action::Released);
        }
        let finished = self.under_way.is_empty() && self.deliveries.is_empty();
        if self.membership == Membership::Leaving && finished && self.commits.is_idle() {
            self.membership = Membership::Left;
            actions.push(Action::Leave);
        }
    }

    /// The time of day, epoch milliseconds.
    fn now_ms(&self, now: Duration) -> i64 {
        let since_start = i64::try_from(now.as_millis()).unwrap_or(i64::MAX);
        self.settings.started_ms.saturating_add(since_start)
    }

    /// Has the partition's position committed; `trying` counts the attempt about to be made.
    fn commit(&mut self, number: i32, trying: bool) {
        if let Some(partition) = self.owned.get(&number) {
            self.commits.add(number, partition.position(trying));
        }
    }

    fn assign(&mut self, now: Duration, starts: Vec<Start>) {
        for Start { partition, position } in starts {
            self.forget(partition);
            self.next_epoch += 1;
            self.owned.insert(partition, Partition::new(now, self.next_epoch, &position));
            self.commits.begin(partition, position);
        }
    }

    /// Begins nothing with the partitions any more. What is under way may end, and what is done is
    /// committed with what is to be remembered, before `Released`.
    fn revoke(&mut self, partitions: &[i32]) {
        for number in partitions {
            self.unplan(*number);
            let Some(partition) = self.owned.get_mut(number) else { continue };
            partition.leave();
            if !partition.in_flight {
                // An attempt that was remembered and not made does not count.
                self.commit(*number, false);
            }
        }
        self.commits.release(partitions);
    }

    /// The partitions are someone else's now: outcomes still to come are ignored.
    fn lose(&mut self, partitions: &[i32]) {
        for number in partitions {
            self.forget(*number);
        }
    }

    fn forget(&mut self, number: i32) {
        self.unplan(number);
        self.owned.remove(&number);
        self.commits.forget(number);
    }

    /// Takes a partition out of what is to be invoked.
    fn unplan(&mut self, number: i32) {
        let planned = self.waiting.iter_mut().map(|waiting| &mut waiting.planned);
        for planned in planned.chain(&mut self.recording) {
            planned.parts.retain(|(other, _)| *other != number);
        }
        self.waiting.retain(|waiting| !waiting.planned.parts.is_empty());
        self.recording.retain(|planned| !planned.parts.is_empty());
    }

    fn receive(&mut self, now: Duration, number: i32, run: Run) {
        let Some(partition) = self.owned.get_mut(&number) else { return };
        if partition.leaving {
            return;
        }
        let filtered_out = run.filtered_out;
        let received = partition.receive(now, run);
        self.counts.filtered_out += filtered_out;
        self.counts.polled += filtered_out + u64::try_from(received).unwrap_or(0);
        if partition.queue.is_empty() && partition.is_ready() {
            // Nothing passed the filters.
            self.commit(number, false);
        }
    }

    /// Goes on with what an earlier poller was trying, where its records have come; whether there
    /// was any.
    fn restore(&mut self, now: Duration, actions: &mut Vec<Action>) -> bool {
        let mut restored = false;
        let (now_ms, longest) = (self.now_ms(now), self.settings.policy.back_off.longest);
        let restoring = self.owned.iter().filter(|(_, partition)| partition.restoring.is_some());
        let restoring: Vec<i32> = restoring.map(|(number, _)| *number).collect();
        for number in restoring {
            // One comma of the last record is not written.
            let bytes_max = self.payload_room(number) + 1;
            let limits = PieceLimits { records_max: self.settings.batch_size, bytes_max };
            let partition = self.owned.get_mut(&number).expect("it was just found");
            if !partition.restore(now, &self.settings.policy, limits) {
                if partition.is_ready() && partition.queue.is_empty() {
                    // Nothing of what is remembered is there any more.
                    self.commit(number, false);
                }
                continue;
            }
            let head = partition.pieces.head().expect("something is remembered");
            actions.push(Action::Log(Note::Remembered {
                range: SliceRange::of(number, &head.records),
                attempts: head.attempts,
                since_ms: partition.pieces.since_ms,
            }));
            let wait_ms = u64::try_from(partition.pieces.due_ms.saturating_sub(now_ms));
            let wait = Duration::from_millis(wait_ms.unwrap_or(0));
            let planned = Planned { parts: vec![(number, partition.epoch())], refusals: 0 };
            self.waiting.push(Waiting { planned, due: now + wait.min(longest) });
            restored = true;
        }
        restored
    }

    fn open_windows(&mut self, now: Duration) {
        for (number, partition) in &mut self.owned {
            if partition.is_ready() && !self.in_flight.contains(number) {
                partition.queue.open_window(now);
            }
        }
    }

    fn adjust_fetching(&mut self, actions: &mut Vec<Action>) {
        let limits = self.settings.buffer.share(self.owned.len());
        for (number, partition) in &mut self.owned {
            match partition.queue.adjust_fetching(limits) {
                Some(true) => actions.push(Action::PausePartition(*number)),
                Some(false) => actions.push(Action::ResumePartition(*number)),
                None => {}
            }
        }
    }

    /// What was remembered and not begun waits; its attempts do not count.
    fn pause(&mut self) {
        if self.membership != Membership::Joined {
            return;
        }
        self.membership = Membership::Leaving;
        for planned in std::mem::take(&mut self.recording) {
            for (number, _) in &planned.parts {
                self.commit(*number, false);
            }
            self.waiting.push(Waiting { planned, due: Duration::ZERO });
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
