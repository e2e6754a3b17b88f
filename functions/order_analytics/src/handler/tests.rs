//! Batches of outcomes on a real table.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use consume::{Answers, Terms, limits};
use orders::{Decision, Outcome, counting_policy, header};
use progress::Edge;
use serde_json::{Value, json};
use test_table::TestTable;

use super::*;

const NOW_MS: u64 = 1_763_740_000_000;

fn handler(table: &TestTable, report_interval: Duration) -> Handler {
    let ledger = Ledger::new(table.store(), counting_policy(), Edge::system());
    Handler::new(ledger, OrderTable::of(&table.store()), report_interval)
}

fn batch(numbers: &[u64]) -> Vec<u8> {
    let record = |(offset, number): (usize, &u64)| {
        let outcome = Outcome {
            number: *number,
            offset: 0,
            order_id: "id".into(),
            user_id: "u".into(),
            item: "pizza".into(),
            quantity: 1,
            placed_at_ms: 5,
            decision: Decision::Reserved,
        };
        let text = |text: &str| json!(text.bytes().collect::<Vec<_>>());
        let headers = json!([
            {header::SOURCE: text("reserve/0")}, {header::NUMBER: text(&number.to_string())},
            {header::ORDER_OFFSET: text("0")},
        ]);
        json!({
            "topic": "inventory-events", "partition": 0, "offset": offset, "timestamp": 5,
            "value": STANDARD.encode(outcome.value()), "headers": headers,
        })
    };
    let records: Vec<Value> = numbers.iter().enumerate().map(record).collect();
    let event =
        json!({"eventSource": "SelfManagedKafka", "records": {"inventory-events-0": records}});
    serde_json::to_vec(&event).unwrap()
}

async fn handle(handler: &Handler, payload: &[u8]) -> Result<(), String> {
    let terms = Terms {
        cluster: Some("dev".into()),
        topic: settings::Topic::Inventory,
        epoch: 1,
        answers: Answers::Fail,
    };
    let limits = limits(NOW_MS + 30_000, NOW_MS, Duration::ZERO);
    let handled = consume::handle(&terms, handler, payload, limits).await;
    handled.map(drop).map_err(|error| telemetry::chain(&error).to_string())
}

#[tokio::test]
async fn outcomes_are_counted_once_in_the_generation_that_counts() {
    let table = TestTable::start().await;
    let handler = handler(&table, Duration::from_secs(30));
    let payload = batch(&[0, 1, 1, 3, 2, 3]);
    handle(&handler, &payload).await.unwrap();
    handle(&handler, &payload).await.unwrap();
    let summary = handler.table.summary(1).await.unwrap();
    assert_eq!((summary.total_orders, summary.items["pizza"].reserved), (4, 4));
}

#[tokio::test]
async fn a_paused_count_leaves_its_batch_and_a_pause_that_nobody_ends_is_over() {
    let table = TestTable::start().await;
    let handler = handler(&table, Duration::from_secs(30));
    let payload = batch(&[0]);
    let switch = handler.table.pause(1, "mine".into(), i64::MAX).await.unwrap().unwrap();
    let error = handle(&handler, &payload).await.unwrap_err();
    assert!(error.contains("the counting is paused"), "{error}");
    assert!(handler.table.end_pause(switch, None).await.unwrap());
    handler.table.pause(1, "gone".into(), now_ms() - 1).await.unwrap().unwrap();
    handle(&handler, &payload).await.unwrap();
    assert_eq!(handler.table.summary(1).await.unwrap().total_orders, 1);
}

#[tokio::test]
async fn an_environment_that_counted_before_learns_of_a_pause_and_of_the_next_generation() {
    let table = TestTable::start().await;
    let handler = handler(&table, Duration::from_secs(30));
    handle(&handler, &batch(&[0])).await.unwrap();
    let switch = handler.table.pause(1, "mine".into(), i64::MAX).await.unwrap().unwrap();
    let error = handle(&handler, &batch(&[0, 1])).await.unwrap_err();
    assert!(error.contains("the counting is paused"), "{error}");
    assert!(handler.table.end_pause(switch, Some(2)).await.unwrap());
    handle(&handler, &batch(&[0, 1])).await.unwrap();
    let orders = async |generation| handler.table.summary(generation).await.unwrap().total_orders;
    assert_eq!((orders(1).await, orders(2).await), (1, 2));
    handle(&handler, &batch(&[0, 1, 2])).await.unwrap();
    assert_eq!((orders(1).await, orders(2).await), (1, 3), "and keeps it");
}

#[tokio::test]
async fn a_batch_that_one_generation_refuses_is_counted_in_the_next() {
    let table = TestTable::start().await;
    let handler = handler(&table, Duration::from_secs(30));
    handle(&handler, &batch(&[1, 0])).await.unwrap();
    // The topic was made again: other records lie at its offsets.
    let error = handle(&handler, &batch(&[0, 1])).await.unwrap_err();
    assert!(error.contains("is not the one that was applied"), "{error}");
    let switch = handler.table.pause(1, "mine".into(), i64::MAX).await.unwrap().unwrap();
    assert!(handler.table.end_pause(switch, Some(2)).await.unwrap());
    handle(&handler, &batch(&[0, 1])).await.unwrap();
    assert_eq!(handler.table.summary(2).await.unwrap().total_orders, 2);
}

#[tokio::test]
async fn the_first_invocation_after_the_interval_reports() {
    let table = TestTable::start().await;
    let handler = handler(&table, Duration::from_secs(30));
    handle(&handler, &batch(&[0])).await.unwrap();
    // Nobody has reported: the turn can still be had.
    assert!(handler.table.claim_report(0, 30_000).await.unwrap());
    handler.asked_ms.store(now_ms() - 30_000, Ordering::Relaxed);
    handle(&handler, &batch(&[0, 1])).await.unwrap();
    assert!(!handler.table.claim_report(now_ms(), 30_000).await.unwrap(), "it was had");
}
