//! The rules together: seeded worlds of records, failures, throttles, lost commits and rebalances
//! in virtual time, with the promises checked after every step.

use std::collections::BTreeMap;

use bytes::Bytes;
use fastrand::Rng;

use super::*;
use crate::config::EventSource;

const SEEDS: u64 = 400;

/// Steps after which nothing fails any more, and by which everything must then be done.
const TROUBLED_STEPS: usize = 300;
const STEPS_MAX: usize = 20_000;

/// A record's JSON text in this world, which is only its size.
const TOO_LARGE_BYTES: usize = 2_000;
const PAYLOAD_BYTES_MAX: usize = 1_500;

/// One partition as Kafka and the function see it.
#[derive(Debug, Default)]
struct Truth {
    /// Sizes of the records, by offset.
    log: Vec<usize>,
    committed: i64,
    /// Offsets the function has processed, or that no event can hold.
    done: Vec<bool>,
    /// Owned by the mapping: the next offset to feed.
    fed: Option<i64>,
    paused: bool,
    /// What was invoked last in this assignment, to tell a retry from a step on.
    last: Option<(i64, i64, bool)>,
}

struct World {
    seed: u64,
    rng: Rng,
    now: Duration,
    mapping: Mapping,
    writer: Arc<EventWriter>,
    batch_size: usize,
    truths: BTreeMap<i32, Truth>,
    under_way: Vec<Arc<Batch>>,
    commit: Option<Offsets>,
    /// The partition whose every invocation fails while there is trouble.
    poisoned: Option<i32>,
    troubled: bool,
    released: bool,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let settings = Settings {
            batch_size: rng.usize(1..20),
            window: Duration::from_millis(rng.u64(0..3) * 250),
            payload_bytes_max: PAYLOAD_BYTES_MAX,
            back_off: BackOff { first: Duration::from_secs(1), longest: Duration::from_mins(1) },
            buffer: BufferLimits {
                bytes_max: rng.usize(1_000..50_000),
                partition_bytes_min: 500,
                partition_records_max: rng.usize(20..60),
            },
        };
        let writer = Arc::new(EventWriter::new(&EventSource::SelfManaged, "localhost:9092", "t"));
        let partitions = rng.i32(1..6);
        let mut truths = BTreeMap::new();
        for partition in 0..partitions {
            let log: Vec<usize> = (0..rng.usize(0..150))
                .map(|_| if rng.u8(..) < 8 { TOO_LARGE_BYTES } else { rng.usize(50..400) })
                .collect();
            let done = log.iter().map(|bytes| *bytes == TOO_LARGE_BYTES).collect();
            truths.insert(partition, Truth { log, done, ..Truth::default() });
        }
        let poisoned = rng.bool().then(|| rng.i32(0..partitions));
        let mapping = Mapping::new(settings, Arc::clone(&writer), Membership::Joined);
        Self {
            seed,
            rng,
            now: Duration::ZERO,
            mapping,
            writer,
            batch_size: settings.batch_size,
            truths,
            under_way: Vec::new(),
            commit: None,
            poisoned,
            troubled: true,
            released: false,
        }
    }

    #[track_caller]
    fn check(&self, holds: bool, promise: &str) {
        assert!(holds, "seed {}: at {:?}: {promise}", self.seed, self.now);
    }

    fn handle(&mut self, input: Input) {
        for action in self.mapping.handle(self.now, input) {
            match action {
                Action::Invoke(batch) => self.invoke(batch),
                Action::Commit(offsets) => self.begin_commit(offsets),
                Action::PausePartition(partition) => self.truth(partition).paused = true,
                Action::ResumePartition(partition) => self.truth(partition).paused = false,
                Action::Released => self.released = true,
                Action::Log(_) => {}
                Action::Join | Action::Leave => self.check(false, "nobody paused the mapping"),
            }
        }
        let wakeup = self.mapping.next_wakeup();
        self.check(wakeup.is_none_or(|at| at > self.now), "a wake-up lies in the future");
    }

    fn truth(&mut self, partition: i32) -> &mut Truth {
        self.truths.get_mut(&partition).expect("the mapping knows only our partitions")
    }

    fn invoke(&mut self, batch: Arc<Batch>) {
        let slices = batch.slices.iter().map(|slice| (slice.partition, slice.records.as_slice()));
        let bytes = self.writer.write(slices).len();
        self.check(bytes <= PAYLOAD_BYTES_MAX, "an event fits");
        let records: usize = batch.slices.iter().map(|slice| slice.records.len()).sum();
        self.check((1..=self.batch_size).contains(&records), "a batch has its size");
        for slice in &batch.slices {
            let elsewhere = self.under_way.iter().flat_map(|batch| &batch.slices);
            let mut elsewhere = elsewhere.filter(|other| other.partition == slice.partition);
            self.check(elsewhere.next().is_none(), "a partition has one batch under way");
            self.check_order(slice);
        }
        self.under_way.push(batch);
    }

    /// A slice is the last one again after a failure, or what follows it after a success.
    fn check_order(&mut self, slice: &Slice) {
        let offsets: Vec<i64> = slice.records.iter().map(|record| record.offset).collect();
        let (first, last) = (offsets[0], *offsets.last().expect("not empty"));
        let truth = &self.truths[&slice.partition];
        let log = &truth.log;
        let expected: Vec<i64> = (first..=last).filter(|o| !is_too_large(log, *o)).collect();
        self.check(offsets == expected, "a slice has no holes");
        match truth.last {
            Some((before, end, false)) => {
                self.check(
                    (before, end) == (first, last),
                    "a failed slice is tried again as it was",
                );
            }
            Some((_, end, true)) => {
                let between = (end + 1..first).all(|offset| is_too_large(log, offset));
                self.check(first > end && between, "a slice follows the one before");
            }
            None => {
                let between = (truth.committed..first).all(|offset| is_too_large(log, offset));
                self.check(first >= truth.committed && between, "records start where committed");
            }
        }
        self.truth(slice.partition).last = Some((first, last, false));
    }

    fn begin_commit(&mut self, offsets: Offsets) {
        self.check(self.commit.is_none(), "one commit is under way");
        for (partition, next) in &offsets {
            let truth = &self.truths[partition];
            self.check(truth.fed.is_some(), "only owned partitions are committed");
            self.check(*next > truth.committed, "a commit moves on");
            let ahead = usize::try_from(*next).expect("not negative");
            self.check(truth.done[..ahead].iter().all(|done| *done), "no commit ahead of success");
        }
        self.commit = Some(offsets);
    }

    fn step(&mut self) {
        match self.rng.u8(0..10) {
            0..=3 => self.feed(),
            4..=6 => self.end_invocation(),
            7 => self.end_commit(),
            8 if self.troubled && self.rng.u8(0..10) == 0 => self.rebalance(),
            _ => self.pass_time(),
        }
    }

    fn feed(&mut self) {
        let partition = self.rng.i32(0..i32::try_from(self.truths.len()).expect("a few"));
        // What was fetched before a pause arrives all the same, now and then.
        let late = self.rng.u8(0..10) == 0;
        let run = self.rng.i64(1..30);
        let truth = self.truth(partition);
        let Some(from) = truth.fed.filter(|_| late || !truth.paused) else { return };
        let to = (from + run).min(i64::try_from(truth.log.len()).expect("small"));
        truth.fed = Some(to);
        let sizes = truth.log[usize::try_from(from).expect("not negative")..].to_vec();
        let records: Vec<Record> = (from..to)
            .zip(sizes)
            .map(|(offset, bytes)| Record { offset, json: Bytes::from(vec![b'0'; bytes]) })
            .collect();
        if !records.is_empty() {
            self.handle(Input::Records { partition, records });
        }
    }

    fn end_invocation(&mut self) {
        if self.under_way.is_empty() {
            return;
        }
        let batch = self.under_way.swap_remove(self.rng.usize(0..self.under_way.len()));
        let poisoned = batch.slices.iter().any(|slice| Some(slice.partition) == self.poisoned);
        let ending = match self.rng.u8(0..10) {
            _ if self.troubled && poisoned => Ending::Failed("poisoned".to_owned()),
            0 if self.troubled => Ending::Failed("crashed".to_owned()),
            1 if self.troubled => Ending::Throttled,
            2 if self.troubled => Ending::NotInvoked("away".to_owned()),
            _ => Ending::Succeeded,
        };
        if ending == Ending::Succeeded {
            for slice in &batch.slices {
                let truth = self.truth(slice.partition);
                for record in &slice.records {
                    truth.done[usize::try_from(record.offset).expect("not negative")] = true;
                }
                if let Some((_, last, succeeded)) = &mut truth.last
                    && *last == slice.last()
                {
                    *succeeded = true;
                }
            }
        }
        self.handle(Input::InvocationEnded { batch: batch.id, ending });
    }

    fn end_commit(&mut self) {
        let Some(offsets) = self.commit.take() else { return };
        if self.troubled && self.rng.u8(0..5) == 0 {
            return self.handle(Input::CommitEnded(Err("away".to_owned())));
        }
        for (partition, next) in offsets {
            self.truth(partition).committed = next;
        }
        self.handle(Input::CommitEnded(Ok(())));
    }

    /// Everything is revoked, released, and assigned again from the committed offsets.
    fn rebalance(&mut self) {
        self.released = false;
        self.handle(Input::Revoked(self.truths.keys().copied().collect()));
        while !self.released {
            self.check(self.commit.is_some(), "only a commit delays a release");
            self.end_commit();
        }
        for truth in self.truths.values_mut() {
            truth.fed = None;
        }
        for _ in 0..self.rng.u8(0..6) {
            if self.rng.bool() { self.end_invocation() } else { self.pass_time() }
        }
        self.assign();
    }

    fn assign(&mut self) {
        let mut starts = Vec::new();
        for (partition, truth) in &mut self.truths {
            truth.fed = Some(truth.committed);
            truth.paused = false;
            truth.last = None;
            starts.push((*partition, truth.committed));
        }
        self.handle(Input::Assigned(starts));
    }

    fn pass_time(&mut self) {
        let until = self.mapping.next_wakeup().unwrap_or(self.now + Duration::from_secs(1));
        self.now = match self.rng.u8(0..3) {
            0 => self.now + until.saturating_sub(self.now) / 2,
            _ => until,
        };
        self.handle(Input::Tick);
    }

    fn is_done(&self, partition: i32) -> bool {
        let truth = &self.truths[&partition];
        usize::try_from(truth.committed).is_ok_and(|committed| committed == truth.log.len())
    }

    fn all_done(&self, but: Option<i32>) -> bool {
        self.truths.keys().all(|partition| Some(*partition) == but || self.is_done(*partition))
    }
}

fn is_too_large(log: &[usize], offset: i64) -> bool {
    usize::try_from(offset).is_ok_and(|offset| log[offset] == TOO_LARGE_BYTES)
}

#[test]
fn every_record_is_processed_in_order_whatever_fails_for_a_while() {
    for seed in 0..SEEDS {
        let mut world = World::new(seed);
        world.assign();
        for step in 0.. {
            world.check(step < STEPS_MAX, "finite failures end in progress");
            world.troubled = step < TROUBLED_STEPS;
            if !world.troubled && world.all_done(None) {
                break;
            }
            world.step();
        }
        let processed = world.truths.values().flat_map(|truth| &truth.done).all(|done| *done);
        world.check(processed, "every record is processed");
    }
}

#[test]
fn a_partition_that_always_fails_starves_no_other() {
    for seed in 0..SEEDS {
        let mut world = World::new(seed);
        world.poisoned = Some(0);
        world.assign();
        for step in 0.. {
            world.check(step < STEPS_MAX, "healthy partitions go on");
            if world.all_done(Some(0)) {
                break;
            }
            world.step();
        }
        let blocked = world.truths[&0].log.iter().any(|bytes| *bytes != TOO_LARGE_BYTES);
        world.check(!blocked || !world.is_done(0), "the poisoned partition waits");
    }
}
