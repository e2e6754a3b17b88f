//! Producing: idempotent, compressed, partitioned, with everything a record can carry.

use rdkafka::message::{Header, OwnedHeaders};

use crate::support::{LIMIT, Outgoing, Running, Seen, send, send_all, topic};

#[tokio::test(flavor = "multi_thread")]
async fn an_idempotent_producer_gets_consecutive_offsets() {
    let running = Running::with_topics(&[("events", 1)]).await;
    let producer = running.producer(&[]);
    for expected in 0..5 {
        let out = Outgoing { value: Some("v"), ..Outgoing::default() };
        assert_eq!(send(&producer, "events", out).await, (0, expected));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_go_where_kafkas_own_partitioner_sends_them() {
    let running = Running::with_topics(&[("orders", 4)]).await;
    let producer = running.producer(&[("partitioner", "murmur2_random")]);
    // Keys and their hashes from Kafka's own `UtilsTest.testMurmur2`.
    for (key, hash) in [
        ("21", -973_932_308),
        ("foobar", -790_332_482),
        ("a-little-bit-long-string", -985_981_536),
        ("abc", 479_470_107),
    ] {
        let out = Outgoing { key: Some(key), value: Some("v"), ..Outgoing::default() };
        assert_eq!(send(&producer, "orders", out).await.0, (hash & i32::MAX) % 4, "{key}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn batches_of_every_codec_are_read_back() {
    let running = Running::with_topics(&[("packed", 1)]).await;
    let mut expected = Vec::new();
    for codec in ["none", "gzip", "snappy", "lz4", "zstd"] {
        let producer = running.producer(&[("compression.type", codec), ("linger.ms", "20")]);
        let values: Vec<_> = (0..50).map(|n| format!("{codec} {n} {}", "x".repeat(100))).collect();
        send_all(&producer, "packed", &values).await;
        expected.extend(values);
    }
    let seen = running.read("packed", 0, 0, expected.len());
    assert_eq!(seen.iter().map(Seen::text).collect::<Vec<_>>(), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn tombstones_headers_and_missing_keys_survive() {
    let running = Running::with_topics(&[("odd", 1)]).await;
    let producer = running.producer(&[]);
    let headers = OwnedHeaders::new()
        .insert(Header { key: "twice", value: Some("1") })
        .insert(Header { key: "twice", value: Some("2") })
        .insert(Header { key: "null", value: None::<&str> });
    let tombstone = Outgoing { key: Some("k"), headers: Some(headers), ..Outgoing::default() };
    send(&producer, "odd", tombstone).await;
    let keyless = Outgoing { value: Some(""), timestamp: Some(1_234), ..Outgoing::default() };
    send(&producer, "odd", keyless).await;
    let seen = running.read("odd", 0, 0, 2);
    assert_eq!((seen[0].key.as_deref(), seen[0].value.as_deref()), (Some(&b"k"[..]), None));
    let header = |key: &str, value: Option<&str>| {
        (key.to_owned(), value.map(|value| value.as_bytes().to_vec()))
    };
    let expected = [header("twice", Some("1")), header("twice", Some("2")), header("null", None)];
    assert_eq!(seen[0].headers, expected);
    assert_eq!((seen[1].key.as_deref(), seen[1].value.as_deref()), (None, Some(&b""[..])));
    assert_eq!(seen[1].timestamp, 1_234);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_over_the_topics_limit_is_refused_and_one_within_is_not() {
    let small = topic("small", 1, &[("max.message.bytes", "1000")]);
    let large = topic("large", 1, &[("max.message.bytes", "3000000")]);
    let running = Running::with(vec![small, large]).await;
    let producer = running.producer(&[("message.max.bytes", "3000000")]);
    let value = "x".repeat(2_000_000);
    let record = rdkafka::producer::FutureRecord::<(), _>::to("small").payload(&value);
    let (error, _) = producer.send(record, LIMIT).await.unwrap_err();
    let expected = rdkafka::types::RDKafkaErrorCode::MessageSizeTooLarge;
    assert_eq!(error.rdkafka_error_code(), Some(expected));
    let out = Outgoing { value: Some(&value), ..Outgoing::default() };
    assert_eq!(send(&producer, "large", out).await, (0, 0));
    assert_eq!(running.read("large", 0, 0, 1)[0].value.as_ref().map(Vec::len), Some(2_000_000));
}

#[tokio::test(flavor = "multi_thread")]
async fn append_time_replaces_the_producers_where_the_topic_says_so() {
    let configs = [("message.timestamp.type", "LogAppendTime")];
    let running = Running::with(vec![topic("stamped", 1, &configs)]).await;
    let out = Outgoing { value: Some("v"), timestamp: Some(1), ..Outgoing::default() };
    send(&running.producer(&[]), "stamped", out).await;
    assert!(running.read("stamped", 0, 0, 1)[0].timestamp > 1_000_000);
}
