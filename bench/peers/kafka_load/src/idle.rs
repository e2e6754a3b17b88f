//! Consumers that wait, spoken by hand: a thousand clients of a library would need more of this
//! machine than both brokers together.

use std::io::{self, Read, Write};
use std::net::TcpStream as Blocking;
use std::time::{Duration, Instant};

use bytes::{BufMut, BytesMut};
use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::{
    ApiKey, BrokerId, FetchRequest, MetadataRequest, RequestHeader, TopicName,
};
use kafka_protocol::protocol::{Encodable, StrBytes};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::Failure;

/// As the Java client: `fetch.max.wait.ms`.
const WAIT_MS: i32 = 500;

fn frame(api: ApiKey, version: i16, request: &impl Encodable) -> Result<BytesMut, Failure> {
    let header = RequestHeader::default()
        .with_request_api_key(api as i16)
        .with_request_api_version(version)
        .with_client_id(Some(StrBytes::from_static_str("kafka_load")));
    let mut frame = BytesMut::new();
    frame.put_i32(0);
    header.encode(&mut frame, api.request_header_version(version))?;
    request.encode(&mut frame, version)?;
    let length = i32::try_from(frame.len() - 4)?;
    frame[..4].copy_from_slice(&length.to_be_bytes());
    Ok(frame)
}

/// Whether a broker is there that names itself: a Kafka listens before it has joined its cluster.
pub(crate) fn answers(broker: &str) -> bool {
    let asked = || -> Result<bool, Failure> {
        let request = MetadataRequest::default().with_topics(Some(Vec::new()));
        let mut stream = Blocking::connect(broker)?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        stream.write_all(&frame(ApiKey::Metadata, 1, &request)?)?;
        let mut head = [0; 12];
        stream.read_exact(&mut head)?;
        let brokers = i32::from_be_bytes([head[8], head[9], head[10], head[11]]);
        Ok(brokers == 1)
    };
    asked().unwrap_or(false)
}

/// Waits for records that never come, as many consumers at once, and counts the answers.
pub(crate) fn run(
    broker: &str,
    topic: &str,
    consumers: u32,
    lasting: Duration,
) -> Result<Value, Failure> {
    let partition = FetchPartition::default().with_partition_max_bytes(1 << 20);
    let topic = FetchTopic::default()
        .with_topic(TopicName(StrBytes::from_string(topic.to_owned())))
        .with_partitions(vec![partition]);
    let request = FetchRequest::default()
        .with_replica_id(BrokerId(-1))
        .with_max_wait_ms(WAIT_MS)
        .with_min_bytes(1)
        .with_max_bytes(1 << 20)
        .with_session_epoch(-1)
        .with_topics(vec![topic]);
    let request = frame(ApiKey::Fetch, 11, &request)?.freeze();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let until = Instant::now() + lasting;
        let mut tasks = Vec::new();
        for _ in 0..consumers {
            let stream = TcpStream::connect(broker).await?;
            tasks.push(tokio::spawn(wait(stream, request.clone(), until)));
        }
        let mut answers = 0;
        for task in tasks {
            answers += task.await??;
        }
        Ok(json!({ "answers": answers }))
    })
}

async fn wait(mut stream: TcpStream, request: bytes::Bytes, until: Instant) -> io::Result<u64> {
    let mut answers = 0;
    let mut answer = Vec::new();
    while Instant::now() < until {
        stream.write_all(&request).await?;
        let length = stream.read_u32().await?;
        answer.resize(usize::try_from(length).unwrap_or(0), 0);
        stream.read_exact(&mut answer).await?;
        answers += 1;
    }
    Ok(answers)
}
