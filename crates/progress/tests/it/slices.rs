//! Slices as they come: new, again, cut differently, late, too old, of another topic.

use std::time::Duration;

use progress::{ApplyError, Counts, Entry, Limits, PlanError, Policy, SPAN_MAX, Status};

use crate::support::{
    Clock, Judge, KEEP, POLICY, apply, body, consumer, entries, later, ledger, partition, status,
    stream,
};

#[tokio::test]
async fn a_slice_is_applied_once_however_often_it_comes() {
    let (ledger, _) = ledger();
    let first = apply(&ledger, 0..5).await;
    assert_eq!(first.counts, Counts { applied: 5, ..Counts::default() });
    let again = apply(&ledger, 0..5).await;
    assert_eq!(again.counts, Counts { already: 5, ..Counts::default() });
    let recut = apply(&ledger, 3..8).await;
    assert_eq!(recut.counts, Counts { applied: 3, already: 2, ..Counts::default() });
    assert!(ledger.store().effects().values().all(|times| *times == 1));
    assert_eq!(ledger.store().effects().len(), 8);
}

#[tokio::test]
async fn a_redelivered_slice_counts_no_attempt() {
    let (ledger, _) = ledger();
    apply(&ledger, 0..5).await;
    for _ in 0..10 {
        apply(&ledger, 0..5).await;
    }
    let fence = ledger.fence(&consumer(), &stream(), 0).await.unwrap().unwrap();
    assert_eq!((fence.next, fence.attempts), (5, 0));
}

#[tokio::test]
async fn offsets_may_have_holes_and_late_records_fill_them() {
    let (ledger, _) = ledger();
    apply(&ledger, [0, 3, 9]).await;
    let late = apply(&ledger, [2, 3, 4]).await;
    assert_eq!(late.counts, Counts { applied: 2, already: 1, ..Counts::default() });
    let both = apply(&ledger, [1, 5, 9, 10, 11]).await;
    assert_eq!(both.counts, Counts { applied: 4, already: 1, ..Counts::default() });
    let fence = ledger.fence(&consumer(), &stream(), 0).await.unwrap().unwrap();
    assert_eq!((fence.next, fence.attempts, fence.late_attempts.len()), (12, 0, 0));
    assert!(ledger.store().effects().values().all(|times| *times == 1));
}

#[tokio::test]
async fn a_chunk_far_below_a_late_record_is_still_found() {
    let (ledger, _) = ledger();
    apply(&ledger, [0, SPAN_MAX - 1]).await;
    for offset in 1..60 {
        apply(&ledger, [offset]).await;
    }
    let again = apply(&ledger, [SPAN_MAX - 1]).await;
    assert_eq!(again.counts.already, 1);
    assert!(matches!(status(&ledger, SPAN_MAX - 1).await, Status::Processed { .. }));
}

#[tokio::test]
async fn a_large_slice_takes_several_transactions() {
    let clock = Clock::new();
    let ledger = progress::Ledger::new(
        progress::store::memory::MemoryStore::default(),
        Policy { records_max: 40, ..POLICY },
        clock.edge(),
    );
    let report = apply(&ledger, 0..100).await;
    assert_eq!(report.counts.applied, 100);
    let fence = ledger.fence(&consumer(), &stream(), 0).await.unwrap().unwrap();
    assert_eq!((fence.version, fence.attempts), (3, 0));
}

#[tokio::test]
async fn another_record_at_a_known_offset_stops_the_slice_and_takes_nothing_back() {
    let (ledger, _) = ledger();
    apply(&ledger, 0..5).await;
    let other: Vec<Entry> = (3..8).map(|offset| Entry { offset, checksum: 99 }).collect();
    let report = ledger.apply(&partition(), &other, &Judge::of(&other), later()).await;
    let stop = report.stop.unwrap();
    assert_eq!(stop.offset, 3);
    assert!(matches!(stop.error, ApplyError::Plan(PlanError::StreamChanged { offset: 3 })));
    let fence = ledger.fence(&consumer(), &stream(), 0).await.unwrap().unwrap();
    assert_eq!((fence.next, fence.attempts), (5, 0));
}

#[tokio::test]
async fn what_lies_below_the_oldest_kept_chunk_is_refused() {
    let (ledger, clock) = ledger();
    apply(&ledger, [10, 12]).await;
    let below = apply(&ledger, [9]).await.stop.unwrap();
    assert!(matches!(below.error, ApplyError::Plan(PlanError::TooOld { offset: 9 })));
    clock.advance(KEEP);
    apply(&ledger, [20, 22]).await;
    // The first chunk is still there, but expired: what it does not cover is not known any more.
    let gone = apply(&ledger, [11]).await.stop.unwrap();
    assert!(matches!(gone.error, ApplyError::Plan(PlanError::TooOld { offset: 11 })));
    assert_eq!(apply(&ledger, [10]).await.counts.already, 1);
    assert_eq!(apply(&ledger, [21]).await.counts.applied, 1);
}

#[tokio::test]
async fn a_late_chunk_that_outlives_its_neighbours_vouches_for_nothing() {
    let (ledger, clock) = ledger();
    apply(&ledger, [0, 1, 9]).await;
    clock.advance(Duration::from_hours(7 * 24 - 2));
    assert_eq!(apply(&ledger, [4]).await.counts.applied, 1);
    clock.advance(Duration::from_hours(2));
    ledger.store().expire((crate::support::START_MS / 1_000) + 7 * 86_400);
    // Offset 9 was applied, and the only chunk left, that of 4, does not say so.
    let report = apply(&ledger, [9]).await;
    assert!(matches!(report.stop.unwrap().error, ApplyError::Plan(PlanError::TooOld { .. })));
}

#[tokio::test]
async fn a_slice_without_time_is_not_begun() {
    let (ledger, _) = ledger();
    let slice = entries(0..3);
    let limits = Limits { last_start: tokio::time::Instant::now(), ..later() };
    let report = ledger.apply(&partition(), &slice, &Judge::of(&slice), limits).await;
    let stop = report.stop.unwrap();
    assert!(matches!(stop.error, ApplyError::OutOfTime) && stop.offset == 0);
    assert_eq!(ledger.fence(&consumer(), &stream(), 0).await.unwrap(), None);
}

#[tokio::test]
async fn bodies_are_archived_and_read_back_in_order() {
    let (ledger, _) = ledger();
    let slice = entries(0..4);
    let judge = Judge { skipped: [1].into(), failed: [2].into(), ..Judge::of(&slice) };
    let report = ledger.apply(&partition(), &slice, &judge, later()).await;
    assert_eq!(report.counts, Counts { applied: 2, failed: 1, skipped: 1, already: 0 });
    let mut history =
        ledger.history(&consumer(), &stream(), 0, progress::Position::default()).await.unwrap();
    let page = history.next_page().await.unwrap().unwrap();
    let bodies = ledger.bodies(&page[0]).await.unwrap();
    let found: Vec<_> = bodies.iter().map(|record| (record.offset, record.body.clone())).collect();
    assert_eq!(found, [(0, body(0)), (3, body(3))]);
    assert_eq!(bodies[1].id, "id-3");
    assert_eq!(history.next_page().await.unwrap(), None);
}

#[tokio::test]
async fn a_later_chunk_never_expires_earlier_even_when_a_clock_is_slow() {
    let (ledger, clock) = ledger();
    apply(&ledger, [0]).await;
    clock.set_back(Duration::from_hours(5));
    apply(&ledger, [1]).await;
    clock.advance(Duration::from_hours(6));
    apply(&ledger, [2]).await;
    let mut history =
        ledger.history(&consumer(), &stream(), 0, progress::Position::default()).await.unwrap();
    let page = history.next_page().await.unwrap().unwrap();
    let expiries: Vec<_> = page.iter().map(|chunk| chunk.expires_at).collect();
    assert_eq!(expiries[0], expiries[1]);
    assert_eq!(expiries[2], expiries[1] + 3_600);
}
