//! A Kafka, a function and a destination around one mapping after another, all from one seed.

mod promises;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use fastrand::Rng;

use super::function::{Function, Manner};
use crate::config::{EventSource, PartialReading};
use crate::event::EventWriter;
use crate::mapping::{
    Action, BackOff, Batch, BufferLimits, Condition, Delivery, Input, Mapping, Membership, Policy,
    Position, Positions, Record, Run, Settings, Start,
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
            run.records.push(Record { offset, timestamp_ms: STARTED_MS, json });
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
            let place = (delivery.partition, record.offset);
            self.fact(place).given_up = Some(delivery.condition);
        }
        let result = if self.rng.u8(0..10) == 0 { Err("full".to_owned()) } else { Ok(()) };
        self.handle(Input::Delivered { delivery: delivery.id, result });
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

    /// Everything is revoked, released or lost, and assigned again from what was committed.
    fn rebalance(&mut self) {
        self.released = false;
        let all: Vec<i32> = self.truths.keys().copied().collect();
        self.handle(Input::Revoked(all.clone()));
        let commits_lost = self.commits_lost;
        let patience = self.rng.u8(0..60);
        for _ in 0..patience {
            match self.rng.u8(0..4) {
                _ if self.released => break,
                0 => self.end_commit(),
                1 => self.end_delivery(),
                2 => self.end_invocation(),
                _ => self.pass_time(),
            }
        }
        let released = self.released;
        if !released {
            self.handle(Input::Lost(all));
        }
        if !released || self.commits_lost > commits_lost {
            // As if it had died: what Kafka remembers may count an attempt that was not made.
            self.crashes += 1;
        }
        // A commit that is late is refused: the group has another generation.
        if self.commit.take().is_some() {
            self.handle(Input::CommitEnded(Err("rebalance in progress".to_owned())));
        }
        for truth in self.truths.values_mut() {
            truth.fed = None;
        }
        for _ in 0..self.rng.u8(0..6) {
            if self.rng.bool() { self.end_invocation() } else { self.pass_time() }
        }
        self.assign();
    }

    /// The poller dies; another one takes over. Invocations under way are made and heard of no more.
    fn crash(&mut self) {
        self.crashes += 1;
        self.mapping = Mapping::new(self.settings, Arc::clone(&self.writer), Membership::Joined);
        for batch in std::mem::take(&mut self.under_way) {
            let outcome = self.function.run(&mut self.rng, self.troubled, &batch);
            for place in outcome.processed {
                self.fact(place).processed = true;
            }
            for slice in batch.slices.iter().filter(|_| outcome.tried) {
                for record in slice.records.iter() {
                    self.fact((slice.partition, record.offset)).tried += 1;
                }
            }
        }
        for delivery in std::mem::take(&mut self.deliveries) {
            for record in delivery.records.iter().filter(|_| self.crashes.is_multiple_of(2)) {
                self.truths.get_mut(&delivery.partition).expect("ours").log
                    [usize::try_from(record.offset).expect("small")]
                .given_up = Some(delivery.condition);
            }
        }
        // The commit may have arrived.
        if let Some(positions) = self.commit.take().filter(|_| self.rng.bool()) {
            for (partition, position) in positions {
                self.truth(partition).committed = position;
            }
        }
        self.assign();
    }

    pub(super) fn assign(&mut self) {
        let mut starts = Vec::new();
        for (partition, truth) in &mut self.truths {
            truth.fed = Some(truth.committed.next);
            truth.paused = false;
            starts.push(Start { partition: *partition, position: truth.committed.clone() });
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
}

fn fact(rng: &mut Rng) -> Fact {
    let bytes = if rng.u8(..) < 8 { TOO_LARGE_BYTES } else { rng.usize(50..400) };
    Fact { bytes, filtered: rng.u8(0..10) == 0, ..Fact::default() }
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
            age_max: None,
            bisect: rng.bool(),
            bisect_counts: rng.bool(),
            partial: (manner != Manner::Throws).then_some(reading),
            destination: true,
            back_off: BackOff { first: Duration::from_secs(1), longest: Duration::from_mins(1) },
        },
        buffer: BufferLimits {
            bytes_max: rng.usize(1_000..50_000),
            partition_bytes_min: 500,
            partition_records_max: rng.usize(20..60),
        },
        started_ms: STARTED_MS,
    }
}
