//! Counting in a generation, and one taking over from another.

use event::Stream;
use kafka_batch::{Header, Record, Slice};
use orders::{
    ANALYTICS, Counting, Decision, OUT_OF_STOCK, OrderTable, Outcome, counting_policy, header,
};
use progress::{Consumer, Counts, Edge, Entry, Ledger, Limits, store::DynamoDb};
use std::time::Duration;
use test_table::TestTable;
use tokio::time::Instant;

fn stream() -> Stream {
    Stream { cluster: "c".into(), topic: "inventory-events".into(), epoch: 1 }
}

fn record(offset: i64, number: u64) -> Record<'static> {
    let failed = number % 3 == 2;
    let outcome = Outcome {
        number,
        offset: 0,
        order_id: "id".into(),
        user_id: "u".into(),
        item: if number.is_multiple_of(2) { "pizza" } else { "tea" }.into(),
        quantity: 1,
        placed_at_ms: 60_000 * i64::try_from(number).unwrap(),
        decision: if failed { Decision::Failed(OUT_OF_STOCK.into()) } else { Decision::Reserved },
    };
    let header = |name: &'static str, value: &str| Header {
        name: name.into(),
        value: value.as_bytes().to_vec(),
    };
    Record {
        offset,
        timestamp_ms: 0,
        key: None,
        value: Some(outcome.value()),
        headers: vec![
            header(header::SOURCE, "reserve/0"),
            header(header::NUMBER, &number.to_string()),
            header(header::ORDER_OFFSET, "0"),
        ],
    }
}

/// Numbers as the topic holds them: one early, one twice.
fn slice() -> Slice<'static> {
    let numbers = [0, 2, 1, 1, 2, 3, 4, 5].into_iter();
    let records = (0..).zip(numbers).map(|(offset, number)| record(offset, number));
    Slice { topic: "inventory-events".into(), partition: 0, records: records.collect() }
}

async fn count(store: &DynamoDb, generation: u32, guarded: bool, slice: &Slice<'_>) -> Counts {
    let ledger = Ledger::new(store.clone(), counting_policy(), Edge::new(|| 1, || 0.0));
    let consumer = Consumer::of_generation(ANALYTICS, generation);
    let table = OrderTable::of(store);
    let counting = Counting { table: &table, generation, guarded, slice };
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
    assert_eq!(count(&store, 1, true, &slice()).await.applied, 0, "paused");
    assert_eq!(count(&store, 2, false, &slice()).await.applied, 6, "a replay goes on");
    assert!(table.end_pause(switch, Some(2)).await.unwrap());
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
