//! Consuming without a group: from the middle of a batch, by timestamp, waiting for what is not
//! there yet.

use std::time::Duration;

use rdkafka::consumer::Consumer;
use rdkafka::{Offset, TopicPartitionList};

use crate::support::{LIMIT, Outgoing, Running, Seen, next, send, send_all, topic};

#[tokio::test(flavor = "multi_thread")]
async fn a_fetch_from_the_middle_of_a_batch_gets_the_rest_and_what_follows() {
    let running = Running::with_topics(&[("events", 1)]).await;
    let batching = [("linger.ms", "200"), ("compression.type", "lz4")];
    let producer = running.producer(&batching);
    let values: Vec<_> = (0..100).map(|n| format!("value {n}")).collect();
    send_all(&producer, "events", &values[..60]).await;
    send_all(&producer, "events", &values[60..]).await;
    for from in [0, 1, 37, 59, 60, 61, 99] {
        let seen = running.read("events", 0, i64::try_from(from).unwrap(), 100 - from);
        assert_eq!(seen.iter().map(Seen::text).collect::<Vec<_>>(), values[from..], "from {from}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn records_over_many_segments_are_read_in_order() {
    let running = Running::with(vec![topic("small", 1, &[("segment.bytes", "500")])]).await;
    let producer = running.producer(&[("batch.num.messages", "2")]);
    let values: Vec<_> = (0..200).map(|n| format!("value {n}")).collect();
    send_all(&producer, "small", &values).await;
    let seen = running.read("small", 0, 0, 200);
    assert_eq!(seen.iter().map(Seen::text).collect::<Vec<_>>(), values);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_waiting_fetch_answers_when_a_record_arrives() {
    let running = Running::with_topics(&[("events", 1)]).await;
    let consumer = running.reader("events", 0, 0);
    assert!(consumer.poll(Duration::from_millis(300)).is_none());
    let out = Outgoing { value: Some("late"), ..Outgoing::default() };
    send(&running.producer(&[]), "events", out).await;
    assert_eq!(next(&consumer).text(), "late");
}

#[tokio::test(flavor = "multi_thread")]
async fn offsets_are_found_by_timestamp_inside_batches() {
    let running = Running::with_topics(&[("timed", 1)]).await;
    let producer = running.producer(&[("linger.ms", "200"), ("compression.type", "zstd")]);
    let sends = (0..10).map(|n| {
        let timestamp = Some(1_000 + n * 10);
        let out =
            Outgoing { partition: Some(0), value: Some("v"), timestamp, ..Outgoing::default() };
        send(&producer, "timed", out)
    });
    futures_util::future::join_all(sends).await;
    let consumer = running.reader("timed", 0, 0);
    let at = |timestamp| {
        let mut asked = TopicPartitionList::new();
        asked.add_partition_offset("timed", 0, Offset::Offset(timestamp)).unwrap();
        let found = consumer.offsets_for_times(asked, LIMIT).unwrap();
        found.elements()[0].offset()
    };
    assert_eq!(at(0), Offset::Offset(0));
    assert_eq!(at(1_000), Offset::Offset(0));
    assert_eq!(at(1_041), Offset::Offset(5));
    assert_eq!(at(1_090), Offset::Offset(9));
    assert_eq!(at(1_091), Offset::End);
    assert_eq!(consumer.fetch_watermarks("timed", 0, LIMIT).unwrap(), (0, 10));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_offset_outside_the_log_is_an_error() {
    let running = Running::with_topics(&[("events", 1)]).await;
    let consumer = running.reader("events", 0, 5);
    let error = consumer.poll(LIMIT).unwrap().unwrap_err();
    assert!(
        error.to_string().contains("OffsetOutOfRange")
            || error.to_string().contains("AutoOffsetReset"),
        "{error}"
    );
}
