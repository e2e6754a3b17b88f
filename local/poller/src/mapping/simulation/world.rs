//! A Kafka, a function and a destination around one mapping after another, all from one seed.

mod promises;
mod upheaval;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use fastrand::Rng;

use super::function::{Function, Manner};
use crate::config::{EventSource, PartialReading};
use crate::event::EventWriter;
use crate::mapping::{
    Action, BackOff, Batch, BufferLimits, Condition, Delivery, Input, Limits, Mapping, Membership,
    Note, Policy, Position, Positions, Record, Run, Settings, SliceRange,
};

/// A record's JSON text in this world, which is only its size.
const TOO_LARGE_BYTES: usize = 2_000;
const PAYLOAD_BYTES_MAX: usize = 1_500;

/// Records are written at the world's beginning.
const STARTED_MS: i64 = 1_700_000_000_000;

/// One record as Kafka, the function and the destination see it.
#[derive(Debug, Default)]
struct Fact {
    bytes: usize,
    timestamp_ms: i64,
    filtered: bool,
    /// How often the function was asked to process it, refusals not counted.
    tried: u32,
    processed: bool,
    given_up: Option<Condition>,
}

/// One partition.
#[derive(Debug, Default)]
struct Truth {
    log: Vec<Fact>,
    committed: Position,
    /// Owned by the mapping: the next offset to feed.
    fed: Option<i64>,
    paused: bool,
}

#[expect(clippy::struct_excessive_bools, reason = "what is true of the world, each by itself")]
pub(super) struct World {
    seed: u64,
    rng: Rng,
    now: Duration,
    settings: Settings,
    mapping: Mapping,
    writer: Arc<EventWriter>,
    truths: BTreeMap<i32, Truth>,
    function: Function,
    under_way: Vec<Arc<Batch>>,
    deliveries: Vec<Arc<Delivery>>,
    commit: Option<Positions>,
    /// Pollers that died, each with attempts that may be counted and not made.
    crashes: u32,
    commits_lost: u32,
    released: bool,
    /// Whether the mapping is told to stay out of its group.
    paused: bool,
    left: bool,
    pub(super) troubled: bool,
}

impl World {
    pub(super) fn new(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let manner = [Manner::Throws, Manner::NamesEach, Manner::NamesFirst][rng.usize(0..3)];
        let settings = settings(&mut rng, manner);
        let writer = Arc::new(EventWriter::new(&EventSource::SelfManaged, "localhost:9092", "t"));
        let mut truths = BTreeMap::new();
        let mut poisoned = BTreeSet::new();
        for partition in 0..rng.i32(1..6) {
            let log: Vec<Fact> = (0..rng.i64(0..150)).map(|_| fact(&mut rng)).collect();
            let count = i64::try_from(log.len()).expect("small");
            // Without a limit poison blocks its partition for good.
            if settings.policy.attempts_max.is_some() && count > 0 {
                poisoned.extend((0..rng.u8(0..5)).map(|_| (partition, rng.i64(0..count))));
            }
            truths.insert(partition, Truth { log, ..Truth::default() });
        }
        let mapping = Mapping::new(settings, Arc::clone(&writer), Membership::Joined);
        Self {
            seed,
            rng,
            now: Duration::ZERO,
            settings,
            mapping,
            writer,
            truths,
            function: Function { manner, poisoned, blocked: None },
            under_way: Vec::new(),
            deliveries: Vec::new(),
            commit: None,
            crashes: 0,
            commits_lost: 0,
            released: false,
            paused: false,
            left: false,
            troubled: true,
        }
    }

    #[track_caller]
    pub(super) fn check(&self, holds: bool, promise: &str) {
        assert!(holds, "seed {}: at {:?}: {promise}", self.seed, self.now);
    }

    /// Makes every invocation with records of a partition fail, without end.
    pub(super) fn block(&mut self, partition: i32) {
        self.function.blocked = Some(partition);
        self.settings.policy.attempts_max = None;
        self.mapping = Mapping::new(self.settings, Arc::clone(&self.writer), Membership::Joined);
        self.function.poisoned.clear();
    }

    fn handle(&mut self, input: Input) {
        for action in self.mapping.handle(self.now, input) {
            match action {
                Action::Invoke(batch) => self.invoke(batch),
                Action::Deliver(delivery) => self.deliveries.push(delivery),
                Action::Commit(positions) => self.begin_commit(positions),
                Action::PausePartition(partition) => self.truth(partition).paused = true,
                Action::ResumePartition(partition) => self.truth(partition).paused = false,
                Action::Released => self.released = true,
                Action::Log(Note::Dropped { range, condition, .. }) => {
                    self.dropped(range, condition);
                }
                Action::Log(_) => {}
                Action::Leave => {
                    self.check(self.paused, "who is not paused stays");
                    self.check(self.under_way.is_empty(), "what is under way ends before");
                    self.left = true;
                }
                Action::Join => self.check(!self.paused, "who is paused does not join"),
            }
        }
        let wakeup = self.mapping.next_wakeup();
        self.check(wakeup.is_none_or(|at| at > self.now), "a wake-up lies in the future");
    }

    fn truth(&mut self, partition: i32) -> &mut Truth {
        self.truths.get_mut(&partition).expect("the mapping knows only our partitions")
    }

    fn fact(&mut self, (partition, offset): (i32, i64)) -> &mut Fact {
        &mut self.truth(partition).log[usize::try_from(offset).expect("not negative")]
    }

    fn invoke(&mut self, batch: Arc<Batch>) {
        let slices = batch.slices.iter().map(|slice| (slice.partition, &*slice.records));
        let bytes = self.writer.write(slices).len();
        self.check(bytes <= PAYLOAD_BYTES_MAX, "an event fits");
        let size_max = self.settings.batch_size;
        self.check((1..=size_max).contains(&batch.records()), "a batch has its size");
        for slice in &batch.slices {
            let elsewhere = self.under_way.iter().flat_map(|batch| &batch.slices);
            let mut elsewhere = elsewhere.filter(|other| other.partition == slice.partition);
            self.check(elsewhere.next().is_none(), "a partition has one batch under way");
            let offsets = slice.records.iter().map(|record| record.offset);
            self.check(offsets.is_sorted_by(|a, b| a < b), "records are in order");
            self.check_turn(slice.partition, slice.records[0].offset);
            for record in slice.records.iter() {
                self.check_fresh(slice.partition, record);
            }
        }
        self.under_way.push(batch);
    }

    /// Whatever comes before a record's turn is processed, given up, or failed in this batch's own
    /// past: without a destination-bound or split predecessor, that is everything before it.
    fn check_turn(&self, partition: i32, first: i64) {
        let log = &self.truths[&partition].log;
        let before = usize::try_from(first).expect("not negative");
        let disposed = log[..before].iter().all(Fact::is_disposed);
        self.check(disposed, "a slice begins with the first record that is not done");
    }

    fn check_fresh(&self, partition: i32, record: &Record) {
        let fact = &self.truths[&partition].log[usize::try_from(record.offset).expect("small")];
        self.check(fact.bytes != TOO_LARGE_BYTES, "what is too large is not invoked");
        self.check(!fact.filtered, "what is filtered out is not invoked");
        if let Some(max) = self.settings.policy.attempts_max {
            let bisecting = self.settings.policy.bisect && !self.settings.policy.bisect_counts;
            // Each split is an attempt that does not count.
            let splits = if bisecting { self.settings.batch_size.ilog2() + 1 } else { 0 };
            self.check(fact.tried < max + splits, "no more attempts than configured");
        }
    }

    fn begin_commit(&mut self, positions: Positions) {
        self.check(self.commit.is_none(), "one commit is under way");
        for (partition, position) in &positions {
            let truth = &self.truths[partition];
            self.check(truth.fed.is_some(), "only owned partitions are committed");
            self.check(position.next >= truth.committed.next, "a commit moves on");
            let ahead = usize::try_from(position.next).expect("not negative");
            let disposed = truth.log[..ahead].iter().all(Fact::is_disposed);
            self.check(disposed, "no commit ahead of disposal");
            self.check(position.memory.len() <= 4_096, "Kafka takes the memory");
        }
        self.commit = Some(positions);
    }

    pub(super) fn step(&mut self) {
        match self.rng.u8(0..12) {
            0..=3 => self.feed(),
            4..=6 => self.end_invocation(),
            7 => self.end_delivery(),
            8 => self.end_commit(),
            9 if self.troubled && self.rng.u8(0..10) == 0 => self.rebalance(),
            10 if self.troubled && self.rng.u8(0..40) == 0 => self.crash(),
            11 if self.troubled && self.rng.u8(0..40) == 0 => self.pause(),
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
        let mut run = Run { next: to, ..Run::default() };
        for (offset, fact) in (0..to).zip(&truth.log).skip(usize::try_from(from).expect("small")) {
            if fact.filtered {
                run.filtered_out += 1;
                continue;
            }
            let json = Bytes::from(vec![b'0'; fact.bytes]);
            run.records.push(Record { offset, timestamp_ms: fact.timestamp_ms, json });
        }
        if from < to {
            self.handle(Input::Read { partition, run });
        }
    }

    fn end_invocation(&mut self) {
        if self.under_way.is_empty() {
            return;
        }
        let batch = self.under_way.swap_remove(self.rng.usize(0..self.under_way.len()));
        let outcome = self.function.run(&mut self.rng, self.troubled, &batch);
        if outcome.tried {
            for slice in &batch.slices {
                for record in slice.records.iter() {
                    self.fact((slice.partition, record.offset)).tried += 1;
                }
            }
        }
        for place in outcome.processed {
            self.fact(place).processed = true;
        }
        self.handle(Input::InvocationEnded { batch: batch.id, ending: outcome.ending });
    }

    fn end_delivery(&mut self) {
        if self.deliveries.is_empty() {
            return;
        }
        let delivery = self.deliveries.swap_remove(self.rng.usize(0..self.deliveries.len()));
        for record in delivery.records.iter() {
            self.give_up((delivery.partition, record.offset), delivery.condition);
        }
        let result = if self.rng.u8(0..10) == 0 { Err("full".to_owned()) } else { Ok(()) };
        self.handle(Input::Delivered { delivery: delivery.id, result });
    }

    /// What is dropped is what was not done; of what is too old only that which is.
    fn dropped(&mut self, range: SliceRange, condition: Condition) {
        for offset in range.first..=range.last {
            let place = (range.partition, offset);
            let old = self.is_too_old(place);
            if !self.fact(place).is_disposed() && (condition != Condition::TooOld || old) {
                self.give_up(place, condition);
            }
        }
    }

    fn give_up(&mut self, place: (i32, i64), condition: Condition) {
        let old = self.is_too_old(place);
        self.check(condition != Condition::TooOld || old, "what is too old is old");
        let max = self.settings.policy.attempts_max;
        let limited = condition != Condition::RetriesExhausted || max.is_some();
        self.check(limited, "only what has a limit uses it up");
        self.fact(place).given_up = Some(condition);
    }

    fn is_too_old(&mut self, place: (i32, i64)) -> bool {
        let now_ms = STARTED_MS + i64::try_from(self.now.as_millis()).expect("small");
        let timestamp_ms = self.fact(place).timestamp_ms;
        self.settings.policy.too_old(timestamp_ms, now_ms)
    }

    fn end_commit(&mut self) {
        let Some(positions) = self.commit.take() else { return };
        if self.troubled && self.rng.u8(0..5) == 0 {
            self.commits_lost += 1;
            return self.handle(Input::CommitEnded(Err("away".to_owned())));
        }
        for (partition, position) in positions {
            self.truth(partition).committed = position;
        }
        self.handle(Input::CommitEnded(Ok(())));
    }

    fn pass_time(&mut self) {
        let until = self.mapping.next_wakeup().unwrap_or(self.now + Duration::from_secs(1));
        self.now = match self.rng.u8(0..3) {
            0 => self.now + until.saturating_sub(self.now) / 2,
            _ => until,
        };
        self.handle(Input::Tick);
    }
}

fn fact(rng: &mut Rng) -> Fact {
    let bytes = if rng.u8(..) < 8 { TOO_LARGE_BYTES } else { rng.usize(50..400) };
    let timestamp_ms = STARTED_MS - rng.i64(0..120_000);
    Fact { bytes, timestamp_ms, filtered: rng.u8(0..10) == 0, ..Fact::default() }
}

fn settings(rng: &mut Rng, manner: Manner) -> Settings {
    let reading = match manner {
        Manner::NamesFirst => PartialReading::FromLowest,
        Manner::NamesEach if rng.bool() => PartialReading::FromLowest,
        Manner::Throws | Manner::NamesEach => PartialReading::EachRecord,
    };
    Settings {
        batch_size: rng.usize(1..20),
        window: Duration::from_millis(rng.u64(0..3) * 250),
        payload_bytes_max: PAYLOAD_BYTES_MAX,
        policy: Policy {
            attempts_max: rng.bool().then(|| rng.u32(1..6)),
            age_max: (rng.u8(0..4) == 0).then(|| Duration::from_secs(rng.u64(60..600))),
            bisect: rng.bool(),
            bisect_counts: rng.bool(),
            partial: (manner != Manner::Throws).then_some(reading),
            destination: rng.u8(0..3) > 0,
            back_off: BackOff { first: Duration::from_secs(1), longest: Duration::from_mins(1) },
        },
        buffer: BufferLimits {
            bytes_max: rng.usize(1_000..50_000),
            partition_bytes_min: 500,
            partition_records_max: rng.usize(20..60),
        },
        limits: (rng.u8(0..3) == 0)
            .then(|| Limits { invocations_max: rng.usize(1..4), bytes_per_s: rng.u32(200..5_000) }),
        started_ms: STARTED_MS,
    }
}
