//! The partial-batch answer as JSON.

use kafka_batch::{Batch, BatchResponse};

const EVENT: &str = r#"{"records":{"topic-0":[
    {"topic":"topic","partition":0,"offset":98,"timestamp":0},
    {"topic":"topic","partition":0,"offset":100,"timestamp":0},
    {"topic":"topic","partition":0,"offset":103,"timestamp":0}]}}"#;

fn answer(from: i64) -> String {
    let batch = Batch::parse(EVENT.as_bytes()).expect("the event is one");
    let mut response = BatchResponse::default();
    response.retry_from(&batch.slices()[0], from);
    serde_json::to_string(&response).expect("an answer is JSON")
}

#[test]
fn an_empty_answer_says_that_all_is_done() {
    let response = BatchResponse::default();
    assert!(response.is_complete());
    assert_eq!(serde_json::to_string(&response).unwrap(), r#"{"batchItemFailures":[]}"#);
}

#[test]
fn an_item_is_named_by_an_object_with_partition_and_offset() {
    assert_eq!(
        answer(103),
        r#"{"batchItemFailures":[{"itemIdentifier":{"partition":"topic-0","offset":103}}]}"#
    );
}

#[test]
fn names_every_record_from_the_first_failure_on() {
    let text = answer(99);
    assert!(!text.contains(r#""offset":98"#), "{text}");
    assert!(text.contains(r#""offset":100"#) && text.contains(r#""offset":103"#), "{text}");
}
