//! What becomes of one event, of many, and of records that nobody expected.

use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord};
use serde_json::{Value, json};

use crate::cloud::{Cloud, PATIENCE, text};

#[tokio::test]
async fn an_event_is_registered_processed_and_found_by_its_id() {
    let cloud = Cloud::start();
    let body = r#"{"user_id":"u1","event_type":"page_view","payload":{"path":"/"}}"#;
    let registered = cloud.post("/register_event", body).await;
    assert_eq!(registered.status, 202, "{:?}", registered.body);
    assert_eq!(registered.body["status"], "pending");

    let event_id = registered.body["event_id"].as_str().expect("an id");
    let settled = cloud.settled(event_id).await;
    assert_eq!(settled["status"], "processed", "{settled}");
    assert_eq!(settled["event_id"], event_id);

    let listed = cloud.ops(&["events"]);
    assert!(text(&listed).contains(event_id), "{}", text(&listed));
    assert_eq!(cloud.get("/get_status").await.status, 200);
    assert_eq!(cloud.get("/health").await.status, 200);
}

#[tokio::test]
async fn an_id_that_was_never_issued_is_not_found() {
    let cloud = Cloud::start();
    for id in ["8f14e45f-ceea-867f-9c3d-0123456789ab", "not-an-id"] {
        let answer = cloud.get(&format!("/get_status/{id}")).await;
        assert_eq!(answer.status, 404, "{id}: {:?}", answer.body);
    }
}

#[tokio::test]
async fn a_body_that_is_no_event_is_refused_with_its_place() {
    let cloud = Cloud::start();
    for body in ["", "[1]", "{\"a\":", "nonsense"] {
        let answer = cloud.post("/register_event", body).await;
        assert_eq!(answer.status, 400, "{body}: {:?}", answer.body);
        assert!(!answer.body.to_string().contains("event_id"), "{body}: {:?}", answer.body);
        assert!(!answer.retry_after, "to try again would not help: {body}");
    }
}

#[tokio::test]
async fn a_load_is_accepted_and_every_event_of_it_processed_once() {
    let cloud = Cloud::start();
    let load = cloud.millrace(&["load", "--requests", "3000", "--connections", "64", "--json"]);
    let report: Value = serde_json::from_slice(&load.stdout).expect("`load --json` is JSON");
    assert_eq!(report["accepted"], 3000, "{report}");

    let ledger = cloud.ledger();
    let expected = json!({
        "accepted": 3000, "ambiguous": 0, "processed": 3000, "failed": 0, "dead": 0,
        "pending": 0, "lost": 0, "twice": 0,
    });
    assert_eq!(ledger, expected);
}

/// A record as any Kafka client may write it.
struct Raw<'a> {
    why: &'a str,
    key: Option<&'a [u8]>,
    value: Option<Vec<u8>>,
    headers: &'a [(&'a str, Option<&'a [u8]>)],
    /// The state it must end in.
    state: &'a str,
}

#[tokio::test]
async fn records_that_are_not_ours_end_in_the_right_state_and_block_nothing() {
    let cloud = Cloud::start();
    let producer: FutureProducer = ClientConfig::new()
        .set("bootstrap.servers", cloud.address("kafka"))
        .set("message.max.bytes", "1000000")
        .create()
        .expect("a producer");
    let mut large = br#"{"load":""#.to_vec();
    large.extend(std::iter::repeat_with(|| fastrand::alphanumeric() as u8).take(900 * 1024));
    large.extend(br#""}"#);
    let records = [
        Raw { why: "tombstone", key: Some(b"k"), value: None, headers: &[], state: "skipped" },
        Raw {
            why: "900 KB",
            key: Some(b"k"),
            value: Some(large),
            headers: &[],
            state: "processed",
        },
        Raw {
            why: "binary value",
            key: Some(b"k"),
            value: Some((0..=255).collect()),
            headers: &[],
            state: "failed",
        },
        Raw {
            why: "no key, no headers",
            key: None,
            value: Some(br#"{"a":1}"#.to_vec()),
            headers: &[],
            state: "processed",
        },
        Raw {
            why: "plain text, as kcat sends it",
            key: None,
            value: Some(b"hello".to_vec()),
            headers: &[],
            state: "failed",
        },
        Raw {
            why: "empty value, binary key, headers of somebody else",
            key: Some(&[0, 255, 254]),
            value: Some(Vec::new()),
            headers: &[("x", Some(&[0xC3, 0xAB])), ("x", None), ("ce_id", Some(b""))],
            state: "failed",
        },
    ];
    for record in &records {
        let (partition, offset) = produce(&producer, cloud.topic(), record).await;
        let event_id = cloud.event_id(partition, offset);
        let settled = cloud.settled(&event_id).await;
        assert_eq!(settled["status"], record.state, "{}: {settled}", record.why);
    }
    let registered = cloud.post("/register_event", r#"{"after":"all of them"}"#).await;
    let event_id = registered.body["event_id"].as_str().expect("an id");
    assert_eq!(cloud.settled(event_id).await["status"], "processed");
}

async fn produce(producer: &FutureProducer, topic: &str, record: &Raw<'_>) -> (i32, i64) {
    let headers = record.headers.iter().fold(OwnedHeaders::new(), |headers, (key, value)| {
        headers.insert(Header { key, value: *value })
    });
    let mut message = FutureRecord::<[u8], [u8]>::to(topic).partition(1);
    if !record.headers.is_empty() {
        message = message.headers(headers);
    }
    message.key = record.key;
    message.payload = record.value.as_deref();
    let delivery = producer.send(message, Duration::from_secs(10));
    let delivery = tokio::time::timeout(PATIENCE, delivery).await.expect("a delivery in time");
    let delivery = delivery.unwrap_or_else(|(error, _)| panic!("{}: {error}", record.why));
    (delivery.partition, delivery.offset)
}
