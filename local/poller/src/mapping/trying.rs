//! What was cut is tried: begun, remembered where it must be, invoked, judged by how it ended, and
//! tried again or given up.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use crate::config::PartialReading;
use crate::mapping::answer::{self, Answer, Misreading};
use crate::mapping::batch::{Batch, BatchId, Delivery, DeliveryId, Slice, SliceRange};
use crate::mapping::notes::Note;
use crate::mapping::pieces::Failed;
use crate::mapping::{Action, Ending, Mapping, Processing};

/// The first pieces of these partitions, which go together.
#[derive(Clone, Debug, Default)]
pub(super) struct Planned {
    /// Each partition with the number of its assignment.
    pub(super) parts: Vec<(i32, u64)>,
    /// How often the function was not reached: throttled, or the service failed. AWS does not count
    /// these as attempts.
    pub(super) refusals: u32,
}

/// What will be tried again, and when.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) planned: Planned,
    pub(super) due: Duration,
}

/// A batch being invoked.
#[derive(Debug)]
pub(super) struct Attempt {
    batch: Arc<Batch>,
    refusals: u32,
}

/// Parts of a batch and why they failed.
struct Failure<'a> {
    parts: &'a [(i32, u64)],
    ranges: Vec<SliceRange>,
    reason: String,
}

impl Mapping {
    /// What is due to be tried again, unless an invocation of before still holds its partition.
    pub(super) fn take_waiting(&mut self, now: Duration) -> Option<Planned> {
        let free = self.waiting.iter().enumerate().filter(|(_, w)| !self.is_held(&w.planned));
        let (first, due) = free.map(|(index, w)| (index, w.due)).min_by_key(|(_, due)| *due)?;
        (due <= now).then(|| self.waiting.remove(first).planned)
    }

    /// When the next try is due.
    pub(super) fn next_try(&self) -> Option<Duration> {
        self.waiting.iter().filter(|w| !self.is_held(&w.planned)).map(|w| w.due).min()
    }

    fn is_held(&self, planned: &Planned) -> bool {
        planned.parts.iter().any(|(number, _)| self.in_flight.contains(number))
    }

    /// Invokes what was planned, or has it remembered first; what is not to be invoked any more is
    /// given up.
    pub(super) fn begin(&mut self, now: Duration, planned: Planned, actions: &mut Vec<Action>) {
        let now_ms = self.now_ms(now);
        let mut begun = Planned { refusals: planned.refusals, ..Planned::default() };
        for (number, epoch) in planned.parts {
            let Some(partition) = self.owned.get_mut(&number) else { continue };
            if partition.epoch() != epoch || partition.leaving {
                continue;
            }
            partition.pieces.part_too_old(&self.settings.policy, now_ms);
            if partition.pieces.head().is_some_and(|head| head.doomed.is_some()) {
                self.give_up(now, number, actions);
            } else {
                begun.parts.push((number, epoch));
            }
        }
        if begun.parts.is_empty() {
            return;
        }
        self.throughput.spend(now, self.bytes(&begun));
        if self.settings.policy.remembers_first() {
            for (number, _) in &begun.parts {
                self.commit(*number, true);
            }
            self.recording.push(begun);
        } else {
            self.launch(begun, actions);
        }
    }

    /// The bytes of the records that go together.
    fn bytes(&self, planned: &Planned) -> usize {
        let heads = planned.parts.iter().filter_map(|(number, _)| self.owned[number].pieces.head());
        heads.flat_map(|head| head.records.iter()).map(|record| record.json.len()).sum()
    }

    /// Invokes what Kafka remembers by now.
    pub(super) fn launch_remembered(&mut self, actions: &mut Vec<Action>) {
        for planned in std::mem::take(&mut self.recording) {
            if planned.parts.iter().all(|(number, _)| self.commits.is_clean(*number)) {
                self.launch(planned, actions);
            } else {
                self.recording.push(planned);
            }
        }
    }

    fn launch(&mut self, mut planned: Planned, actions: &mut Vec<Action>) {
        planned.parts.sort_unstable();
        let id = BatchId(self.next_batch);
        self.next_batch += 1;
        let mut slices = Vec::with_capacity(planned.parts.len());
        for (number, epoch) in planned.parts {
            let partition = self.owned.get_mut(&number).expect("what is planned is owned");
            let head = partition.pieces.head().expect("what is planned has a piece");
            let records = Arc::clone(&head.records);
            partition.in_flight = true;
            self.in_flight.insert(number);
            slices.push(Slice { partition: number, epoch, records });
        }
        let batch = Arc::new(Batch { id, slices });
        self.counts.invoked += u64::try_from(batch.records()).unwrap_or(0);
        let attempt = Attempt { batch: Arc::clone(&batch), refusals: planned.refusals };
        self.under_way.insert(id, attempt);
        actions.push(Action::Invoke(batch));
    }

    /// Takes in how an invocation ended.
    pub(super) fn end(
        &mut self,
        now: Duration,
        id: BatchId,
        ending: Ending,
        actions: &mut Vec<Action>,
    ) {
        let Some(Attempt { batch, refusals }) = self.under_way.remove(&id) else { return };
        let mut parts = Vec::with_capacity(batch.slices.len());
        for slice in &batch.slices {
            self.in_flight.remove(&slice.partition);
            if self.lands(slice.partition, slice.epoch) {
                parts.push((slice.partition, slice.epoch));
            }
        }
        let records = u64::try_from(batch.records()).unwrap_or(0);
        self.note(now, Processing::of(&ending));
        match ending {
            Ending::Succeeded(answer) => match self.read(&answer, &batch, actions) {
                Answer::Complete => {
                    for (number, _) in parts {
                        self.finish(now, number);
                    }
                }
                Answer::Failed(failed) => {
                    self.note(now, Processing::Failed);
                    self.counts.failed_invoke += records;
                    for (number, _) in parts {
                        match failed.get(&number) {
                            Some(failed) => self.keep(now, number, failed, actions),
                            None => self.finish(now, number),
                        }
                    }
                }
                Answer::Unusable => {
                    self.note(now, Processing::Failed);
                    self.counts.failed_invoke += records;
                    let reason = "its answer names no records of the batch".to_owned();
                    let failure = Failure { parts: &parts, ranges: batch.ranges(), reason };
                    self.fail(now, failure, actions);
                }
            },
            Ending::Failed(reason) => {
                self.counts.failed_invoke += records;
                self.counts.invoke_errors += 1;
                let failure = Failure { parts: &parts, ranges: batch.ranges(), reason };
                self.fail(now, failure, actions);
            }
            Ending::Throttled => {
                self.concurrency.throttled(now, self.under_way.len());
                let reason = "too many invocations are under way".to_owned();
                let failure = Failure { parts: &parts, ranges: batch.ranges(), reason };
                self.refuse(now, failure, refusals, actions);
            }
            Ending::NotInvoked(reason) | Ending::NoFunction(reason) => {
                let failure = Failure { parts: &parts, ranges: batch.ranges(), reason };
                self.refuse(now, failure, refusals, actions);
            }
        }
    }

    /// Whether the partition is still ours by the assignment `epoch`; it is in flight no longer.
    fn lands(&mut self, number: i32, epoch: u64) -> bool {
        match self.owned.get_mut(&number) {
            Some(partition) if partition.epoch() == epoch => {
                partition.in_flight = false;
                true
            }
            _ => false,
        }
    }

    fn read(&mut self, answer: &[u8], batch: &Batch, actions: &mut Vec<Action>) -> Answer {
        if self.settings.policy.partial.is_none() {
            let misreading = answer::not_asked(answer);
            self.explain(misreading, actions);
            return Answer::Complete;
        }
        let (answer, misreading) = answer::read(answer, self.writer.topic(), batch);
        self.explain(misreading, actions);
        answer
    }

    /// Tells each kind of misreading once.
    fn explain(&mut self, misreading: Option<Misreading>, actions: &mut Vec<Action>) {
        if let Some(misreading) = misreading
            && self.explained.insert(misreading.kind)
        {
            actions.push(Action::Log(Note::Misread(misreading)));
        }
    }

    /// The function failed: each partition's records go again by themselves from here on, so that a
    /// partition whose record cannot be processed does not hold up the others of its batch.
    fn fail(&mut self, now: Duration, failure: Failure<'_>, actions: &mut Vec<Action>) {
        let Failure { parts, ranges, reason } = failure;
        let ranges = owned_ranges(parts, ranges);
        let mut again = Vec::new();
        let (mut tried, mut retry_in) = (0, Duration::ZERO);
        for ((number, _), range) in parts.iter().zip(ranges) {
            let policy = self.settings.policy;
            let partition = self.owned.get_mut(number).expect("its invocation landed");
            let delay = match partition.pieces.fail(&policy) {
                Failed::Split => {
                    actions.push(Action::Log(Note::Split { range, reason: reason.clone() }));
                    Duration::ZERO
                }
                Failed::Again { attempts } => {
                    let delay = policy.back_off.delay(attempts);
                    again.push(range);
                    (tried, retry_in) = (attempts, delay);
                    delay
                }
            };
            self.go_on(now, *number, delay);
        }
        if !again.is_empty() {
            let note = Note::InvocationFailed { ranges: again, attempts: tried, retry_in, reason };
            actions.push(Action::Log(note));
        }
    }

    /// The batch never reached the function: it goes again as it was.
    fn refuse(
        &mut self,
        now: Duration,
        failure: Failure<'_>,
        refusals: u32,
        actions: &mut Vec<Action>,
    ) {
        self.counts.invoke_errors += 1;
        let Failure { parts, ranges, reason } = failure;
        let parts: Vec<_> = parts.to_vec();
        if parts.is_empty() {
            return;
        }
        let refusals = refusals.saturating_add(1);
        let retry_in = self.settings.policy.back_off.delay(refusals);
        let ranges = owned_ranges(&parts, ranges);
        actions.push(Action::Log(Note::NotInvoked { ranges, retry_in, reason }));
        for (number, _) in &parts {
            if self.owned[number].leaving {
                self.commit(*number, false);
            }
        }
        self.wait(Planned { parts, refusals }, now + retry_in);
    }

    /// The function named what failed of a partition: that goes again, the rest is done.
    fn keep(
        &mut self,
        now: Duration,
        number: i32,
        failed: &BTreeSet<i64>,
        actions: &mut Vec<Action>,
    ) {
        let policy = self.settings.policy;
        let first = failed.first().copied().unwrap_or_default();
        let from_lowest = policy.partial == Some(PartialReading::FromLowest);
        let partition = self.owned.get_mut(&number).expect("its invocation landed");
        let attempts = partition.pieces.keep(&policy, |offset| {
            if from_lowest { offset >= first } else { failed.contains(&offset) }
        });
        let head = partition.pieces.head().expect("what failed is kept");
        let range = SliceRange::of(number, &head.records);
        let records = head.records.len();
        actions.push(Action::Log(Note::PartlyFailed { range, records, attempts }));
        self.go_on(now, number, policy.back_off.delay(attempts));
    }

    /// The first piece of a partition goes again after `delay`, or is given up at once.
    fn go_on(&mut self, now: Duration, number: i32, delay: Duration) {
        let now_ms = self.now_ms(now);
        let partition = self.owned.get_mut(&number).expect("who goes on is owned");
        let doomed = partition.pieces.head().is_some_and(|head| head.doomed.is_some());
        let delay = if doomed { Duration::ZERO } else { delay };
        let delay_ms = i64::try_from(delay.as_millis()).unwrap_or(i64::MAX);
        partition.pieces.due_ms = now_ms.saturating_add(delay_ms);
        let planned = Planned { parts: vec![(number, partition.epoch())], refusals: 0 };
        self.commit(number, false);
        self.wait(planned, now + delay);
    }

    fn wait(&mut self, mut planned: Planned, due: Duration) {
        planned.parts.retain(|(number, _)| !self.owned[number].leaving);
        if !planned.parts.is_empty() {
            self.waiting.push(Waiting { planned, due });
        }
    }

    /// The first piece of a partition is done.
    pub(super) fn finish(&mut self, now: Duration, number: i32) {
        let partition = self.owned.get_mut(&number).expect("what is done is owned");
        partition.pieces.pop();
        if partition.pieces.is_empty() {
            self.commit(number, false);
        } else {
            self.go_on(now, number, Duration::ZERO);
        }
    }

    /// The first piece of a partition, which is doomed, goes to the destination, or is dropped.
    pub(super) fn give_up(&mut self, now: Duration, number: i32, actions: &mut Vec<Action>) {
        let partition = self.owned.get_mut(&number).expect("what is given up is owned");
        let head = partition.pieces.head().expect("what is given up is there");
        let condition = head.doomed.expect("it is doomed");
        if self.settings.policy.destination {
            let id = DeliveryId(self.next_delivery);
            self.next_delivery += 1;
            let delivery = Arc::new(Delivery {
                id,
                partition: number,
                epoch: partition.epoch(),
                records: Arc::clone(&head.records),
                condition,
                attempts: head.attempts,
                function_error: head.function_error,
            });
            partition.in_flight = true;
            self.in_flight.insert(number);
            self.deliveries.insert(id, Arc::clone(&delivery));
            actions.push(Action::Deliver(delivery));
            return;
        }
        let (range, records) = (SliceRange::of(number, &head.records), head.records.len());
        self.counts.dropped += u64::try_from(records).unwrap_or(0);
        actions.push(Action::Log(Note::Dropped { range, records, condition }));
        self.finish(now, number);
    }

    /// Takes in how a delivery ended. What the destination does not take is dropped.
    pub(super) fn delivered(
        &mut self,
        now: Duration,
        id: DeliveryId,
        result: Result<(), String>,
        actions: &mut Vec<Action>,
    ) {
        let Some(delivery) = self.deliveries.remove(&id) else { return };
        let Delivery { partition: number, epoch, condition, .. } = *delivery;
        let range = SliceRange::of(number, &delivery.records);
        let records = delivery.records.len();
        let count = u64::try_from(records).unwrap_or(0);
        actions.push(Action::Log(match result {
            Ok(()) => {
                self.counts.delivered += count;
                Note::Delivered { range, records, condition }
            }
            Err(reason) => {
                self.counts.delivery_errors += 1;
                self.counts.dropped += count;
                Note::NotDelivered { range, records, reason }
            }
        }));
        self.in_flight.remove(&number);
        if self.lands(number, epoch) {
            self.finish(now, number);
        }
    }
}

/// The ranges of the parts that are still owned.
fn owned_ranges(parts: &[(i32, u64)], ranges: Vec<SliceRange>) -> Vec<SliceRange> {
    let owned = |range: &SliceRange| parts.iter().any(|(number, _)| *number == range.partition);
    ranges.into_iter().filter(owned).collect()
}
