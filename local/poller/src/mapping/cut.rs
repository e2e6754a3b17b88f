//! Cutting batches: which records go together, and when.
//!
//! A partition that can fill a batch goes by itself, so that partitions with a backlog run side by
//! side; what is left shares a batch when it fills one together, or when its window ends. Whoever has
//! waited longest goes first.

use std::sync::Arc;
use std::time::Duration;

use crate::mapping::partition::Partition;
use crate::mapping::retry::Tries;
use crate::mapping::{Action, Attempt, Batch, BatchId, Mapping, Slice};

impl Mapping {
    /// Invokes whatever is due: batches to try again first, then new ones.
    pub(super) fn invoke_due(&mut self, now: Duration, actions: &mut Vec<Action>) {
        while self.concurrency.allows(self.under_way.len()) {
            let due = self.waiting.iter().position(|waiting| waiting.due <= now);
            let (slices, tries) = if let Some(index) = due {
                let waiting = self.waiting.remove(index);
                (waiting.slices, waiting.tries)
            } else {
                let slices = self.cut(now);
                if slices.is_empty() {
                    return;
                }
                (slices, Tries::default())
            };
            actions.push(self.invoke(slices, tries));
        }
    }

    /// When the first open window ends.
    pub(super) fn window_end(&self) -> Option<Duration> {
        let opened = self.free().filter_map(|(_, partition)| partition.window_opened()).min();
        opened.map(|opened| opened + self.settings.window)
    }

    fn invoke(&mut self, mut slices: Vec<Slice>, tries: Tries) -> Action {
        slices.sort_by_key(|slice| slice.partition);
        let id = BatchId(self.next_batch);
        self.next_batch += 1;
        self.held.extend(slices.iter().map(|slice| slice.partition));
        let batch = Arc::new(Batch { id, slices });
        self.under_way.insert(id, Attempt { batch: Arc::clone(&batch), tries });
        Action::Invoke(batch)
    }

    /// The partitions that have records and no batch under way or waiting.
    fn free(&self) -> impl Iterator<Item = (i32, &Partition)> {
        self.owned
            .iter()
            .filter(|(number, partition)| !partition.is_empty() && !self.held.contains(number))
            .map(|(number, partition)| (*number, partition))
    }

    /// The slices of the next batch; none if nothing is due.
    fn cut(&mut self, now: Duration) -> Vec<Slice> {
        let mut longest_waiting: Vec<_> =
            self.free().map(|(number, partition)| (partition.window_opened(), number)).collect();
        longest_waiting.sort_unstable();
        let numbers: Vec<i32> = longest_waiting.into_iter().map(|(_, number)| number).collect();
        let (full, others): (Vec<i32>, Vec<i32>) =
            numbers.iter().partition(|number| self.is_full(**number));
        let window_is_over = self.window_end().is_some_and(|end| end <= now);
        // While few invocations are allowed, partitions that are always full would otherwise
        // keep the rest waiting for ever.
        let others_first = window_is_over && numbers.first() == others.first();
        match full.first() {
            Some(full) if !others_first => self.take(&[*full]),
            _ if window_is_over || self.fill_a_batch(&others) => self.take(&others),
            _ => Vec::new(),
        }
    }

    /// Whether a partition can fill a batch by itself, or will get no more records until it goes.
    fn is_full(&self, number: i32) -> bool {
        self.owned[&number].fetching_paused() || self.fill_a_batch(&[number])
    }

    fn fill_a_batch(&self, numbers: &[i32]) -> bool {
        let mut records = 0;
        let mut bytes = self.writer.envelope_bytes();
        for number in numbers {
            let partition = &self.owned[number];
            records += partition.len();
            bytes += self.writer.slice_bytes(*number) + partition.json_bytes();
        }
        records >= self.settings.batch_size || bytes >= self.settings.payload_bytes_max
    }

    /// Takes records from the partitions in the order given until the batch is full.
    fn take(&mut self, numbers: &[i32]) -> Vec<Slice> {
        let mut slices: Vec<Slice> = Vec::new();
        let mut room = self.settings.batch_size;
        let mut bytes = self.writer.envelope_bytes();
        for number in numbers {
            let partition = self.owned.get_mut(number).expect("only owned partitions are free");
            // A comma before the array, and one before each record but the first.
            bytes += self.writer.slice_bytes(*number) + usize::from(!slices.is_empty());
            let mut records = Vec::with_capacity(room.min(partition.len()));
            while room > 0 {
                let Some(next) = partition.next() else { break };
                let with_next = bytes + usize::from(!records.is_empty()) + next.json.len();
                if with_next > self.settings.payload_bytes_max {
                    room = 0;
                    break;
                }
                bytes = with_next;
                room -= 1;
                records.extend(partition.take());
            }
            if !records.is_empty() {
                slices.push(Slice { partition: *number, epoch: partition.epoch(), records });
            }
            if room == 0 {
                break;
            }
        }
        slices
    }
}
