//! The documents, compared whole with AWS's samples.

use std::sync::Arc;

use bytes::Bytes;

use super::*;
use crate::mapping::DeliveryId;

const ARN: &str = "arn:aws:kafka:us-east-1:123456789012:cluster/cluster-2/b5f5-2";
const FUNCTION: &str = "arn:aws:lambda:us-east-1:123456789012:function:myfunction";

fn source() -> Source {
    let cluster = EventSource::Msk { cluster_arn: ARN.to_owned() };
    let writer = EventWriter::new(&cluster, "b-1:9092", "Topic");
    Source {
        mapping: "14e0db71-xmpl-4eb5".to_owned(),
        function_arn: FUNCTION.to_owned(),
        cluster,
        bootstrap_servers: "b-1:9092".to_owned(),
        writer,
    }
}

fn record(offset: i64, timestamp_ms: i64) -> Record {
    let json = format!(r#"{{"topic":"Topic","offset":{offset},"key":"a2V5"}}"#);
    Record { offset, timestamp_ms, json: Bytes::from(json) }
}

fn delivery(condition: Condition, attempts: u32) -> Delivery {
    let records = [record(495, 1_573_689_884_835), record(497, 1_573_689_885_580)];
    Delivery {
        id: DeliveryId(0),
        partition: 0,
        epoch: 1,
        records: Arc::from(records),
        condition,
        attempts,
        function_error: true,
    }
}

fn document<'a>(source: &'a Source, delivery: &'a Delivery) -> Document<'a> {
    let at = "2019-11-14T00:38:06.021Z".parse().unwrap();
    Document { source, delivery, at, request_id: Uuid::from_u128(0x316a) }
}

fn batch_document() -> Value {
    json!({
        "requestContext": {
            "requestId": "00000000-0000-0000-0000-00000000316a",
            "functionArn": FUNCTION,
            "condition": "RetryAttemptsExhausted",
            "approximateInvokeCount": 3,
        },
        "responseContext": {
            "statusCode": 200,
            "executedVersion": "$LATEST",
            "functionError": "Unhandled",
        },
        "version": "1.0",
        "timestamp": "2019-11-14T00:38:06.021Z",
        "KafkaBatchInfo": {
            "batchSize": 2,
            "eventSourceArn": ARN,
            "bootstrapServers": "b-1:9092",
            "payloadSize": 250,
            "recordsInfo": {
                "Topic-0": {
                    "firstRecordOffset": "495",
                    "lastRecordOffset": "497",
                    "firstRecordTimestamp": "2019-11-14T00:04:44.835Z",
                    "lastRecordTimestamp": "2019-11-14T00:04:45.580Z",
                },
            },
        },
    })
}

fn parse(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn a_queue_gets_where_the_records_are() {
    let (source, delivery) = (source(), delivery(Condition::RetriesExhausted, 3));
    assert_eq!(parse(&document(&source, &delivery).of_batch()), batch_document());
}

#[test]
fn a_bucket_gets_the_event_as_text_as_well() {
    let (source, delivery) = (source(), delivery(Condition::RetriesExhausted, 3));
    let mut found = parse(&document(&source, &delivery).of_batch_with_payload());
    let payload = found["payload"].take();
    let event = parse(payload.as_str().unwrap());
    assert_eq!(event["records"]["Topic-0"][1]["offset"], 497);
    found.as_object_mut().unwrap().remove("payload");
    assert_eq!(found, batch_document());
    assert_eq!(
        document(&source, &delivery).object_key(),
        "aws/lambda/14e0db71-xmpl-4eb5/Topic-0/2019/11/14/\
         2019-11-14T00.38.06-00000000-0000-0000-0000-00000000316a.json"
    );
}

#[test]
fn a_topic_gets_each_record_with_its_event_under_its_key() {
    let (source, delivery) = (source(), delivery(Condition::RetriesExhausted, 3));
    let record = &delivery.records[0];
    let found = parse(&document(&source, &delivery).of_record(record));
    assert_eq!(found["requestContext"]["condition"], "RetriesExhausted");
    let info = json!({
        "batchSize": 1,
        "eventSourceArn": ARN,
        "bootstrapServers": "b-1:9092",
        "payloadSize": 206,
        "recordInfo": {"offset": "495", "timestamp": "2019-11-14T00:04:44.835Z"},
    });
    assert_eq!(found["KafkaBatchInfo"], info);
    assert_eq!(found["payload"]["eventSourceArn"], ARN);
    let records = json!([{"topic": "Topic", "offset": 495, "key": "a2V5"}]);
    assert_eq!(found["payload"]["records"]["Topic-0"], records);
    assert_eq!(key(record).as_deref(), Some(&b"key"[..]));
}

#[test]
fn what_was_never_invoked_has_no_response() {
    let source = source();
    for (condition, name) in [
        (Condition::TooLarge, "MaximumPayloadSizeExceeded"),
        (Condition::TooOld, "RecordAgeExceeded"),
    ] {
        let delivery = delivery(condition, 0);
        let found = parse(&document(&source, &delivery).of_batch());
        assert_eq!(found["requestContext"]["condition"], name);
        assert_eq!(found["responseContext"], Value::Null);
    }
}
