//! The event, compared whole with what AWS documents and with what consumers can read.

use aws_lambda_events::event::kafka::KafkaEvent;
use serde_json::{Value, json};

use super::*;
use crate::mapping::Record;

const ARN: &str = "arn:aws:kafka:sa-east-1:123456789012:cluster/vpc-2priv-2pub/751d2973-a626-431c-9d4e-d7975eb44dd7-2";

fn msk() -> EventWriter {
    let source = EventSource::Msk { cluster_arn: ARN.to_owned() };
    EventWriter::new(&source, "b-2.demo:9092,b-1.demo:9092", "mytopic")
}

fn view(offset: i64) -> RecordView<'static> {
    RecordView {
        partition: 0,
        offset,
        timestamp: Timestamp::Create(1_545_084_650_987),
        key: None,
        value: None,
    }
}

type Headers<'a> = &'a [(&'a str, Option<&'a [u8]>)];

fn record(writer: &EventWriter, view: RecordView<'_>, headers: Headers<'_>) -> Record {
    let mut json = Vec::new();
    writer.write_record(&mut json, view, headers.iter().copied());
    Record { offset: view.offset, timestamp_ms: 0, json: Bytes::from(json) }
}

#[track_caller]
fn check_record(view: RecordView<'_>, headers: Headers<'_>, expected: &str) {
    let record = record(&msk(), view, headers);
    assert_eq!(std::str::from_utf8(&record.json).unwrap(), expected);
}

#[test]
fn writes_the_documented_msk_event() {
    let writer = msk();
    let view = RecordView {
        key: Some(b"i\xb7\x1d\x10T(\xb2"),
        value: Some(b"Hello, this is a test."),
        ..view(15)
    };
    let records = [record(&writer, view, &[("headerKey", Some(b"headerValue"))])];
    let event = writer.write([(0, &records[..])].into_iter());
    let expected = json!({
        "eventSource": "aws:kafka",
        "eventSourceArn": ARN,
        "bootstrapServers": "b-2.demo:9092,b-1.demo:9092",
        "records": {"mytopic-0": [{
            "topic": "mytopic",
            "partition": 0,
            "offset": 15,
            "timestamp": 1_545_084_650_987_i64,
            "timestampType": "CREATE_TIME",
            "key": "abcdEFQosg==",
            "value": "SGVsbG8sIHRoaXMgaXMgYSB0ZXN0Lg==",
            "headers": [{"headerKey": [104, 101, 97, 100, 101, 114, 86, 97, 108, 117, 101]}],
        }]},
    });
    assert_eq!(serde_json::from_slice::<Value>(&event).unwrap(), expected);
}

#[test]
fn a_self_managed_event_carries_no_arn() {
    let writer = EventWriter::new(&EventSource::SelfManaged, "localhost:9092", "t");
    let event = writer.write([(3, &[][..])].into_iter());
    assert_eq!(
        std::str::from_utf8(&event).unwrap(),
        r#"{"eventSource":"SelfManagedKafka","bootstrapServers":"localhost:9092","records":{"t-3":[]}}"#
    );
}

#[test]
fn leaves_out_a_null_key_and_a_tombstones_value() {
    check_record(
        view(7),
        &[],
        r#"{"topic":"mytopic","partition":0,"offset":7,"timestamp":1545084650987,"timestampType":"CREATE_TIME","headers":[]}"#,
    );
}

#[test]
fn an_empty_key_or_value_is_an_empty_string() {
    check_record(
        RecordView { key: Some(b""), value: Some(b""), ..view(7) },
        &[],
        r#"{"topic":"mytopic","partition":0,"offset":7,"timestamp":1545084650987,"timestampType":"CREATE_TIME","key":"","value":"","headers":[]}"#,
    );
}

#[test]
fn header_bytes_are_signed_and_headers_keep_their_order_and_repeats() {
    check_record(
        view(7),
        &[
            ("a", Some("ë".as_bytes())),
            ("a", Some(&[0, 127, 128, 255])),
            ("null", None),
            ("quote\"\n", Some(b"x")),
        ],
        r#"{"topic":"mytopic","partition":0,"offset":7,"timestamp":1545084650987,"timestampType":"CREATE_TIME","headers":[{"a":[-61,-85]},{"a":[0,127,-128,-1]},{"null":[]},{"quote\"\n":[120]}]}"#,
    );
}

#[test]
fn names_the_clock_of_the_timestamp() {
    let stamped = |timestamp| {
        let json = record(&msk(), RecordView { timestamp, ..view(7) }, &[]).json;
        let value: Value = serde_json::from_slice(&json).unwrap();
        (value["timestamp"].as_i64().unwrap(), value["timestampType"].as_str().unwrap().to_owned())
    };
    assert_eq!(stamped(Timestamp::LogAppend(12)), (12, "LOG_APPEND_TIME".to_owned()));
    assert_eq!(stamped(Timestamp::Missing), (0, "NO_TIMESTAMP_TYPE".to_owned()));
    assert_eq!(stamped(Timestamp::Create(-5)), (0, "CREATE_TIME".to_owned()));
}

#[test]
fn one_event_carries_several_partitions() {
    let writer = msk();
    let first = [record(&writer, view(1), &[]), record(&writer, view(2), &[])];
    let second = [record(&writer, RecordView { partition: 12, ..view(9) }, &[])];
    let event = writer.write([(0, &first[..]), (12, &second[..])].into_iter());
    let value: Value = serde_json::from_slice(&event).unwrap();
    let records = value["records"].as_object().unwrap();
    assert_eq!(records["mytopic-0"].as_array().unwrap().len(), 2);
    assert_eq!(records["mytopic-12"][0]["partition"], 12);
}

#[test]
fn sizes_are_what_is_written() {
    let writer = msk();
    let first = [record(&writer, view(1), &[]), record(&writer, view(2), &[])];
    let second = [record(&writer, RecordView { partition: 12, ..view(9) }, &[])];
    let written = writer.write([(0, &first[..]), (12, &second[..])].into_iter()).len();
    let json: usize = first.iter().chain(&second).map(|record| record.json.len()).sum();
    let commas = 2; // one between the arrays, one in the first
    let sized = writer.envelope_bytes() + writer.slice_bytes(0) + writer.slice_bytes(12);
    assert_eq!(sized + json + commas, written);
}

#[test]
fn every_kind_of_record_parses_as_the_public_kafka_event() {
    let writer = msk();
    let records = [
        record(&writer, view(0), &[]),
        record(&writer, RecordView { key: Some(b""), value: Some(b"\xff\x00"), ..view(1) }, &[]),
        record(&writer, RecordView { timestamp: Timestamp::Missing, ..view(2) }, &[]),
        record(&writer, view(3), &[("h", None), ("h", Some(b"\xc3\xab"))]),
    ];
    let event = writer.write([(0, &records[..])].into_iter());
    let event: KafkaEvent = serde_json::from_slice(&event).unwrap();
    let parsed = &event.records["mytopic-0"];
    assert_eq!(parsed.iter().map(|record| record.offset).collect::<Vec<_>>(), [0, 1, 2, 3]);
    assert_eq!(parsed[1].value.as_deref(), Some("/wA="));
    assert_eq!(parsed[3].headers[1]["h"], [-61, -85]);
}

#[test]
fn integers_are_written_to_their_limits() {
    for value in [0, 9, 10, -1, i64::MIN, i64::MAX] {
        let mut out = Vec::new();
        push_integer(&mut out, value);
        assert_eq!(String::from_utf8(out).unwrap(), value.to_string());
    }
}

#[test]
fn every_byte_is_written_as_its_signed_number() {
    let bytes: Vec<u8> = (0..=u8::MAX).collect();
    let mut out = Vec::new();
    push_bytes(&mut out, &bytes);
    let numbers: Vec<String> = bytes.iter().map(|byte| byte.cast_signed().to_string()).collect();
    assert_eq!(String::from_utf8(out).unwrap(), numbers.join(","));
}
