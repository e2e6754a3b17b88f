//! The answers that AWS documents, and those in the wild.

use std::sync::Arc;

use bytes::Bytes;

use super::*;
use crate::mapping::batch::{BatchId, Record, Slice};

/// Offsets 4, 5 and 7 of partition 0, and 1 of partition 3.
fn batch() -> Batch {
    let slice = |partition, offsets: &[i64]| {
        let record = |&offset| Record { offset, timestamp_ms: 0, json: Bytes::new() };
        Slice { partition, epoch: 1, records: offsets.iter().map(record).collect::<Arc<[_]>>() }
    };
    Batch { id: BatchId(0), slices: vec![slice(0, &[4, 5, 7]), slice(3, &[1])] }
}

#[track_caller]
fn check(answer: &str, expected: &Answer, kind: Option<Kind>) {
    let (found, misreading) = read(answer.as_bytes(), "my-topic", &batch());
    assert_eq!((&found, misreading.as_ref().map(|m| m.kind)), (expected, kind), "{answer}");
}

#[test]
fn nothing_that_failed_is_complete_success() {
    for answer in ["", "null", "{}", r#"{"batchItemFailures":[]}"#, r#"{"batchItemFailures":null}"#]
    {
        check(answer, &Answer::Complete, None);
    }
}

#[test]
fn records_that_failed_are_named_by_partition_and_offset() {
    let answer = r#"{"batchItemFailures":[
        {"itemIdentifier":{"partition":"my-topic-0","offset":7}},
        {"itemIdentifier":{"partition":"my-topic-3","offset":1}},
        {"itemIdentifier":{"partition":"my-topic-0","offset":4}}]}"#;
    let failed = BTreeMap::from([(0, BTreeSet::from([4, 7])), (3, BTreeSet::from([1]))]);
    check(answer, &Answer::Failed(failed), None);
}

#[test]
fn an_item_that_aws_cannot_read_fails_the_whole_batch() {
    for (item, kind) in [
        (r#""my-topic-0-4""#, Kind::Identifier),
        (r#"{"itemIdentifier":"4"}"#, Kind::Identifier),
        (r#"{"itemIdentifier":null}"#, Kind::Identifier),
        (r#"{"item_identifier":{"partition":"my-topic-0","offset":4}}"#, Kind::Identifier),
        (r#"{"itemIdentifier":{"topic-partition":"my-topic-0","offset":4}}"#, Kind::Partition),
        (r#"{"itemIdentifier":{"topicPartition":"my-topic-0","offset":4}}"#, Kind::Partition),
        (r#"{"itemIdentifier":{"partition":0,"offset":4}}"#, Kind::Partition),
        (r#"{"itemIdentifier":{"partition":"0","offset":4}}"#, Kind::Partition),
        (r#"{"itemIdentifier":{"partition":"my-topic-0","offset":"4"}}"#, Kind::Offset),
        (r#"{"itemIdentifier":{"partition":"my-topic-0"}}"#, Kind::Offset),
        (r#"{"itemIdentifier":{"partition":"my-topic-0","offset":6}}"#, Kind::Stranger),
        (r#"{"itemIdentifier":{"partition":"my-topic-1","offset":4}}"#, Kind::Stranger),
    ] {
        let good = r#"{"itemIdentifier":{"partition":"my-topic-3","offset":1}}"#;
        let answer = format!(r#"{{"batchItemFailures":[{good},{item}]}}"#);
        check(&answer, &Answer::Unusable, Some(kind));
    }
    check(r#"{"batchItemFailures":{"partition":0}}"#, &Answer::Unusable, Some(Kind::Identifier));
}

#[test]
fn a_misspelt_list_is_complete_success_and_explained() {
    for key in ["batch_item_failures", "BatchItemFailures", "batchItemFailure", "batchitemfailures"]
    {
        check(&format!(r#"{{"{key}":[]}}"#), &Answer::Complete, Some(Kind::Failures));
    }
    check(r#"{"failures":[]}"#, &Answer::Complete, None);
    check(r#""ok""#, &Answer::Complete, Some(Kind::NotAnObject));
}

#[test]
fn the_explanation_shows_what_was_found_and_what_was_wanted() {
    let answer =
        br#"{"batchItemFailures":[{"itemIdentifier":{"topic-partition":"t-0","offset":4}}]}"#;
    let (_, misreading) = read(answer, "t", &batch());
    assert_eq!(
        misreading.unwrap().to_string(),
        r#"the function answered `{"itemIdentifier":{"offset":4,"topic-partition":"t-0"}}`, AWS reads `{"itemIdentifier":{"partition":"t-0","offset":4}}` with a record of this event: the whole batch counts as failed"#
    );
}

#[test]
fn an_answer_nobody_asked_for_is_explained() {
    let answer = br#"{"batchItemFailures":[{"itemIdentifier":{"partition":"t-0","offset":4}}]}"#;
    assert_eq!(not_asked(answer).unwrap().kind, Kind::NotAsked);
    for answer in [&b"null"[..], b"", br#"{"batchItemFailures":[]}"#, br#""batchItemFailures""#] {
        assert_eq!(not_asked(answer), None);
    }
}
