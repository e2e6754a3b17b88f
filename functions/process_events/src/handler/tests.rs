//! Batches from end to end, on a table in memory and with dead letters that are only remembered.

use std::{ops::Deref, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use consume::{Answers, BatchFailure, Terms, limits};
use event::Coordinates;
use kafka_batch::BatchResponse;
use lambda_runtime::Diagnostic;
use progress::{Edge, Policy, Position, Status, store::memory::MemoryStore};
use serde_json::json;

use super::*;
use crate::dead_letter::{header, tests::Outbox};

const KEYS: &str = "k2:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=,k1:AQECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
/// 2025-11-21.
const NOW_MS: u64 = 1_763_740_000_000;
const ARN: &str = "arn:aws:kafka:us-east-1:000000000000:cluster/local/x-1";

/// The function as Lambda meets it.
struct Function {
    terms: Terms,
    handler: Handler<MemoryStore, Outbox>,
}

impl Function {
    async fn handle(&self, payload: &[u8], limits: Limits) -> Result<BatchResponse, BatchFailure> {
        consume::handle(&self.terms, &self.handler, payload, limits).await
    }
}

impl Deref for Function {
    type Target = Handler<MemoryStore, Outbox>;

    fn deref(&self) -> &Self::Target {
        &self.handler
    }
}

fn handler(outbox: Outbox, answers: Answers) -> Function {
    let edge = Edge::new(|| 1_700_000_000_000, || 0.0);
    let ledger = Ledger::new(MemoryStore::default(), Policy::default(), edge);
    let letters = DeadLetters::new(outbox, "events-dlq".to_owned());
    let ring = KeyRing::parse(KEYS).unwrap();
    let terms = Terms { cluster: None, topic: settings::Topic::Events, epoch: 1, answers };
    Function { terms, handler: Handler::new(ledger, letters, ring) }
}

fn ample() -> Limits {
    limits(NOW_MS + 600_000, NOW_MS, Duration::ZERO)
}

fn record(partition: i32, offset: i64, value: Option<&[u8]>) -> serde_json::Value {
    let value = value.map(|value| STANDARD.encode(value));
    json!({"topic": "events", "partition": partition, "offset": offset, "timestamp": 5, "value": value, "headers": []})
}

fn batch(records: Vec<serde_json::Value>) -> Vec<u8> {
    let mut partitions = serde_json::Map::new();
    for record in records {
        let key = format!("events-{}", record["partition"]);
        let list = partitions.entry(key).or_insert_with(|| json!([]));
        list.as_array_mut().unwrap().push(record);
    }
    let event = json!({"eventSource": "aws:kafka", "eventSourceArn": ARN, "records": partitions});
    serde_json::to_vec(&event).unwrap()
}

fn stream() -> Stream {
    Stream { cluster: ARN.to_owned(), topic: "events".to_owned(), epoch: 1 }
}

async fn status(handler: &Handler<MemoryStore, Outbox>, partition: i32, offset: i64) -> Status {
    let place = Coordinates::new(partition, offset).unwrap();
    handler.ledger.status(&Consumer::new("process_events"), &stream(), place).await.unwrap()
}

#[tokio::test]
async fn every_kind_of_record_ends_in_its_state() {
    let handler = handler(Outbox::default(), Answers::Fail);
    let mut other = record(0, 4, Some(b"{\"from\":\"another producer\"}"));
    other["headers"] = json!([{"ce_specversion": [-1]}, {"x": [1]}]);
    let payload = batch(vec![
        record(0, 0, Some(b"{\"a\":1}")),
        record(0, 1, None),
        record(0, 2, Some(b"not JSON")),
        record(0, 3, Some(b"\xff\xfe")),
        other,
        record(1, 9, Some(b"{}")),
    ]);
    assert!(handler.handle(&payload, ample()).await.unwrap().is_complete());
    for (partition, offset) in [(0, 0), (0, 4), (1, 9)] {
        assert!(matches!(status(&handler, partition, offset).await, Status::Processed { .. }));
    }
    assert!(matches!(status(&handler, 0, 1).await, Status::Skipped { .. }));
    for offset in [2, 3] {
        let Status::Failed { reason, .. } = status(&handler, 0, offset).await else {
            panic!("{offset} failed")
        };
        assert!(reason.starts_with("value is not a JSON object: "), "{reason}");
    }
    assert_eq!(status(&handler, 1, 10).await, Status::Pending);
}

#[tokio::test]
async fn a_record_that_fails_is_dead_lettered_once_with_its_receipt() {
    let handler = handler(Outbox::default(), Answers::Fail);
    let mut ours = record(0, 7, Some(b"[]"));
    let text = |text: &str| json!(text.bytes().collect::<Vec<_>>());
    ours["headers"] = json!([
        {"ce_specversion": text("1.0")}, {"ce_id": text("mine")}, {"ce_source": text("/x")},
        {"ce_type": text("t")}, {"ce_receiptkey": text("k1")}
    ]);
    let payload = batch(vec![ours]);
    handler.handle(&payload, ample()).await.unwrap();
    handler.handle(&payload, ample()).await.unwrap();
    let sent = handler.letters.sent();
    assert_eq!(sent.len(), 1);
    let place = Coordinates::new(0, 7).unwrap();
    let keys = KeyRing::parse(KEYS).unwrap().for_stream(&stream());
    let receipt = keys.mint_under("k1", place).unwrap().to_string();
    assert_eq!(sent[0].headers[header::RECEIPT], receipt);
    assert_eq!(sent[0].headers["ce_id"], "mine");
    assert!(sent[0].headers[header::REASON].contains("JSON of another type"));
}

#[tokio::test]
async fn bodies_are_archived_under_the_callers_id_or_the_receipt() {
    let handler = handler(Outbox::default(), Answers::Fail);
    let body = b"{\"load_id\":\"0a-1\"}";
    handler.handle(&batch(vec![record(0, 0, Some(body))]), ample()).await.unwrap();
    let consumer = Consumer::new("process_events");
    let mut history =
        handler.ledger.history(&consumer, &stream(), 0, Position::default()).await.unwrap();
    let page = history.next_page().await.unwrap().unwrap();
    let bodies = handler.ledger.bodies(&page[0]).await.unwrap();
    let keys = KeyRing::parse(KEYS).unwrap().for_stream(&stream());
    assert_eq!(bodies[0].body, body);
    assert_eq!(bodies[0].id, keys.mint(Coordinates::new(0, 0).unwrap()).to_string());
}

#[tokio::test]
async fn a_slice_that_cannot_go_on_does_not_hold_up_the_others() {
    let handler = handler(Outbox { away: true, ..Outbox::default() }, Answers::Fail);
    let payload = batch(vec![
        record(0, 0, Some(b"broken")),
        record(1, 0, Some(b"{}")),
        record(2, 0, Some(b"{}")),
    ]);
    let error = handler.handle(&payload, ample()).await.unwrap_err();
    let diagnostic = Diagnostic::from(error);
    assert_eq!(diagnostic.error_type, "SlicesNotDone");
    assert!(diagnostic.error_message.contains("1 of 3 slices are not done"));
    assert_eq!(status(&handler, 0, 0).await, Status::Pending);
    assert!(matches!(status(&handler, 1, 0).await, Status::Processed { .. }));
    assert!(matches!(status(&handler, 2, 0).await, Status::Processed { .. }));
}

#[tokio::test]
async fn a_partial_answer_names_what_is_left_of_the_slice() {
    let handler = handler(Outbox { away: true, ..Outbox::default() }, Answers::Partial);
    let first = batch(vec![record(0, 0, Some(b"{}")), record(1, 0, Some(b"{}"))]);
    assert!(handler.handle(&first, ample()).await.unwrap().is_complete());
    let payload = batch(vec![
        record(0, 0, Some(b"{}")),
        record(0, 1, Some(b"broken")),
        record(0, 2, Some(b"{}")),
        record(1, 1, Some(b"{}")),
    ]);
    let response = handler.handle(&payload, ample()).await.unwrap();
    let answer = serde_json::to_value(&response).unwrap();
    let left = |offset| json!({"itemIdentifier": {"partition": "events-0", "offset": offset}});
    assert_eq!(answer, json!({"batchItemFailures": [left(1), left(2)]}));
}

#[tokio::test]
async fn an_invocation_that_is_nearly_over_leaves_the_batch_for_the_next() {
    let handler = handler(Outbox::default(), Answers::Fail);
    let payload = batch(vec![record(0, 0, Some(b"{}"))]);
    assert!(handler.handle(&payload, limits(NOW_MS, NOW_MS, Duration::ZERO)).await.is_err());
    assert_eq!(status(&handler, 0, 0).await, Status::Pending);
    handler.handle(&payload, ample()).await.unwrap();
    assert!(matches!(status(&handler, 0, 0).await, Status::Processed { .. }));
}

#[tokio::test]
async fn a_document_that_is_no_batch_fails_the_invocation_with_its_cause() {
    let handler = handler(Outbox::default(), Answers::Partial);
    let error = handler.handle(b"{\"records\":{\"x\":[]}}", ample()).await.unwrap_err();
    let diagnostic = Diagnostic::from(error);
    assert_eq!(diagnostic.error_type, "BatchUnreadable");
    assert!(diagnostic.error_message.contains("`x`"), "{}", diagnostic.error_message);
}

#[tokio::test]
async fn a_self_managed_event_needs_a_cluster_from_the_settings() {
    let payload = json!({"eventSource": "SelfManagedKafka", "records": {}}).to_string();
    let mut handler = handler(Outbox::default(), Answers::Fail);
    let error = handler.handle(payload.as_bytes(), ample()).await.unwrap_err();
    assert!(error.to_string().contains("KAFKA_CLUSTER"));
    handler.terms.cluster = Some("dev".to_owned());
    assert!(handler.handle(payload.as_bytes(), ample()).await.is_ok());
}
