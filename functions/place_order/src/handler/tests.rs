//! Requests in, responses and records out, with Kafka and the table played by variables.

use std::sync::Mutex;

use event::{Coordinates, KeyRing, Stream};
use lambda_http::http;
use progress::{ReadError, Status};
use publish::PublishError;
use serde_json::{Value, json};

use super::*;

const ORDER: &str = r#"{"user_id":"user_123","item":"pizza","quantity":1,"load_id":"a-1"}"#;

#[derive(Debug, PartialEq)]
struct Captured {
    key: Vec<u8>,
    kind: String,
    value: Vec<u8>,
}

/// Remembers what it was given, and answers as it was told.
struct Capture {
    answer: Mutex<Option<Result<Coordinates, PublishError>>>,
    captured: Mutex<Vec<Captured>>,
}

impl Publish for Capture {
    async fn publish(
        &self,
        message: Message<'_>,
        _deadline: Instant,
    ) -> Result<Coordinates, PublishError> {
        assert_eq!((message.topic, message.partition), ("order-events", None));
        let kind = message.headers.iter().find(|header| header.name == "ce_type").unwrap();
        let kind = String::from_utf8(kind.value.unwrap().to_vec()).unwrap();
        let (key, value) = (message.key.unwrap().to_vec(), message.value.unwrap().to_vec());
        self.captured.lock().unwrap().push(Captured { key, kind, value });
        self.answer.lock().unwrap().take().expect("one request, one order")
    }
}

/// Knows one status, or nothing.
struct Table(Option<Status>);

impl Statuses for Table {
    async fn status(&self, _: Coordinates) -> Result<Status, ReadError> {
        self.0.clone().ok_or_else(|| ReadError::BlockMissing { block: "any".to_owned() })
    }

    async fn next(&self, _: i32) -> Result<Option<i64>, ReadError> {
        Ok(None)
    }
}

fn keys(topic: &str) -> StreamKeys {
    let ring = KeyRing::parse("k1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=").unwrap();
    ring.for_stream(&Stream { cluster: "dev".into(), topic: topic.into(), epoch: 1 })
}

fn place() -> Coordinates {
    Coordinates::new(3, 14).unwrap()
}

fn handler(
    answer: Result<Coordinates, PublishError>,
    status: Option<Status>,
) -> Handler<Capture, Table> {
    let capture = Capture { answer: Mutex::new(Some(answer)), captured: Mutex::default() };
    Handler::new(capture, keys("order-events"), Table(status), "order-events".to_owned())
}

async fn respond(
    handler: &Handler<Capture, Table>,
    request: http::request::Builder,
    body: &str,
) -> (u16, bool, Value) {
    let request = request.body(Body::from(body)).unwrap();
    let (parts, body) = handler.handle(&request).await.into_parts();
    let retry_after = parts.headers.contains_key("retry-after");
    (parts.status.as_u16(), retry_after, serde_json::from_slice(&body).unwrap())
}

fn post() -> http::request::Builder {
    http::Request::post("/order")
}

#[tokio::test]
async fn an_order_is_written_as_it_was_sent_and_keyed_by_its_item() {
    let handler = handler(Ok(place()), None);
    let answer = respond(&handler, post(), ORDER).await;
    let order_id = keys("order-events").mint(place()).to_string();
    assert_eq!(answer, (202, false, json!({"order_id": order_id, "status": "placed"})));
    let captured = handler.publisher.captured.lock().unwrap();
    let (key, kind, value) = (b"pizza".to_vec(), "OrderPlaced".to_owned(), ORDER.into());
    let expected = Captured { key, kind, value };
    assert_eq!(*captured, [expected]);
}

#[tokio::test]
async fn every_wrong_field_is_named_at_once_and_nothing_is_written() {
    let handler = handler(Ok(place()), None);
    let body = r#"{"item":"","quantity":0}"#;
    let (status, _, body) = respond(&handler, post(), body).await;
    assert_eq!(status, 400);
    let expected = json!({"error": {
        "code": "invalid_order",
        "message": "the order has wrong fields",
        "fields": {
            "item": "is empty",
            "quantity": "is not a whole number from 1 to 10000",
            "user_id": "is missing",
        },
    }});
    assert_eq!(body, expected);
    assert!(handler.publisher.captured.lock().unwrap().is_empty());
}

#[tokio::test]
async fn what_is_no_json_object_is_refused_as_for_events() {
    let long = format!("{{\"x\":\"{}\"}}", "x".repeat(ORDER_BYTES_MAX));
    for (request, body, expected, code) in [
        (post(), "[1]", 400, "invalid_json"),
        (post(), "{", 400, "invalid_json"),
        (post(), &long, 413, "body_too_large"),
        (post().header("content-type", "text/plain"), ORDER, 415, "unsupported_media_type"),
    ] {
        let handler = handler(Ok(place()), None);
        let (status, retry_after, answer) = respond(&handler, request, body).await;
        assert_eq!((status, retry_after), (expected, false), "{answer}");
        assert_eq!(answer["error"]["code"], code);
        assert!(handler.publisher.captured.lock().unwrap().is_empty());
    }
}

#[tokio::test]
async fn an_outage_is_told_with_what_is_certain() {
    let away = handler(Err(PublishError::Away), None);
    let (status, retry_after, body) = respond(&away, post(), ORDER).await;
    assert_eq!((status, retry_after, &body["error"]["code"]), (503, true, &json!("not_placed")));
    let doubt = PublishError::OutcomeUnknown {
        topic: "order-events".into(),
        source: publish::UnknownOutcome::Deadline,
    };
    let (status, retry_after, body) = respond(&handler(Err(doubt), None), post(), ORDER).await;
    assert_eq!((status, retry_after), (503, false));
    assert!(body["error"]["message"].as_str().unwrap().starts_with("outcome unknown"), "{body}");
    assert!(!body.to_string().contains("order_id"));
}

#[tokio::test]
async fn every_status_is_told_with_its_facts() {
    let at_ms = 1_800_000_000_123;
    let at = "2027-01-15T08:00:00.123Z";
    let order_id = keys("order-events").mint(place()).to_string();
    for (status, expected) in [
        (Status::Pending, json!({"status": "placed"})),
        (Status::Processed { at_ms }, json!({"status": "reserved", "reserved_at": at})),
        (
            Status::Failed { reason: "out of stock".to_owned(), at_ms },
            json!({"status": "failed", "failed_at": at, "reason": "out of stock"}),
        ),
        (Status::Skipped { at_ms }, json!({"status": "skipped"})),
        (Status::Expired, json!({"status": "expired"})),
    ] {
        let handler = handler(Ok(place()), Some(status));
        let request = http::Request::get(format!("/order/{order_id}"));
        let (code, _, mut body) = respond(&handler, request, "").await;
        assert_eq!(code, 200);
        assert_eq!(body.as_object_mut().unwrap().remove("order_id"), Some(json!(order_id)));
        assert_eq!(body, expected);
    }
}

#[tokio::test]
async fn an_order_that_nobody_placed_is_not_found_and_one_that_cannot_be_read_is_not_missing() {
    let handler = handler(Ok(place()), None);
    let event_id = keys("events").mint(place()).to_string();
    for id in ["x", "0193d5a0-0000-7000-8000-000000000001", &event_id] {
        let (status, _, body) =
            respond(&handler, http::Request::get(format!("/order/{id}")), "").await;
        assert_eq!((status, &body["error"]["code"]), (404, &json!("not_found")), "{id}");
    }
    let order_id = keys("order-events").mint(place());
    let request = http::Request::get(format!("/order/{order_id}"));
    let (status, retry_after, body) = respond(&handler, request, "").await;
    assert_eq!((status, retry_after), (503, true));
    assert_eq!(body["error"]["code"], "status_unavailable");
    for request in [http::Request::get("/order"), http::Request::post("/order/x")] {
        assert_eq!(respond(&handler, request, ORDER).await.0, 404);
    }
}
