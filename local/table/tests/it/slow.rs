//! A table that is made slow.

use std::time::Duration;

use aws_sdk_dynamodb::types::{PutRequest, WriteRequest};
use tokio::time::Instant;

use crate::support::{events, start, text};

const DELAY: Duration = Duration::from_millis(300);

#[tokio::test]
async fn a_slow_table_delays_each_request_and_answers_it_all_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let (table, client) = start(folder.path(), &[events()]).await.unwrap();
    let put = |sort: &str, body: usize| {
        let item = client.put_item().table_name("events").item("pk", text("a"));
        item.item("sk", text(sort)).item("body", text(&"x".repeat(body))).send()
    };
    put("1", 1).await.unwrap();
    table.slow_down(DELAY, Duration::from_hours(1));
    for (sort, body) in [("2", 1), ("3", 300_000)] {
        let begun = Instant::now();
        put(sort, body).await.unwrap();
        assert!(begun.elapsed() >= DELAY, "{:?}", begun.elapsed());
    }
    table.slow_down(Duration::ZERO, Duration::ZERO);
    put("4", 1).await.unwrap();
    let all = client.scan().table_name("events").send().await.unwrap();
    assert_eq!(all.count, 4);
    table.shutdown().await;
}

/// Such a request comes in several pieces.
#[tokio::test]
async fn a_large_request_waits_once() {
    let folder = tempfile::tempdir().unwrap();
    let (table, client) = start(folder.path(), &[events()]).await.unwrap();
    let delay = Duration::from_secs(2);
    let put = |sort: usize| {
        let item = PutRequest::builder().item("pk", text("a"));
        let item = item.item("sk", text(&sort.to_string()));
        let item = item.item("body", text(&"x".repeat(390_000))).build().unwrap();
        WriteRequest::builder().put_request(item).build()
    };
    table.slow_down(delay, Duration::from_hours(1));
    let begun = Instant::now();
    let requests = (0..25).map(put).collect();
    client.batch_write_item().request_items("events", requests).send().await.unwrap();
    assert!((delay..delay * 2).contains(&begun.elapsed()), "{:?}", begun.elapsed());
    table.shutdown().await;
}
