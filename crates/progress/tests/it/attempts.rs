//! Attempts: counted before the work, on exactly one record once something went wrong.

use std::{convert::Infallible, future::ready};

use progress::{
    Entry, Judged, Ledger, Policy, Process, Report, Status, store::memory::MemoryStore,
};

use crate::support::{
    Clock, Judge, POLICY, apply, consumer, entries, later, ledger, partition, status, stream,
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
            std::future::pending::<()>().await;
        }
        self.judge.process(indexes).await
    }

    async fn give_up(&self, index: usize, reason: &str) -> Result<(), Infallible> {
        self.judge.give_up(index, reason).await
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
    let report = deliver(&ledger, &slice, &deadly).await.unwrap();
    assert_eq!((report.counts.applied, report.counts.failed, report.counts.already), (2, 1, 3));
    let given_up = deadly.judge.given_up.lock().unwrap().clone();
    assert_eq!(given_up, [(3, "gave up after 3 attempts".to_owned())]);
    assert!(
        matches!(status(&ledger, 3).await, Status::Failed { reason, .. } if reason.contains("3 attempts"))
    );
    assert_eq!(ledger.store().effects().len(), 5);
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
    while deliver(&ledger, &slice, &deadly).await.is_none() {}
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
    let report = deliver(&ledger, &slice, &deadly).await.unwrap();
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

    async fn give_up(&self, _: usize, _: &str) -> Result<(), Down> {
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
