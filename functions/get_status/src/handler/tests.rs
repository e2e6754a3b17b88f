//! Requests in, responses out, with the table and Kafka played by values.

use std::{collections::BTreeMap, sync::Mutex};

use backlog::BacklogError;
use event::{Coordinates, KeyRing, Stream};
use lambda_http::http;
use progress::{ReadError, Status};
use serde_json::{Value, json};

use super::*;

/// Knows one status and some fences, or nothing at all.
#[derive(Default)]
struct FakeTable {
    away: bool,
    status: Option<Status>,
    next: BTreeMap<i32, i64>,
    /// What reading a fence takes, but for the first partition's.
    latency: Duration,
    asked: Mutex<Vec<Coordinates>>,
}

impl Statuses for FakeTable {
    async fn status(&self, place: Coordinates) -> Result<Status, ReadError> {
        self.asked.lock().unwrap().push(place);
        if self.away { Err(away()) } else { Ok(self.status.clone().unwrap()) }
    }

    async fn next(&self, partition: i32) -> Result<Option<i64>, ReadError> {
        if partition > 0 {
            tokio::time::sleep(self.latency).await;
        }
        if self.away { Err(away()) } else { Ok(self.next.get(&partition).copied()) }
    }
}

struct FakeTopic(Option<Vec<Span>>);

impl Backlog for FakeTopic {
    async fn spans(&self) -> Result<Vec<Span>, BacklogError> {
        let missing = || BacklogError::NoTopic { topic: "events".into() };
        self.0.clone().ok_or_else(missing)
    }
}

fn away() -> ReadError {
    ReadError::BlockMissing { block: "any".to_owned() }
}

fn keys(topic: &str) -> StreamKeys {
    let ring = KeyRing::parse("k1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=").unwrap();
    ring.for_stream(&Stream { cluster: "dev".into(), topic: topic.into(), epoch: 1 })
}

fn place() -> Coordinates {
    Coordinates::new(3, 14).unwrap()
}

fn handler(table: FakeTable, spans: Option<Vec<Span>>) -> Handler<FakeTable, FakeTopic> {
    Handler::new(keys("events"), table, FakeTopic(spans))
}

async fn get(handler: &Handler<FakeTable, FakeTopic>, path: &str) -> (u16, Value) {
    let request = http::Request::get(path).body(Body::Empty).unwrap();
    let (parts, body) = handler.handle(&request).await.into_parts();
    assert_eq!(parts.headers["content-type"], "application/json");
    assert_eq!(parts.headers.contains_key("retry-after"), parts.status.as_u16() == 503);
    (parts.status.as_u16(), serde_json::from_slice(&body).unwrap())
}

#[tokio::test]
async fn every_status_is_told_with_its_facts() {
    let at_ms = 1_800_000_000_123;
    let at = "2027-01-15T08:00:00.123Z";
    let event_id = keys("events").mint(place()).to_string();
    for (status, expected) in [
        (Status::Pending, json!({"status": "pending"})),
        (Status::Processed { at_ms }, json!({"status": "processed", "processed_at": at})),
        (
            Status::Failed { reason: "bad".to_owned(), at_ms },
            json!({"status": "failed", "failed_at": at, "reason": "bad"}),
        ),
        (Status::Skipped { at_ms }, json!({"status": "skipped", "skipped_at": at})),
        (Status::Expired, json!({"status": "expired"})),
    ] {
        let handler = handler(FakeTable { status: Some(status), ..FakeTable::default() }, None);
        let (code, mut body) = get(&handler, &format!("/get_status/{event_id}")).await;
        assert_eq!(code, 200);
        assert_eq!(body.as_object_mut().unwrap().remove("event_id"), Some(json!(event_id)));
        assert_eq!(body, expected);
        assert_eq!(*handler.table.asked.lock().unwrap(), [place()]);
    }
}

#[tokio::test]
async fn an_id_that_does_not_verify_never_reaches_the_table() {
    let handler = handler(FakeTable::default(), None);
    let foreign = keys("other").mint(place()).to_string();
    for id in ["x", "0193d5a0-0000-7000-8000-000000000001", &foreign] {
        let (code, body) = get(&handler, &format!("/get_status/{id}")).await;
        assert_eq!(code, 404);
        assert_eq!(body, json!({"error": {"code": "not_found", "message": "event not found"}}));
    }
    assert!(handler.table.asked.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_table_that_is_away_is_not_a_missing_event() {
    let handler = handler(FakeTable { away: true, ..FakeTable::default() }, None);
    let event_id = keys("events").mint(place());
    let (code, body) = get(&handler, &format!("/get_status/{event_id}")).await;
    assert_eq!((code, &body["error"]["code"]), (503, &json!("status_unavailable")));
}

#[tokio::test]
async fn the_lag_is_what_lies_behind_the_fences() {
    let spans = vec![
        Span { partition: 0, low: 0, end: 10 },
        Span { partition: 1, low: 5, end: 10 },
        Span { partition: 2, low: 5, end: 10 },
        Span { partition: 3, low: 0, end: 4 },
    ];
    // Half done, never begun, overtaken by retention, and done.
    let next = BTreeMap::from([(0, 7), (2, 1), (3, 4)]);
    let handler = handler(FakeTable { next, ..FakeTable::default() }, Some(spans));
    let (code, body) = get(&handler, "/get_status").await;
    assert_eq!(code, 200);
    assert_eq!(
        body,
        json!({"status": "healthy", "kafka": "reachable", "table": "reachable", "lag": 13})
    );
}

#[tokio::test]
async fn a_slow_table_costs_the_lag_and_not_the_answer() {
    let spans = (0..200).map(|partition| Span { partition, low: 0, end: 1 }).collect();
    let latency = Duration::from_millis(200);
    let table = FakeTable { latency, ..FakeTable::default() };
    let handler = Handler { patience: latency * 2, ..handler(table, Some(spans)) };
    let (code, body) = get(&handler, "/get_status").await;
    assert_eq!((code, &body["table"], &body["lag"]), (200, &json!("reachable"), &Value::Null));
}

#[tokio::test]
async fn what_is_away_is_named() {
    let here = || Some(vec![Span { partition: 0, low: 0, end: 1 }]);
    for (away, spans, kafka, table) in [
        (false, None, "unreachable", "reachable"),
        (true, here(), "reachable", "unreachable"),
        (true, None, "unreachable", "unreachable"),
    ] {
        let handler = handler(FakeTable { away, ..FakeTable::default() }, spans);
        let (code, body) = get(&handler, "/get_status").await;
        assert_eq!(code, 503);
        assert_eq!(
            body,
            json!({"status": "unhealthy", "kafka": kafka, "table": table, "lag": null})
        );
    }
}

#[tokio::test]
async fn health_asks_nobody() {
    let handler = handler(FakeTable { away: true, ..FakeTable::default() }, None);
    assert_eq!(get(&handler, "/health").await, (200, json!({"status": "healthy"})));
}

#[tokio::test]
async fn other_paths_are_not_found() {
    let (code, body) = get(&handler(FakeTable::default(), None), "/other").await;
    assert_eq!((code, &body["error"]["code"]), (404, &json!("no_such_path")));
}
