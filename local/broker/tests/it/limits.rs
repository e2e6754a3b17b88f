//! Clients that send too much, stop half-way or do not read: each loses its connection, nobody else
//! notices.

use std::time::Duration;

use broker::{BrokerConfig, Limits};
use bytes::{BufMut, BytesMut};
use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::{ApiKey, BrokerId, FetchRequest, RequestHeader, TopicName};
use kafka_protocol::protocol::{Encodable, StrBytes};
use rdkafka::consumer::{BaseConsumer, Consumer};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::raw::{connect, exchange};
use crate::support::{LIMIT, Outgoing, Running, send, send_all, topic};

/// Version 0 of Metadata without topics, which every broker answers.
const METADATA: [u8; 14] = [0, 3, 0, 0, 0, 0, 0, 7, 0xff, 0xff, 0, 0, 0, 0];

async fn limited(change: impl FnOnce(&mut Limits)) -> Running {
    let directory = TempDir::new().expect("a temporary directory");
    let mut limits = Limits::default();
    change(&mut limits);
    let topics = vec![topic("events", 1, &[])];
    let config = BrokerConfig { limits, topics, ..BrokerConfig::new(directory.path()) };
    Running::configured(directory, config).await
}

async fn is_closed(stream: &mut TcpStream) -> bool {
    let mut into = vec![0; 1 << 16];
    let ended = async {
        loop {
            match stream.read(&mut into).await {
                Ok(0) | Err(_) => return true,
                Ok(_) => {}
            }
        }
    };
    timeout(LIMIT, ended).await.unwrap_or(false)
}

async fn works(running: &Running) {
    let out = Outgoing { value: Some("still here"), ..Outgoing::default() };
    send(&running.producer(&[]), "events", out).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_too_many_is_closed_and_those_before_go_on() {
    let running = limited(|limits| limits.connections_max = 2).await;
    let mut first = connect(&running).await;
    let mut second = connect(&running).await;
    for stream in [&mut first, &mut second] {
        assert!(exchange(stream, &METADATA).await.is_some());
    }
    assert!(is_closed(&mut connect(&running).await).await);
    assert!(exchange(&mut first, &METADATA).await.is_some());
    drop(second);
    let place_is_free = async {
        while exchange(&mut connect(&running).await, &METADATA).await.is_none() {
            tokio::task::yield_now().await;
        }
    };
    timeout(LIMIT, place_is_free).await.expect("the place of one that left");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_over_the_limit_is_not_even_read() {
    let running = limited(|limits| limits.request_bytes_max = 10_000).await;
    for announced in [10_001, i32::MAX, -1] {
        let mut stream = connect(&running).await;
        stream.write_all(&announced.to_be_bytes()).await.unwrap();
        assert!(is_closed(&mut stream).await, "{announced} bytes");
    }
    works(&running).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_stops_half_way_ends_its_connection() {
    let running = limited(|limits| limits.transfer_max = Duration::from_millis(100)).await;
    let mut stream = connect(&running).await;
    stream.write_all(&[0, 0, 0, 9, 0]).await.unwrap();
    assert!(is_closed(&mut stream).await);
    works(&running).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn large_requests_that_never_come_hold_up_no_small_one() {
    let running = limited(|limits| limits.requests_bytes_max = 1 << 20).await;
    let mut announced = Vec::new();
    for _ in 0..3 {
        let mut stream = connect(&running).await;
        stream.write_all(&(1_i32 << 20).to_be_bytes()).await.unwrap();
        stream.write_all(&[0; 8]).await.unwrap();
        announced.push(stream);
    }
    works(&running).await;
    let consumer: BaseConsumer = running.client().create().unwrap();
    consumer.fetch_metadata(Some("events"), LIMIT).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_does_not_read_its_answers_is_dropped() {
    let running = limited(|limits| limits.transfer_max = Duration::from_millis(200)).await;
    let values = vec!["x".repeat(500_000); 40];
    send_all(&running.producer(&[]), "events", &values).await;
    let mut stream = connect(&running).await;
    let request = fetch();
    // Until neither the sockets nor the broker take more of it.
    let sending = async {
        loop {
            if stream.write_all(&request).await.is_err() {
                return;
            }
        }
    };
    timeout(LIMIT, sending).await.expect("the broker closes the connection");
    assert_eq!(running.read("events", 0, 0, 40).len(), 40);
}

/// A request for all there is.
fn fetch() -> BytesMut {
    let partition = FetchPartition::default().with_partition_max_bytes(i32::MAX);
    let topic = FetchTopic::default()
        .with_topic(TopicName(StrBytes::from_static_str("events")))
        .with_partitions(vec![partition]);
    let request = FetchRequest::default()
        .with_replica_id(BrokerId(-1))
        .with_max_bytes(i32::MAX)
        .with_session_epoch(-1)
        .with_topics(vec![topic]);
    let header = RequestHeader::default()
        .with_request_api_key(ApiKey::Fetch as i16)
        .with_request_api_version(11);
    let mut frame = BytesMut::new();
    frame.put_i32(0);
    header.encode(&mut frame, ApiKey::Fetch.request_header_version(11)).expect("a header");
    request.encode(&mut frame, 11).expect("a request of its version");
    let length = i32::try_from(frame.len() - 4).expect("a small request");
    frame[..4].copy_from_slice(&length.to_be_bytes());
    frame
}
