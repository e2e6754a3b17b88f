//! What a holder of a receipt is told, and what a reader of the history sees.

use progress::{Position, Status};

use crate::support::{
    Judge, KEEP, START_MS, apply, consumer, entries, later, ledger, partition, status, stream,
};

#[tokio::test]
async fn a_status_says_what_became_of_the_record() {
    let (ledger, _) = ledger();
    assert_eq!(status(&ledger, 0).await, Status::Pending);
    let slice = entries(0..4);
    let judge = Judge { skipped: [1].into(), failed: [2].into(), ..Judge::of(&slice) };
    ledger.apply(&partition(), &slice, &judge, later()).await;
    let at_ms = START_MS;
    assert_eq!(status(&ledger, 0).await, Status::Processed { at_ms });
    assert_eq!(status(&ledger, 1).await, Status::Skipped { at_ms });
    assert_eq!(status(&ledger, 2).await, Status::Failed { reason: "wrong 2".into(), at_ms });
    assert_eq!(status(&ledger, 3).await, Status::Processed { at_ms });
    assert_eq!(status(&ledger, 4).await, Status::Pending);
}

#[tokio::test]
async fn late_chunks_do_not_hide_what_lies_below_them() {
    let (ledger, _) = ledger();
    apply(&ledger, [0, 100]).await;
    for offset in 1..40 {
        apply(&ledger, [offset]).await;
    }
    assert!(matches!(status(&ledger, 100).await, Status::Processed { .. }));
    assert!(matches!(status(&ledger, 20).await, Status::Processed { .. }));
    assert_eq!(status(&ledger, 50).await, Status::Pending);
}

#[tokio::test]
async fn what_is_no_longer_remembered_is_expired() {
    let (ledger, clock) = ledger();
    apply(&ledger, 5..8).await;
    assert_eq!(status(&ledger, 2).await, Status::Expired);
    clock.advance(KEEP);
    apply(&ledger, 8..10).await;
    ledger.store().expire((START_MS / 1_000) + 7 * 86_400);
    assert_eq!(status(&ledger, 6).await, Status::Expired);
    assert!(matches!(status(&ledger, 8).await, Status::Processed { .. }));
    assert_eq!(status(&ledger, 10).await, Status::Pending);
}

#[tokio::test]
async fn a_history_can_be_followed_without_missing_or_repeating_a_chunk() {
    let (ledger, _) = ledger();
    let mut position = Position::default();
    let mut seen = Vec::new();
    for step in [vec![0, 1, 9], vec![10], vec![], vec![4, 5], vec![11, 12]] {
        if !step.is_empty() {
            apply(&ledger, step.clone()).await;
        }
        let mut history = ledger.history(&consumer(), &stream(), 0, position).await.unwrap();
        let mut found = Vec::new();
        while let Some(page) = history.next_page().await.unwrap() {
            found.extend(page.iter().flat_map(|chunk| chunk.offsets.iter().collect::<Vec<_>>()));
        }
        position = history.end();
        assert_eq!(found, step);
        seen.extend(found);
    }
    assert_eq!(seen.len(), 8);
}

#[tokio::test]
async fn a_long_history_comes_in_pages() {
    let (ledger, _) = ledger();
    for offset in 0..50 {
        apply(&ledger, [offset]).await;
    }
    let mut history = ledger.history(&consumer(), &stream(), 0, Position::default()).await.unwrap();
    let mut pages = Vec::new();
    while let Some(page) = history.next_page().await.unwrap() {
        pages.push(page.len());
    }
    assert_eq!((pages.iter().sum::<usize>(), pages.len()), (50, 4));
}

#[tokio::test]
async fn generations_and_epochs_know_nothing_of_each_other() {
    let (ledger, _) = ledger();
    apply(&ledger, 0..3).await;
    let replay = progress::Consumer::of_generation("test", 2).partition(&stream(), 0);
    let slice = entries(0..3);
    let report = ledger.apply(&replay, &slice, &Judge::of(&slice), later()).await;
    assert_eq!(report.counts.applied, 3);
    let recreated = event::Stream { epoch: 2, ..stream() };
    let recreated = consumer().partition(&recreated, 0);
    let report = ledger.apply(&recreated, &slice, &Judge::of(&slice), later()).await;
    assert_eq!(report.counts.applied, 3);
}

#[tokio::test]
async fn what_is_committed_while_a_history_is_read_belongs_to_the_next() {
    let (ledger, _) = ledger();
    apply(&ledger, 0..3).await;
    let mut history = ledger.history(&consumer(), &stream(), 0, Position::default()).await.unwrap();
    apply(&ledger, 3..6).await;
    let page = history.next_page().await.unwrap().unwrap();
    assert_eq!(page.len(), 1);
    assert_eq!(history.next_page().await.unwrap(), None);
    let mut next = ledger.history(&consumer(), &stream(), 0, history.end()).await.unwrap();
    assert_eq!(next.next_page().await.unwrap().unwrap()[0].first(), 3);
}
