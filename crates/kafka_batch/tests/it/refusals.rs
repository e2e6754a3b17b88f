//! Documents that are no batch, each refused with its own reason.

use kafka_batch::{Batch, BatchError};

fn refusal(key: &str, records: &str) -> BatchError {
    let json = format!(r#"{{"eventSource":"aws:kafka","records":{{"{key}":[{records}]}}}}"#);
    Batch::parse(json.as_bytes()).expect_err("the event is wrong")
}

fn record(topic: &str, partition: i64, offset: i64) -> String {
    format!(
        r#"{{"topic":"{topic}","partition":{partition},"offset":{offset},"timestamp":0,"headers":[]}}"#
    )
}

#[test]
fn refuses_what_is_not_json_of_the_documented_shape() {
    for json in ["", "[]", r#"{"records":[]}"#, "{\"records\":{\"t-0\":[{}]}}", "\u{1f}"] {
        assert!(matches!(Batch::parse(json.as_bytes()), Err(BatchError::Shape(_))), "{json}");
    }
    assert!(matches!(Batch::parse(b"{\"records\":{\"\xff-0\":[]}}"), Err(BatchError::Shape(_))));
}

#[test]
fn refuses_an_event_of_another_service() {
    let error = Batch::parse(br#"{"eventSource":"aws:sqs","records":{}}"#).unwrap_err();
    assert!(matches!(error, BatchError::ForeignSource(name) if name == "aws:sqs"));
}

#[test]
fn refuses_a_key_that_is_not_a_topic_and_a_partition() {
    for key in ["topic", "topic-", "-0", "topic-x", "topic-+1", "topic-99999999999"] {
        assert!(matches!(refusal(key, ""), BatchError::PartitionKey(_)), "{key}");
    }
}

#[test]
fn refuses_a_record_under_the_key_of_another_partition_or_topic() {
    assert!(matches!(
        refusal("t-0", &record("t", 1, 0)),
        BatchError::Misplaced { partition: 1, .. }
    ));
    assert!(
        matches!(refusal("t-0", &record("u", 0, 0)), BatchError::Misplaced { topic, .. } if topic == "u")
    );
}

#[test]
fn refuses_negative_and_repeated_offsets() {
    assert!(matches!(
        refusal("t-0", &record("t", 0, -1)),
        BatchError::NegativeOffset { offset: -1, .. }
    ));
    let twice = [record("t", 0, 4), record("t", 0, 3), record("t", 0, 4)].join(",");
    assert!(matches!(refusal("t-0", &twice), BatchError::RepeatedOffset { offset: 4, .. }));
}

#[test]
fn refuses_offsets_repeated_under_a_repeated_key() {
    let one = record("t", 0, 4);
    let json = format!(r#"{{"records":{{"t-0":[{one}],"t-0":[{one}]}}}}"#);
    assert!(matches!(
        Batch::parse(json.as_bytes()),
        Err(BatchError::RepeatedOffset { offset: 4, .. })
    ));
}

#[test]
fn refuses_bytes_that_are_not_base64_and_says_where() {
    let json = r#"{"topic":"t","partition":0,"offset":9,"timestamp":0,"value":"?","headers":[]}"#;
    let error = refusal("t-0", json);
    assert_eq!(error.to_string(), "the value at offset 9 of `t-0` is not base64");
}

#[test]
fn refuses_a_header_byte_out_of_range() {
    for byte in ["-129", "256", "1.5"] {
        let json = format!(
            r#"{{"topic":"t","partition":0,"offset":9,"timestamp":0,"headers":[{{"h":[{byte}]}}]}}"#
        );
        assert!(matches!(refusal("t-0", &json), BatchError::Shape(_)), "{byte}");
    }
}
