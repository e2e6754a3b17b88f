//! Attempts: counted before the work, on exactly one record once something went wrong.

use std::{
    convert::Infallible,
    future::{pending, ready},
    ops::RangeInclusive,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use progress::{
    ApplyError, Attempt, BlockName, BlockPart, Chunk, Entry, Fence, Judged, Ledger, Limits,
    PartitionKey, Policy, Process, Report, Status,
    store::{Begun, Commit, CommitError, Page, Store, StoreError, memory::MemoryStore},
};

use tokio::{sync::Semaphore, time::Instant};

use crate::support::{
    Clock, Judge, POLICY, apply, consumer, entries, later, ledger, no_waits, partition, status,
    stream,
};

/// A judge whose environment dies (its future is dropped) when it meets one record.
struct Deadly {
    judge: Judge,
    at: i64,
}

impl Process<String> for Deadly {
    type Failure = Infallible;

    async fn process(&self, indexes: &[usize]) -> Result<Judged<'_, String>, Infallible> {
        if indexes.iter().any(|index| self.judge.entries[*index].offset == self.at) {
            pending::<()>().await;
        }
        self.judge.process(indexes).await
    }

    async fn give_up(&self, index: usize, reason: &str) -> Result<Vec<String>, Infallible> {
        self.judge.give_up(index, reason).await
    }

    fn committed(&self, is_own: bool) {
        self.judge.committed(is_own);
    }
}

/// One delivery; `None` when it died.
async fn deliver(
    ledger: &Ledger<MemoryStore>,
    slice: &[Entry],
    deadly: &Deadly,
) -> Option<Report<Infallible>> {
    let partition = partition();
    tokio::select! {
        biased;
        report = ledger.apply(&partition, slice, deadly, later()) => Some(report),
        () = ready(()) => None,
    }
}

fn deadly(slice: &[Entry], at: i64) -> Deadly {
    Deadly { judge: Judge::of(slice), at }
}

async fn attempts(ledger: &Ledger<MemoryStore>) -> u32 {
    ledger.fence(&consumer(), &stream(), 0).await.unwrap().unwrap().attempts
}

#[tokio::test]
async fn a_deadly_record_is_given_up_and_its_neighbours_are_applied() {
    let (ledger, _) = ledger();
    let slice = entries(0..6);
    let deadly = deadly(&slice, 3);
    // The whole slice once, then record by record up to the deadly one, three times in all.
    for _ in 0..4 {
        assert!(deliver(&ledger, &slice, &deadly).await.is_none());
    }
    let report = ledger.apply(&partition(), &slice, &deadly, later()).await;
    assert_eq!((report.counts.applied, report.counts.failed, report.counts.already), (2, 1, 3));
    let given_up = deadly.judge.given_up.lock().unwrap().clone();
    assert_eq!(given_up, [(3, "gave up after 3 attempts".to_owned())]);
    assert!(
        matches!(status(&ledger, 3).await, Status::Failed { reason, .. } if reason.contains("3 attempts"))
    );
    let effects = ledger.store().effects();
    assert_eq!((effects.len(), effects["given up 3"]), (6, 1), "leaving has effects, too");
    let committed = deadly.judge.committed.load(Ordering::Relaxed);
    assert_eq!(committed, 6, "of each record, of the one that was given up, too");
    assert_eq!(attempts(&ledger).await, 0);
}

#[tokio::test]
async fn records_go_one_by_one_after_an_attempt_that_did_not_come_back() {
    let (ledger, _) = ledger();
    let slice = entries(0..3);
    assert!(deliver(&ledger, &slice, &deadly(&slice, 2)).await.is_none());
    let judge = Judge::of(&slice);
    ledger.apply(&partition(), &slice, &judge, later()).await;
    assert_eq!(judge.units(), [[0], [1], [2]]);
    let judge = Judge::of(&entries(3..6));
    ledger.apply(&partition(), &entries(3..6), &judge, later()).await;
    assert_eq!(judge.units(), [[3, 4, 5]]);
}

#[tokio::test]
async fn the_first_record_of_a_slice_is_not_blamed_for_the_slice() {
    let (ledger, _) = ledger();
    let slice = entries(0..3);
    let deadly = deadly(&slice, 2);
    for _ in 0..4 {
        assert!(deliver(&ledger, &slice, &deadly).await.is_none());
    }
    ledger.apply(&partition(), &slice, &deadly, later()).await;
    let given_up = deadly.judge.given_up.lock().unwrap().clone();
    assert_eq!(given_up.iter().map(|(offset, _)| *offset).collect::<Vec<_>>(), [2]);
}

#[tokio::test]
async fn a_deadly_late_record_is_given_up_without_harm_to_what_is_on_time() {
    let (ledger, _) = ledger();
    apply(&ledger, [0, 9]).await;
    let slice = entries([4, 5, 10, 11]);
    let deadly = deadly(&slice, 4);
    for _ in 0..3 {
        assert!(deliver(&ledger, &slice, &deadly).await.is_none());
        assert_eq!(attempts(&ledger).await, 0);
    }
    let report = ledger.apply(&partition(), &slice, &deadly, later()).await;
    assert_eq!((report.counts.applied, report.counts.failed), (3, 1));
    assert!(matches!(status(&ledger, 4).await, Status::Failed { .. }));
    let fence = ledger.fence(&consumer(), &stream(), 0).await.unwrap().unwrap();
    assert_eq!((fence.next, fence.attempts, fence.late_attempts.len()), (12, 0, 0));
}

/// A judge whose dead letter topic does not answer for records from one offset on.
struct Unreachable {
    judge: Judge,
    from: i64,
}

#[derive(Debug, thiserror::Error)]
#[error("the dead letter topic does not answer")]
struct Down;

impl Process<String> for Unreachable {
    type Failure = Down;

    async fn process(&self, indexes: &[usize]) -> Result<Judged<'_, String>, Down> {
        if indexes.iter().any(|index| self.judge.entries[*index].offset >= self.from) {
            return Err(Down);
        }
        let Ok(judged) = self.judge.process(indexes).await;
        Ok(judged)
    }

    async fn give_up(&self, _: usize, _: &str) -> Result<Vec<String>, Down> {
        Err(Down)
    }
}

#[tokio::test]
async fn an_attempt_that_ends_without_blame_is_taken_back() {
    let (ledger, _) = ledger();
    let slice = entries(0..3);
    let unreachable = Unreachable { judge: Judge::of(&slice), from: 0 };
    for _ in 0..10 {
        let report = ledger.apply(&partition(), &slice, &unreachable, later()).await;
        assert!(report.stop.is_some_and(|stop| stop.offset == 0));
        assert_eq!(attempts(&ledger).await, 0);
    }
}

#[tokio::test]
async fn an_attempt_at_a_later_transaction_is_taken_back_too() {
    let policy = Policy { records_max: 1, ..POLICY };
    let ledger = Ledger::new(MemoryStore::default(), policy, Clock::new().edge());
    let slice = entries(0..3);
    let unreachable = Unreachable { judge: Judge::of(&slice), from: 1 };
    let report = ledger.apply(&partition(), &slice, &unreachable, later()).await;
    assert!(report.stop.is_some_and(|stop| stop.offset == 1));
    assert_eq!(attempts(&ledger).await, 0);
}

#[tokio::test]
async fn a_slice_stops_at_its_first_record_that_is_not_done() {
    let (ledger, _) = ledger();
    apply(&ledger, 0..3).await;
    let slice = entries(0..5);
    let unreachable = Unreachable { judge: Judge::of(&slice), from: 0 };
    let report = ledger.apply(&partition(), &slice, &unreachable, later()).await;
    assert!(report.stop.is_some_and(|stop| stop.offset == 3));
    assert_eq!(report.counts.already, 3);
}

/// A judge who waits for a permit.
struct Gated {
    judge: Judge,
    gate: Semaphore,
}

impl Process<String> for Gated {
    type Failure = Infallible;

    async fn process(&self, indexes: &[usize]) -> Result<Judged<'_, String>, Infallible> {
        let _permit = self.gate.acquire().await.unwrap();
        self.judge.process(indexes).await
    }

    async fn give_up(&self, index: usize, reason: &str) -> Result<Vec<String>, Infallible> {
        self.judge.give_up(index, reason).await
    }
}

#[tokio::test]
async fn a_record_is_not_given_up_for_attempts_that_are_still_under_way() {
    let policy = Policy { give_up_wait: Duration::from_millis(50), ..POLICY };
    let ledger = Ledger::new(MemoryStore::default(), policy, Clock::new().edge());
    let slice = entries(0..1);
    let gated = Gated { judge: Judge::of(&slice), gate: Semaphore::new(0) };
    let (at, limits) = (partition(), later());
    let consumer = || ledger.apply(&at, &slice, &gated, limits);
    let open = async { gated.gate.add_permits(1) };
    let (.., fifth, ()) = tokio::join!(
        biased;
        consumer(), consumer(), consumer(), consumer(), consumer(), open
    );
    assert_eq!((fifth.counts.already, fifth.stop.is_none()), (1, true));
    assert!(gated.judge.given_up.lock().unwrap().is_empty());
    assert!(matches!(status(&ledger, 0).await, Status::Processed { .. }));
}

/// A judge who takes until no transaction may begin any more.
struct Slow {
    judge: Judge,
    until: Instant,
}

impl Process<String> for Slow {
    type Failure = Infallible;

    async fn process(&self, indexes: &[usize]) -> Result<Judged<'_, String>, Infallible> {
        tokio::time::sleep_until(self.until).await;
        self.judge.process(indexes).await
    }

    async fn give_up(&self, index: usize, reason: &str) -> Result<Vec<String>, Infallible> {
        self.judge.give_up(index, reason).await
    }
}

#[tokio::test]
async fn a_slice_whose_time_is_over_stops_between_transactions() {
    let policy = Policy { records_max: 1, ..POLICY };
    let ledger = Ledger::new(MemoryStore::default(), policy, Clock::new().edge());
    let slice = entries(0..3);
    let last_start = Instant::now() + Duration::from_millis(300);
    let slow = Slow { judge: Judge::of(&slice), until: last_start };
    let limits = Limits { last_start, ..later() };
    let report = ledger.apply(&partition(), &slice, &slow, limits).await;
    let stop = report.stop.unwrap();
    assert!(matches!(stop.error, ApplyError::OutOfTime) && stop.offset == 1, "{stop:?}");
    assert_eq!(attempts(&ledger).await, 0);
}

#[tokio::test]
async fn records_that_were_being_judged_when_time_ran_out_may_be_to_blame() {
    let (ledger, _) = ledger();
    let slice = entries(0..3);
    let report = ledger.apply(&partition(), &slice, &deadly(&slice, 1), no_waits()).await;
    assert!(matches!(report.stop.unwrap().error, ApplyError::OutOfTime));
    assert_eq!(attempts(&ledger).await, 1);
}

#[tokio::test]
async fn an_attempt_at_a_table_that_falls_silent_is_taken_back() {
    let (table, commits) = (MemoryStore::default(), AtomicU32::new(0));
    let policy = Policy { records_max: 1, ..POLICY };
    let ledger = Ledger::new(Silent { table, commits }, policy, Clock::new().edge());
    let slice = entries(0..3);
    for done in 1..=5 {
        let report = ledger.apply(&partition(), &slice, &Judge::of(&slice), no_waits()).await;
        let stop = report.stop.unwrap();
        assert!(matches!(stop.error, ApplyError::OutOfTime) && stop.offset == 1, "{done}");
        let fence = ledger.fence(&consumer(), &stream(), 0).await.unwrap().unwrap();
        assert_eq!((fence.next, fence.attempts), (1, 0), "{done}");
    }
}

/// A table that takes one transaction and then answers no further one.
struct Silent {
    table: MemoryStore,
    commits: AtomicU32,
}

impl Store for Silent {
    type Effect = String;

    async fn begin(&self, at: &PartitionKey, last: i64, now: i64) -> Result<Begun, StoreError> {
        self.table.begin(at, last, now).await
    }

    async fn begin_late(
        &self,
        at: &PartitionKey,
        offset: i64,
        begun: bool,
    ) -> Result<Fence, StoreError> {
        self.table.begin_late(at, offset, begun).await
    }

    async fn release(
        &self,
        at: &PartitionKey,
        attempt: Attempt,
        next: i64,
    ) -> Result<(), StoreError> {
        self.table.release(at, attempt, next).await
    }

    async fn fence(&self, at: &PartitionKey) -> Result<Option<Fence>, StoreError> {
        self.table.fence(at).await
    }

    async fn chunks(
        &self,
        at: &PartitionKey,
        first: RangeInclusive<i64>,
        page: Page,
    ) -> Result<Vec<Chunk>, StoreError> {
        self.table.chunks(at, first, page).await
    }

    async fn put_blocks(&self, parts: Vec<BlockPart>, expires_at: i64) -> Result<(), StoreError> {
        self.table.put_blocks(parts, expires_at).await
    }

    async fn block(&self, name: &BlockName) -> Result<Option<Vec<u8>>, StoreError> {
        self.table.block(name).await
    }

    async fn commit(&self, at: &PartitionKey, commit: Commit<String>) -> Result<(), CommitError> {
        if self.commits.fetch_add(1, Ordering::SeqCst) > 0 {
            pending::<()>().await;
        }
        self.table.commit(at, commit).await
    }
}
