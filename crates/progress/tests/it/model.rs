//! The protocol under faults, from seeds: redelivery, other cuts, other orders, two consumers at
//! once, and a crash, a refusal or a lost answer at any call, beside a simple reference.

use std::{
    collections::{BTreeMap, BTreeSet},
    convert::Infallible,
    ops::RangeInclusive,
    sync::{Arc, Mutex},
};

use progress::{
    ApplyError, Attempt, BlockName, BlockPart, Chunk, Entry, Fence, Judged, Ledger, PartitionKey,
    Position, Process, Status,
    store::{Begun, Commit, CommitError, Page, Store, StoreError, memory::MemoryStore},
};

use crate::support::{
    Clock, Judge, POLICY, body, consumer, entries, later, partition, status, stream,
};

const SEEDS: u64 = 400;
const RECORDS: i64 = 60;

/// What happens to one call.
#[derive(PartialEq)]
enum Fault {
    None,
    /// It fails and nothing is done.
    Refused,
    /// It is done, but its answer is lost.
    Unanswered,
    /// The environment dies before the call is sent, or after.
    CrashBefore,
    CrashAfter,
}

type Dice = Arc<Mutex<fastrand::Rng>>;

/// A table whose calls fail and whose caller dies, by the dice.
struct Faulty {
    table: Arc<MemoryStore>,
    dice: Dice,
    /// In a thousand, for each kind of fault.
    rate: u32,
    crashed: Arc<Mutex<bool>>,
}

impl Faulty {
    async fn roll(&self) -> Fault {
        let (yields, fault) = {
            let mut dice = self.dice.lock().unwrap();
            (dice.u32(0..4), dice.u32(0..1_000))
        };
        for _ in 0..yields {
            tokio::task::yield_now().await;
        }
        let fault = match fault.checked_div(self.rate) {
            Some(0) => Fault::Refused,
            Some(1) => Fault::Unanswered,
            Some(2) => Fault::CrashBefore,
            Some(3) => Fault::CrashAfter,
            _ => Fault::None,
        };
        let mut crashed = self.crashed.lock().unwrap();
        let before = *crashed;
        *crashed |= matches!(fault, Fault::CrashBefore | Fault::CrashAfter);
        if before { Fault::CrashBefore } else { fault }
    }

    /// A call that may not happen, or happen without an answer.
    async fn call<T>(
        &self,
        call: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let lost = || StoreError::Call { action: "be lucky", source: "a fault".into() };
        match self.roll().await {
            Fault::None => call.await,
            Fault::Refused | Fault::CrashBefore => Err(lost()),
            Fault::Unanswered | Fault::CrashAfter => call.await.and(Err(lost())),
        }
    }

    /// The fence may only move up.
    async fn checked_commit(
        &self,
        partition: &PartitionKey,
        commit: Commit<String>,
    ) -> Result<(), CommitError> {
        let before = self.table.fence(partition).await.unwrap().unwrap_or_default();
        self.table.commit(partition, commit).await?;
        let after = self.table.fence(partition).await.unwrap().unwrap();
        assert!(after.next >= before.next && after.version == before.version + 1);
        assert!(after.horizon >= before.horizon);
        Ok(())
    }
}

impl Store for Faulty {
    type Effect = String;

    async fn begin(&self, at: &PartitionKey, last: i64, now: i64) -> Result<Begun, StoreError> {
        self.call(self.table.begin(at, last, now)).await
    }

    async fn begin_late(
        &self,
        at: &PartitionKey,
        offset: i64,
        begun: bool,
    ) -> Result<Fence, StoreError> {
        self.call(self.table.begin_late(at, offset, begun)).await
    }

    async fn release(
        &self,
        at: &PartitionKey,
        attempt: Attempt,
        next: i64,
    ) -> Result<(), StoreError> {
        self.call(self.table.release(at, attempt, next)).await
    }

    async fn fence(&self, at: &PartitionKey) -> Result<Option<Fence>, StoreError> {
        self.call(self.table.fence(at)).await
    }

    async fn chunks(
        &self,
        at: &PartitionKey,
        first: RangeInclusive<i64>,
        page: Page,
    ) -> Result<Vec<Chunk>, StoreError> {
        self.call(self.table.chunks(at, first, page)).await
    }

    async fn put_blocks(&self, parts: Vec<BlockPart>, expires_at: i64) -> Result<(), StoreError> {
        self.call(self.table.put_blocks(parts, expires_at)).await
    }

    async fn block(&self, name: &BlockName) -> Result<Option<Vec<u8>>, StoreError> {
        self.call(self.table.block(name)).await
    }

    async fn commit(&self, at: &PartitionKey, commit: Commit<String>) -> Result<(), CommitError> {
        let lost = || CommitError::Unknown("a fault".into());
        match self.roll().await {
            Fault::None => self.checked_commit(at, commit).await,
            Fault::Refused | Fault::CrashBefore => Err(lost()),
            Fault::Unanswered | Fault::CrashAfter => {
                self.checked_commit(at, commit).await.and(Err(lost()))
            }
        }
    }
}

/// A judge that some records kill.
struct Mortal {
    judge: Judge,
    deadly: BTreeSet<i64>,
    crashed: Arc<Mutex<bool>>,
    /// The offsets of the last judgement.
    judged: Mutex<Vec<i64>>,
    committed: Arc<Mutex<BTreeMap<i64, u32>>>,
}

impl Mortal {
    fn judges(&self, indexes: &[usize]) {
        let offsets = indexes.iter().map(|index| self.judge.entries[*index].offset);
        *self.judged.lock().unwrap() = offsets.collect();
    }
}

impl Process<String> for Mortal {
    type Failure = StoreError;

    async fn process(&self, indexes: &[usize]) -> Result<Judged<'_, String>, StoreError> {
        self.judges(indexes);
        if indexes.iter().any(|index| self.deadly.contains(&self.judge.entries[*index].offset)) {
            *self.crashed.lock().unwrap() = true;
            return Err(StoreError::Call { action: "live", source: "it died".into() });
        }
        Ok(ok(self.judge.process(indexes).await))
    }

    async fn give_up(&self, index: usize, reason: &str) -> Result<Vec<String>, StoreError> {
        self.judges(&[index]);
        Ok(ok(self.judge.give_up(index, reason).await))
    }

    fn committed(&self, is_own: bool) {
        if !is_own {
            return;
        }
        let mut committed = self.committed.lock().unwrap();
        for offset in self.judged.lock().unwrap().drain(..) {
            *committed.entry(offset).or_default() += 1;
        }
    }
}

fn ok<T>(result: Result<T, Infallible>) -> T {
    let Ok(value) = result;
    value
}

/// One partition and everything that will happen to it.
struct World {
    dice: Dice,
    table: Arc<MemoryStore>,
    clock: Clock,
    records: Vec<Entry>,
    failed: BTreeSet<i64>,
    skipped: BTreeSet<i64>,
    deadly: BTreeSet<i64>,
    /// How many invocations learned that they had committed a record.
    committed: Arc<Mutex<BTreeMap<i64, u32>>>,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut dice = fastrand::Rng::with_seed(seed);
        let mut offset = dice.i64(0..50);
        let mut offsets = Vec::new();
        for _ in 0..RECORDS {
            offsets.push(offset);
            offset += if dice.u32(0..4) == 0 { dice.i64(1..5) } else { 1 };
        }
        let mut some = |one_in: u32| -> BTreeSet<i64> {
            offsets.iter().copied().filter(|_| dice.u32(0..one_in) == 0).collect()
        };
        let (failed, skipped, deadly) = (some(10), some(10), some(30));
        Self {
            records: entries(offsets),
            failed,
            skipped,
            deadly,
            table: Arc::default(),
            committed: Arc::default(),
            clock: Clock::new(),
            dice: Arc::new(Mutex::new(dice)),
        }
    }

    /// One invocation with a slice of the records. True when it reached the end.
    async fn invoke(&self, slice: &[Entry], rate: u32) -> bool {
        let crashed = Arc::new(Mutex::new(false));
        let store = Faulty {
            table: Arc::clone(&self.table),
            dice: Arc::clone(&self.dice),
            rate,
            crashed: Arc::clone(&crashed),
        };
        let ledger = Ledger::new(store, POLICY, self.clock.edge());
        let judge = Judge {
            failed: self.failed.clone(),
            skipped: self.skipped.clone(),
            ..Judge::of(slice)
        };
        let (deadly, committed) = (self.deadly.clone(), Arc::clone(&self.committed));
        let process = Mortal { judge, deadly, crashed, judged: Mutex::default(), committed };
        let report = ledger.apply(&partition(), slice, &process, later()).await;
        match report.stop.map(|stop| stop.error) {
            None => true,
            Some(error @ (ApplyError::Plan(_) | ApplyError::TooManyEffects { .. })) => {
                panic!("{error}")
            }
            Some(_) => false,
        }
    }

    /// A slice that starts anywhere up to `reach` and ends anywhere.
    fn slice(&self, reach: usize) -> &[Entry] {
        let mut dice = self.dice.lock().unwrap();
        let start = dice.usize(0..=reach.min(self.records.len() - 1));
        let end = self.records.len().min(start + dice.usize(1..15));
        &self.records[start..end]
    }

    /// Deliveries in any order, cut and number, with faults; then all in order, without.
    async fn run(&self) {
        while !self.invoke(&self.records[..1], 0).await {}
        for round in 0..40 {
            let (one, other) = (self.slice(round * 2), self.slice(round * 2));
            tokio::join!(self.invoke(one, 15), self.invoke(other, 15));
        }
        while !self.invoke(&self.records, 0).await {}
    }

    async fn check(&self) {
        let table = Arc::clone(&self.table);
        let store =
            Faulty { table, dice: Arc::clone(&self.dice), rate: 0, crashed: Arc::default() };
        let ledger = Ledger::new(store, POLICY, self.clock.edge());
        let effects = self.table.effects();
        let archived = archived(&ledger).await;
        for record in &self.records {
            let offset = record.offset;
            let effect = effects.get(&offset.to_string()).copied().unwrap_or(0);
            let bodies = archived.get(&offset);
            match status(&ledger, offset).await {
                Status::Processed { .. } => {
                    assert_eq!((effect, bodies), (1, Some(&vec![body(offset)])), "{offset}");
                    assert!(!self.failed.contains(&offset) && !self.skipped.contains(&offset));
                    assert!(!self.deadly.contains(&offset));
                }
                Status::Failed { reason, .. } => {
                    assert_eq!((effect, bodies), (0, None), "{offset}");
                    assert!(
                        self.failed.contains(&offset) || reason.contains("gave up"),
                        "{reason}"
                    );
                    let left = effects.get(&format!("given up {offset}")).copied();
                    assert_eq!(left, reason.contains("gave up").then_some(1), "{offset}");
                }
                Status::Skipped { .. } => {
                    assert_eq!((effect, bodies), (0, None), "{offset}");
                    assert!(self.skipped.contains(&offset));
                }
                other => panic!("{offset} is {other:?}"),
            }
        }
        let committed = self.committed.lock().unwrap().clone();
        assert!(committed.values().all(|times| *times == 1), "two did it: {committed:?}");
        assert!(!committed.is_empty());
        let fence = ledger.fence(&consumer(), &stream(), 0).await.unwrap().unwrap();
        assert_eq!(fence.next, self.records.last().unwrap().offset + 1);
    }
}

/// Every archived body that a chunk names, by offset.
async fn archived(ledger: &Ledger<Faulty>) -> BTreeMap<i64, Vec<Vec<u8>>> {
    let mut bodies: BTreeMap<i64, Vec<Vec<u8>>> = BTreeMap::new();
    let mut history = ledger.history(&consumer(), &stream(), 0, Position::default()).await.unwrap();
    while let Some(page) = history.next_page().await.unwrap() {
        for chunk in &page {
            for record in ledger.bodies(chunk).await.unwrap() {
                bodies.entry(record.offset).or_default().push(record.body);
            }
        }
    }
    bodies
}

#[test]
fn every_record_is_applied_once_whatever_happens() {
    for seed in 0..SEEDS {
        let outcome = std::panic::catch_unwind(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
            runtime.unwrap().block_on(async {
                let world = World::new(seed);
                world.run().await;
                world.check().await;
            });
        });
        assert!(outcome.is_ok(), "seed {seed} fails, for the reason above");
    }
}
