//! AWS's documented events, and the variants seen in the wild.

use aws_lambda_events::event::kafka::KafkaEvent;
use kafka_batch::{Batch, Source};

/// The example of the Lambda Developer Guide, with a second partition and a second header.
const DOCUMENTED: &str = r#"{
  "eventSource": "aws:kafka",
  "eventSourceArn": "arn:aws:kafka:us-east-1:123456789012:cluster/vpc-2priv-2pub/751d2973-a626-431c-9d4e-d7975eb44dd7-2",
  "bootstrapServers": "b-2.demo.a1bcde.c1.kafka.us-east-1.amazonaws.com:9092,b-1.demo.a1bcde.c1.kafka.us-east-1.amazonaws.com:9092",
  "records": {
    "my-topic-10": [
      {"topic": "my-topic", "partition": 10, "offset": 7, "timestamp": 1545084650988, "timestampType": "CREATE_TIME", "headers": []}
    ],
    "my-topic-2": [
      {
        "topic": "my-topic", "partition": 2, "offset": 16, "timestamp": 1545084650987, "timestampType": "CREATE_TIME",
        "key": "abcDEFghiJKLmnoPQRstuVWXyz1234==", "value": "SGVsbG8sIHRoaXMgaXMgYSB0ZXN0Lg==",
        "headers": [{"headerKey": [104, 101, 97, 100, 101, 114, 86, 97, 108, 117, 101]}, {"name": [-61, -85]}]
      },
      {"topic": "my-topic", "partition": 2, "offset": 15, "timestamp": 1545084650980, "timestampType": "CREATE_TIME", "key": "", "value": null, "headers": []}
    ]
  }
}"#;

fn one_record(fields: &str) -> String {
    format!(
        r#"{{"eventSource":"aws:kafka","eventSourceArn":"arn","records":{{"t-0":[{{"topic":"t","partition":0,"offset":5,"timestamp":1{fields}}}]}}}}"#
    )
}

#[test]
fn orders_slices_by_the_number_of_the_partition_and_records_by_offset() {
    let batch = Batch::parse(DOCUMENTED.as_bytes()).unwrap();
    let places: Vec<_> = batch
        .slices()
        .iter()
        .map(|slice| {
            (slice.partition, slice.records.iter().map(|record| record.offset).collect::<Vec<_>>())
        })
        .collect();
    assert_eq!(places, [(2, vec![15, 16]), (10, vec![7])]);
    assert_eq!(batch.record_count(), 3);
    assert_eq!(batch.slices()[0].topic, "my-topic");
    assert_eq!(batch.slices()[0].partition_key(), "my-topic-2");
}

#[test]
fn decodes_keys_values_and_signed_header_bytes() {
    let batch = Batch::parse(DOCUMENTED.as_bytes()).unwrap();
    let record = &batch.slices()[0].records[1];
    assert_eq!(record.value.as_deref(), Some(&b"Hello, this is a test."[..]));
    assert_eq!(record.key.as_ref().unwrap().len(), 22);
    assert_eq!(record.timestamp_ms, 1_545_084_650_987);
    assert_eq!(record.headers[0].name, "headerKey");
    assert_eq!(record.headers[0].value, b"headerValue");
    assert_eq!(record.headers[1].value, "ë".as_bytes());
}

#[test]
fn tells_an_empty_key_from_none_and_a_tombstone_from_an_empty_value() {
    let batch = Batch::parse(DOCUMENTED.as_bytes()).unwrap();
    let [tombstone, _] = batch.slices()[0].records.as_slice() else { panic!("two records") };
    assert_eq!(tombstone.key.as_deref(), Some(&b""[..]));
    assert_eq!(tombstone.value, None);
    let absent = &batch.slices()[1].records[0];
    assert_eq!((absent.key.as_ref(), absent.value.as_ref()), (None, None));
    let empty = one_record(r#","value":"","headers":[]"#);
    let batch = Batch::parse(empty.as_bytes()).unwrap();
    assert_eq!(batch.slices()[0].records[0].value.as_deref(), Some(&b""[..]));
}

#[test]
fn names_the_cluster_of_msk_and_none_for_self_managed_clusters() {
    let batch = Batch::parse(DOCUMENTED.as_bytes()).unwrap();
    let Source::Msk { cluster_arn } = batch.source() else { panic!("an MSK event") };
    assert!(cluster_arn.ends_with("751d2973-a626-431c-9d4e-d7975eb44dd7-2"));
    for source in ["SelfManagedKafka", "aws:SelfManagedKafka", "aws:kafka"] {
        let json = format!(r#"{{"eventSource":"{source}","records":{{}}}}"#);
        assert_eq!(Batch::parse(json.as_bytes()).unwrap().source(), &Source::SelfManaged);
    }
}

#[test]
fn accepts_headers_that_are_absent_null_valueless_or_unsigned() {
    for (fields, expected) in [
        ("", vec![]),
        (r#","headers":null"#, vec![]),
        (r#","headers":[{"h":null}]"#, vec![("h", vec![])]),
        (
            r#","headers":[{"h":[195,171]},{"h":[-61,-85]}]"#,
            vec![("h", vec![195, 171]), ("h", vec![195, 171])],
        ),
    ] {
        let json = one_record(fields);
        let batch = Batch::parse(json.as_bytes()).unwrap();
        let headers: Vec<_> = batch.slices()[0].records[0]
            .headers
            .iter()
            .map(|header| (header.name.as_ref(), header.value.clone()))
            .collect();
        assert_eq!(headers, expected, "{fields}");
    }
}

#[test]
fn accepts_a_record_without_a_timestamp() {
    let json = r#"{"eventSource":"SelfManagedKafka","records":{"t-0":[{"topic":"t","partition":0,"offset":0,"timestamp":-1,"headers":[]}]}}"#;
    assert_eq!(Batch::parse(json.as_bytes()).unwrap().slices()[0].records[0].timestamp_ms, -1);
}

#[test]
fn accepts_escapes_inside_base64() {
    let json = one_record(r#","value":"\/\/\/\/","headers":[]"#);
    let batch = Batch::parse(json.as_bytes()).unwrap();
    assert_eq!(batch.slices()[0].records[0].value.as_deref(), Some(&[0xff, 0xff, 0xff][..]));
}

#[test]
fn ignores_the_fields_of_a_schema_registry() {
    let json = one_record(
        r#","value":"e30=","valueSchemaMetadata":{"dataFormat":"JSON","schemaId":"1"},"headers":[]"#,
    );
    let batch = Batch::parse(json.as_bytes()).unwrap();
    assert_eq!(batch.slices()[0].records[0].value.as_deref(), Some(&b"{}"[..]));
}

#[test]
fn an_event_without_records_is_an_empty_batch() {
    for json in [r#"{"records":{}}"#, r#"{"records":null}"#, r#"{"records":{"t-0":[]}}"#] {
        assert!(Batch::parse(json.as_bytes()).unwrap().slices().is_empty(), "{json}");
    }
}

#[test]
fn is_the_same_batch_from_the_event_type_of_aws_lambda_events() {
    let mut ours = Batch::parse(DOCUMENTED.as_bytes()).unwrap();
    let event: KafkaEvent = serde_json::from_str(DOCUMENTED).unwrap();
    let theirs = Batch::try_from(event).unwrap();
    // That type may lose a millisecond, so timestamps are compared apart.
    assert!(ours.slices().iter().zip(theirs.slices()).all(|(a, b)| {
        a.records
            .iter()
            .zip(&b.records)
            .all(|(a, b)| (0..=1).contains(&(a.timestamp_ms - b.timestamp_ms)))
    }));
    let without_times = |batch: &Batch<'_>| {
        let mut slices = batch.slices().to_vec();
        slices
            .iter_mut()
            .flat_map(|slice| &mut slice.records)
            .for_each(|record| record.timestamp_ms = 0);
        format!("{:?} {slices:?}", batch.source())
    };
    assert_eq!(without_times(&ours), without_times(&theirs));
    ours = theirs;
    assert_eq!(ours.record_count(), 3);
}
