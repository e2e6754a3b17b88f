//! Cutting batches: which records go together, and when.
//!
//! A partition that can fill a batch goes by itself, so that partitions with a backlog run side by
//! side; what is left shares a batch when it fills one together, or when its window ends. Whoever has
//! waited longest goes first.

use std::time::Duration;

use crate::mapping::batch::{Condition, Record};
use crate::mapping::partition::Partition;
use crate::mapping::pieces::Piece;
use crate::mapping::trying::Planned;
use crate::mapping::{Action, Mapping};

impl Mapping {
    /// Begins whatever is due: what is to be tried again first, then new batches, unless one of
    /// these has been due for longer. Failing partitions of which one is always due would otherwise
    /// keep the others waiting for ever, where few invocations are allowed.
    pub(super) fn begin_due(&mut self, now: Duration, actions: &mut Vec<Action>) {
        while self.may_begin(now) {
            if self.give_up_too_large(now, actions) {
                continue;
            }
            let overdue = self.window_end().filter(|end| *end <= now);
            let again_first =
                self.next_try().is_none_or(|due| overdue.is_none_or(|end| due <= end));
            let planned = if again_first {
                self.take_waiting(now).or_else(|| self.cut(now))
            } else {
                self.cut(now).or_else(|| self.take_waiting(now))
            };
            let Some(planned) = planned else { return };
            self.begin(now, planned, actions);
        }
    }

    /// Whether one more invocation is allowed.
    fn may_begin(&mut self, now: Duration) -> bool {
        self.begun_allowed() && self.throughput.allows(now)
    }

    /// Whether as many invocations are under way as are allowed, whatever they carry.
    pub(super) fn begun_allowed(&self) -> bool {
        let begun = self.under_way.len() + self.recording.len();
        let within = self.settings.limits.is_none_or(|limits| begun < limits.invocations_max);
        within && self.concurrency.allows(begun)
    }

    /// When the first open window ends.
    pub(super) fn window_end(&self) -> Option<Duration> {
        let opened = self.free().filter_map(|(_, partition)| partition.queue.window_opened()).min();
        opened.map(|opened| opened + self.settings.window)
    }

    /// The partitions that have queued records and nothing in flight or to be tried again.
    fn free(&self) -> impl Iterator<Item = (i32, &Partition)> {
        self.owned
            .iter()
            .filter(|(number, partition)| {
                !partition.queue.is_empty()
                    && partition.is_ready()
                    && !self.in_flight.contains(number)
            })
            .map(|(number, partition)| (*number, partition))
    }

    /// Gives up the next record of a partition where it fits no event; whether there was one.
    fn give_up_too_large(&mut self, now: Duration, actions: &mut Vec<Action>) -> bool {
        let too_large = |(number, partition): &(i32, &Partition)| {
            let bytes = partition.queue.front().map_or(0, |record| record.json.len());
            bytes > self.payload_room(*number)
        };
        let Some(number) = self.free().find(too_large).map(|(number, _)| number) else {
            return false;
        };
        let now_ms = self.now_ms(now);
        let partition = self.owned.get_mut(&number).expect("only owned partitions are free");
        let record = partition.queue.pop().expect("it has a first record");
        let doomed = Some(Condition::TooLarge);
        partition.pieces.begin(now_ms, Piece { doomed, ..Piece::new(vec![record], 0) });
        self.give_up(now, number, actions);
        true
    }

    /// The bytes that an event with records of one partition has for them.
    pub(super) fn payload_room(&self, number: i32) -> usize {
        let overhead = self.writer.envelope_bytes() + self.writer.slice_bytes(number);
        self.settings.payload_bytes_max.saturating_sub(overhead)
    }

    /// The next batch; none if nothing is due.
    fn cut(&mut self, now: Duration) -> Option<Planned> {
        let mut longest_waiting: Vec<_> = self
            .free()
            .map(|(number, partition)| (partition.queue.window_opened(), number))
            .collect();
        longest_waiting.sort_unstable();
        let numbers: Vec<i32> = longest_waiting.into_iter().map(|(_, number)| number).collect();
        let (full, others): (Vec<i32>, Vec<i32>) =
            numbers.iter().partition(|number| self.is_full(**number));
        let window_is_over = self.window_end().is_some_and(|end| end <= now);
        // While few invocations are allowed, partitions that are always full would otherwise
        // keep the rest waiting for ever.
        let others_first = window_is_over && numbers.first() == others.first();
        match full.first() {
            Some(full) if !others_first => Some(self.take(now, &[*full])),
            _ if window_is_over || self.fill_a_batch(&others) => Some(self.take(now, &others)),
            _ => None,
        }
    }

    /// Whether a partition can fill a batch by itself, or will get no more records until it goes.
    fn is_full(&self, number: i32) -> bool {
        self.owned[&number].queue.fetching_paused() || self.fill_a_batch(&[number])
    }

    fn fill_a_batch(&self, numbers: &[i32]) -> bool {
        let mut records = 0;
        let mut bytes = self.writer.envelope_bytes();
        for number in numbers {
            let queue = &self.owned[number].queue;
            records += queue.len();
            bytes += self.writer.slice_bytes(*number) + queue.json_bytes();
        }
        records >= self.settings.batch_size || bytes >= self.settings.payload_bytes_max
    }

    /// Takes records from the partitions in the order given until the batch is full.
    fn take(&mut self, now: Duration, numbers: &[i32]) -> Planned {
        let now_ms = self.now_ms(now);
        let mut planned = Planned::default();
        let mut room = self.settings.batch_size;
        let mut bytes = self.writer.envelope_bytes();
        for number in numbers {
            let partition = self.owned.get_mut(number).expect("only owned partitions are free");
            // A comma before the array, and one before each record but the first.
            bytes += self.writer.slice_bytes(*number) + usize::from(!planned.parts.is_empty());
            let mut records: Vec<Record> = Vec::with_capacity(room.min(partition.queue.len()));
            while room > 0 {
                let Some(next) = partition.queue.front() else { break };
                let with_next = bytes + usize::from(!records.is_empty()) + next.json.len();
                if with_next > self.settings.payload_bytes_max {
                    room = 0;
                    break;
                }
                bytes = with_next;
                room -= 1;
                records.extend(partition.queue.pop());
            }
            if !records.is_empty() {
                partition.pieces.begin(now_ms, Piece::new(records, 0));
                planned.parts.push((*number, partition.epoch()));
            }
            if room == 0 {
                break;
            }
        }
        planned
    }
}
