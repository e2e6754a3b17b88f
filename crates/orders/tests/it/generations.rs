//! Counting in a generation, and one taking over from another.

use event::Stream;
use kafka_batch::{Header, Record, Slice};
use orders::{
    ANALYTICS, Counting, Decision, OUT_OF_STOCK, OrderTable, Outcome, counting_policy, header,
};
use progress::{
    Consumer, Counts, Edge, Entry, Ledger, Limits,
    store::{DynamoDb, Store as _},
};
use std::time::Duration;
use test_table::TestTable;
use tokio::time::Instant;

fn stream() -> Stream {
    Stream { cluster: "c".into(), topic: "inventory-events".into(), epoch: 1 }
}

fn outcome(number: u64) -> Outcome {
    let failed = number % 3 == 2;
    Outcome {
        number,
        offset: 0,
        order_id: "id".into(),
        user_id: "u".into(),
        item: if number.is_multiple_of(2) { "pizza" } else { "tea" }.into(),
        quantity: 1,
        placed_at_ms: 60_000 * i64::try_from(number).unwrap(),
        decision: if failed { Decision::Failed(OUT_OF_STOCK.into()) } else { Decision::Reserved },
    }
}

/// The record of an outcome, at no offset yet.
fn record(source: &str, number: u64) -> Record<'static> {
    let header = |name: &'static str, value: &str| Header {
        name: name.into(),
        value: value.as_bytes().to_vec(),
    };
    Record {
        offset: 0,
        timestamp_ms: 0,
        key: None,
        value: Some(outcome(number).value()),
        headers: vec![
            header(header::SOURCE, source),
            header(header::NUMBER, &number.to_string()),
            header(header::ORDER_OFFSET, "0"),
        ],
    }
}

/// Records at the first offsets of a partition.
fn numbered(records: impl IntoIterator<Item = Record<'static>>) -> Vec<Record<'static>> {
    (0..).zip(records).map(|(offset, record)| Record { offset, ..record }).collect()
}

/// Numbers as the topic holds them: one early, one twice.
fn slice() -> Slice<'static> {
    let records = [0, 2, 1, 1, 2, 3, 4, 5].map(|number| record("reserve/0", number));
    Slice { topic: "inventory-events".into(), partition: 0, records: numbered(records) }
}

async fn count(store: &DynamoDb, generation: u32, guarded: bool, slice: &Slice<'_>) -> Counts {
    let ledger = Ledger::new(store.clone(), counting_policy(), Edge::new(|| 1, || 0.0));
    let consumer = Consumer::of_generation(ANALYTICS, generation);
    let table = OrderTable::of(store);
    let counting = Counting::new(&table, generation, guarded, slice);
    let entry = |record: &Record<'_>| Entry { offset: record.offset, checksum: 1 };
    let entries: Vec<Entry> = slice.records.iter().map(entry).collect();
    let later = Instant::now() + Duration::from_mins(1);
    let limits = Limits { last_start: later, last_wait: later };
    let partition = consumer.partition(&stream(), slice.partition);
    ledger.apply(&partition, &entries, &counting, limits).await.counts
}

#[tokio::test]
async fn outcomes_count_once_in_order_and_in_every_cut() {
    let test = TestTable::start().await;
    let store = test.store();
    let whole = count(&store, 1, true, &slice()).await;
    assert_eq!(whole, Counts { applied: 6, skipped: 2, ..Counts::default() });
    assert_eq!(count(&store, 1, true, &slice()).await.already, 8, "again");
    let mut rest = slice();
    while !rest.records.is_empty() {
        let left = rest.records.split_off(1);
        count(&store, 2, false, &rest).await;
        rest.records = left;
    }
    let table = OrderTable::of(&store);
    let (one, two) = (table.summary(1).await.unwrap(), table.summary(2).await.unwrap());
    assert_eq!(one.differences(&two), Vec::<String>::new());
    assert_eq!((one.total_orders, one.reserved, one.failed), (6, 4, 2));
    assert_eq!((one.items["pizza"].total_orders, one.items["tea"].failed), (3, 1));
    assert_eq!(one.minutes.len(), 6);
    drop((store, table));
    test.stop().await;
}

#[tokio::test]
async fn nothing_is_counted_while_a_generation_takes_over_and_then_only_in_the_new_one() {
    let test = TestTable::start().await;
    let store = test.store();
    let table = OrderTable::of(&store);
    assert_eq!(table.generation().await.unwrap().number, 1);
    assert_eq!(table.new_generation().await.unwrap(), 2);
    assert_eq!(table.new_generation().await.unwrap(), 3, "a number of its own");

    let switch = table.pause(1, "mine".into(), 500).await.unwrap().unwrap();
    assert!(table.pause(1, "other".into(), 500).await.unwrap().is_none(), "one at a time");
    let again = table.pause(1, "mine".into(), 500).await.unwrap();
    let again = again.expect("asked again, for the answer was lost");
    assert_eq!(count(&store, 1, true, &slice()).await.applied, 0, "paused");
    assert_eq!(count(&store, 2, false, &slice()).await.applied, 6, "a replay goes on");
    assert!(table.end_pause(switch, Some(2)).await.unwrap());
    assert!(table.end_pause(again, Some(2)).await.unwrap(), "asked again");
    assert_eq!(table.generation().await.unwrap().number, 2);
    assert_eq!(count(&store, 1, true, &slice()).await.applied, 0, "it counts no more");
    assert_eq!(count(&store, 2, true, &slice()).await.already, 8);
    drop((store, table));
    test.stop().await;
}

#[tokio::test]
async fn a_pause_that_nobody_ends_is_over_and_switches_nothing() {
    let test = TestTable::start().await;
    let table = OrderTable::of(&test.store());
    let switch = table.pause(1, "gone".into(), 500).await.unwrap().unwrap();
    assert!(!table.end_stale_pause(500).await.unwrap());
    assert!(table.end_stale_pause(501).await.unwrap());
    assert!(!table.end_pause(switch, Some(2)).await.unwrap());
    let generation = table.generation().await.unwrap();
    assert_eq!((generation.number, generation.paused_until_ms), (1, None));
    drop(table);
    test.stop().await;
}

#[tokio::test]
async fn figures_that_are_forgotten_leave_nothing_and_others_alone() {
    let test = TestTable::start().await;
    let store = test.store();
    let table = OrderTable::of(&store);
    for generation in 1..=2 {
        count(&store, generation, false, &slice()).await;
    }
    assert_eq!(table.oldest_generation().await.unwrap(), 1);
    table.forget_figures(1).await.unwrap();
    table.note_oldest_generation(2).await.unwrap();
    assert_eq!(table.oldest_generation().await.unwrap(), 2);
    assert_eq!(table.summary(1).await.unwrap(), orders::Summary::default());
    assert_eq!(table.summary(2).await.unwrap().total_orders, 6);
    let fence = Consumer::of_generation(ANALYTICS, 1).partition(&stream(), 0);
    store.forget(&fence).await.unwrap();
    assert_eq!(store.fence(&fence).await.unwrap(), None);
    assert_eq!(table.generation().await.unwrap().number, 1, "who counts is another matter");
    drop((store, table));
    test.stop().await;
}

#[tokio::test]
async fn what_is_decided_and_not_counted_is_known_by_numbers() {
    let test = TestTable::start().await;
    let store = test.store();
    let table = OrderTable::of(&store);
    let partition = Consumer::new(orders::RESERVE).partition(&stream(), 0);
    assert_eq!(table.uncounted(1, &partition).await.unwrap(), 0);
    let outcomes: Vec<Outcome> = (0..4).map(outcome).collect();
    let effects = table.entry_effects(&partition, orders::Head::default(), &outcomes, None);
    let decided = store.client().transact_write_items().set_transact_items(Some(effects));
    decided.send().await.unwrap();
    assert_eq!(table.uncounted(1, &partition).await.unwrap(), 4, "published or not");
    let records = [0, 1, 3].into_iter().map(|number| record(partition.as_str(), number));
    let topic = "inventory-events".into();
    count(&store, 1, true, &Slice { topic, partition: 0, records: numbered(records) }).await;
    assert_eq!(table.uncounted(1, &partition).await.unwrap(), 2, "the last one came early");
    assert_eq!(table.uncounted(2, &partition).await.unwrap(), 4, "in another generation");
    drop((store, table));
    test.stop().await;
}

#[tokio::test]
async fn only_one_environment_reports_in_an_interval() {
    let test = TestTable::start().await;
    let table = OrderTable::of(&test.store());
    let mut claimed = Vec::new();
    for now_ms in [1_000, 1_001, 30_999, 31_000, 31_001] {
        claimed.push(table.claim_report(now_ms, 30_000).await.unwrap());
    }
    assert_eq!(claimed, [true, false, false, true, false]);
    drop(table);
    test.stop().await;
}
