//! Requests in, responses and records out, with Kafka played by a variable.

use std::{collections::BTreeMap, sync::Mutex};

use event::{Coordinates, CoordinatesError, KeyRing, Stream};
use lambda_http::http;
use publish::PublishError;
use serde_json::{Value, json};

use super::*;

#[derive(Debug, Default)]
struct Captured {
    key: Option<Vec<u8>>,
    headers: BTreeMap<String, String>,
    value: Vec<u8>,
}

/// Remembers what it was given, and answers as it was told.
struct Capture {
    answer: Mutex<Option<Result<Coordinates, PublishError>>>,
    captured: Mutex<Option<Captured>>,
}

impl Publish for Capture {
    async fn publish(
        &self,
        message: Message<'_>,
        _deadline: Instant,
    ) -> Result<Coordinates, PublishError> {
        assert_eq!(message.topic, "events");
        let text = |value: Option<&[u8]>| String::from_utf8(value.unwrap().to_vec()).unwrap();
        *self.captured.lock().unwrap() = Some(Captured {
            key: message.key.map(<[u8]>::to_vec),
            headers: message.headers.iter().map(|h| (h.name.to_owned(), text(h.value))).collect(),
            value: message.value.unwrap().to_vec(),
        });
        self.answer.lock().unwrap().take().expect("one request, one event")
    }
}

fn keys() -> StreamKeys {
    let ring = KeyRing::parse("k1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=").unwrap();
    ring.for_stream(&Stream { cluster: "dev".into(), topic: "events".into(), epoch: 1 })
}

fn place() -> Coordinates {
    Coordinates::new(3, 14).unwrap()
}

fn handler(answer: Result<Coordinates, PublishError>) -> Handler<Capture> {
    let capture = Capture { answer: Mutex::new(Some(answer)), captured: Mutex::new(None) };
    Handler::new(capture, keys(), "events".to_owned())
}

fn captured(handler: &Handler<Capture>) -> Option<Captured> {
    handler.publisher.captured.lock().unwrap().take()
}

fn post(body: &str) -> Request {
    http::Request::post("/register_event").body(Body::Text(body.to_owned())).unwrap()
}

async fn respond(handler: &Handler<Capture>, request: &Request) -> (u16, HeaderMap, Value) {
    let (parts, body) = handler.handle(request).await.into_parts();
    (parts.status.as_u16(), parts.headers, serde_json::from_slice(&body).unwrap())
}

#[tokio::test]
async fn an_acknowledged_event_is_answered_with_its_receipt() {
    let handler = handler(Ok(place()));
    let (status, headers, body) = respond(&handler, &post(r#"{"user_id":"u1"}"#)).await;
    assert_eq!(status, 202);
    assert_eq!(headers["content-type"], "application/json");
    let event_id = keys().mint(place()).to_string();
    assert_eq!(
        body,
        json!({"event_id": event_id, "status": "pending", "message": "Event registered successfully"})
    );
}

#[tokio::test]
async fn the_record_is_the_body_and_its_envelope() {
    let handler = handler(Ok(place()));
    let body = r#" {"user_id":"u1","event_type":"click"} "#;
    let request = http::Request::post("/register_event")
        .header("content-type", "application/json")
        .header("ce-id", "order-1")
        .header("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
        .body(Body::Binary(body.into()))
        .unwrap();
    respond(&handler, &request).await;
    let mut captured = captured(&handler).unwrap();
    assert_eq!(captured.value, body.as_bytes());
    assert_eq!(captured.key.as_deref(), Some(b"u1".as_slice()));
    let time = captured.headers.remove("ce_time").unwrap();
    assert!(time.parse::<Timestamp>().is_ok(), "{time}");
    let expected = [
        ("ce_specversion", "1.0"),
        ("ce_id", "order-1"),
        ("ce_source", "/register_event"),
        ("ce_type", "click"),
        ("ce_receiptkey", "k1"),
        ("content-type", "application/json"),
        ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
    ];
    let expected: BTreeMap<String, String> =
        expected.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    assert_eq!(captured.headers, expected);
}

#[tokio::test]
async fn an_event_without_an_id_gets_a_fresh_one() {
    let handler = handler(Ok(place()));
    respond(&handler, &post("{}")).await;
    let id: Uuid = captured(&handler).unwrap().headers["ce_id"].parse().unwrap();
    assert_eq!(id.get_version_num(), 7);
}

#[tokio::test]
async fn what_is_refused_is_not_published() {
    for (request, status, code) in [
        (post("[1]"), 400, "invalid_json"),
        (post(&"x".repeat(1_000_001)), 413, "body_too_large"),
        (with_header("content-type", "text/plain"), 415, "unsupported_media_type"),
        (with_header("x-partition-key", &"k".repeat(4_097)), 400, "partition_key_too_long"),
        (with_header("ce-id", ""), 400, "invalid_header"),
    ] {
        let handler = handler(Ok(place()));
        let (got, headers, body) = respond(&handler, &request).await;
        assert_eq!((got, &body["error"]["code"]), (status, &json!(code)), "{body}");
        assert!(!headers.contains_key("retry-after"));
        assert!(captured(&handler).is_none(), "{code}");
    }
}

fn with_header(name: &str, value: &str) -> Request {
    http::Request::post("/register_event").header(name, value).body(Body::from("{}")).unwrap()
}

#[tokio::test]
async fn a_mistake_in_the_json_is_pointed_at() {
    let (_, _, body) = respond(&handler(Ok(place())), &post("{\n  \"a\": 1,\n}")).await;
    assert_eq!(
        body,
        json!({"error": {"code": "invalid_json", "message": "trailing comma", "line": 3, "column": 1}})
    );
}

#[tokio::test]
async fn what_was_certainly_not_registered_may_be_tried_again() {
    for error in [
        PublishError::Away,
        PublishError::QueueFull,
        PublishError::UnknownTopic { topic: "events".into() },
    ] {
        let (status, headers, body) = respond(&handler(Err(error)), &post("{}")).await;
        assert_eq!((status, &body["error"]["code"]), (503, &json!("not_registered")));
        assert_eq!(headers["retry-after"], "1");
        assert!(!body.to_string().contains("outcome unknown"));
    }
}

#[tokio::test]
async fn a_doubtful_outcome_has_no_receipt_and_says_so() {
    let doubt = CoordinatesError::Offset { offset: -1 };
    let error = PublishError::OutcomeUnknown {
        topic: "events".into(),
        source: publish::UnknownOutcome::NoPlace(doubt),
    };
    let (status, headers, body) = respond(&handler(Err(error)), &post("{}")).await;
    assert_eq!((status, &body["error"]["code"]), (503, &json!("outcome_unknown")));
    assert!(body.to_string().contains("outcome unknown"));
    assert!(!body.to_string().contains("event_id"));
    assert!(!headers.contains_key("retry-after"));
}

#[tokio::test]
async fn an_event_too_large_for_the_topic_is_refused() {
    let error = PublishError::TooLarge { size_bytes: 5_000 };
    let (status, _, body) = respond(&handler(Err(error)), &post("{}")).await;
    assert_eq!((status, &body["error"]["code"]), (413, &json!("body_too_large")));
}
