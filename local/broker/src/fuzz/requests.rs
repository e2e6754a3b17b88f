//! Requests changed at random against a whole broker: an answer or an end of the connection, never
//! a panic, and the broker goes on.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_protocol::messages::{ApiKey, ProduceRequest, TopicName};
use kafka_protocol::protocol::{Encodable, StrBytes};
use tokio::net::TcpListener;
use tokio::time::timeout;

use super::{mutate, rounds};
use crate::batch::fixture::BatchBuilder;
use crate::protocol;
use crate::{Broker, BrokerConfig, TopicConfig};

/// A Fetch or a join may wait long, as it was asked to; that is not what is looked for.
const PATIENCE: Duration = Duration::from_millis(5);

/// What changes which topics there are: with numbers at random that fills the disk, not the gaps in
/// the tests.
const DECODED_ONLY: [ApiKey; 2] = [ApiKey::CreateTopics, ApiKey::CreatePartitions];

fn frame(key: ApiKey, version: i16, body: &[u8]) -> Vec<u8> {
    let mut frame = Vec::new();
    frame.put_i16(key as i16);
    frame.put_i16(version);
    frame.put_i32(7);
    frame.put_slice(&[0, 1, b'f']);
    if key.request_header_version(version) >= 2 {
        frame.put_u8(0);
    }
    frame.put_slice(body);
    frame
}

/// A Produce request with a batch that the broker takes.
fn produce(version: i16) -> Vec<u8> {
    let records = BatchBuilder::values(["a", "b"]).idempotent(5, 0, 0).build();
    let partition = PartitionProduceData::default().with_records(Some(records));
    let topic = TopicProduceData::default()
        .with_name(TopicName(StrBytes::from_static_str("ab")))
        .with_partition_data(vec![partition]);
    let request = ProduceRequest::default().with_acks(-1).with_topic_data(vec![topic]);
    let mut body = BytesMut::new();
    request.encode(&mut body, version).unwrap();
    frame(ApiKey::Produce, version, &body)
}

#[test]
fn fuzz_requests() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let directory = tempfile::tempdir().unwrap();
    let topics = vec![TopicConfig {
        name: "ab".to_owned(),
        partitions: 2,
        configs: [("segment.bytes".to_owned(), "10000".to_owned())].into(),
    }];
    let config =
        BrokerConfig { auto_create_topics: false, topics, ..BrokerConfig::new(directory.path()) };
    let broker = runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Broker::start(listener, config).await.unwrap()
    });
    let address: SocketAddr = ([127, 0, 0, 1], 1).into();
    let serve = |frame: Vec<u8>| {
        let answer = protocol::answer(broker.node(), address, Bytes::from(frame));
        runtime.block_on(async { timeout(PATIENCE, answer).await })
    };
    let all: Vec<_> = protocol::samples().collect();
    rounds(5_000, |random| {
        let (key, version, body) = &all[random.usize(..all.len())];
        let mut bytes = match random.u8(..4) {
            0 => produce(random.i16(3..=11)),
            _ => frame(*key, *version, body),
        };
        mutate(random, &mut bytes);
        let is_decoded_only =
            |key: &ApiKey| bytes.get(..2) == Some(&(*key as i16).to_be_bytes()[..]);
        if DECODED_ONLY.iter().any(is_decoded_only) {
            return;
        }
        drop(serve(bytes));
    });
    let metadata = serve(frame(ApiKey::Metadata, 1, &[0xff; 4])).expect("an answer in time");
    assert!(metadata.is_ok_and(|answer| answer.is_some()), "the broker goes on");
    runtime.block_on(broker.shutdown());
}
