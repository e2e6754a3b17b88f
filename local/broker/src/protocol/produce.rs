//! Produce: batches from clients to the logs of their partitions.
//!
//! With one node `acks=1` and `acks=all` mean the same: the kernel has the write.

use futures_util::future::join_all;
use kafka_protocol::error::ResponseError;
use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_protocol::messages::produce_response::{PartitionProduceResponse, TopicProduceResponse};
use kafka_protocol::messages::{ProduceRequest, ProduceResponse};

use crate::batch::{BatchHeader, MAGIC_V2, ZSTD};
use crate::log::Appended;
use crate::node::Node;
use crate::topics::Topic;

/// The first Produce version whose senders may use Zstandard (KIP-110).
const ZSTD_SINCE: i16 = 7;

pub(super) async fn produce(node: &Node, version: i16, asked: ProduceRequest) -> ProduceResponse {
    let refusal = refusal(&asked);
    let catalogue = node.topics.catalogue();
    let topics = asked.topic_data.into_iter().map(async |topic| {
        let known = refusal.map_or_else(|| catalogue.topic(&topic.name), Err);
        produce_topic(known.map(AsRef::as_ref), version, topic).await
    });
    ProduceResponse::default().with_responses(join_all(topics).await)
}

/// Why nothing of the request can be done. A transactional id is none: it concerns transactional
/// batches alone, and each of those is refused.
fn refusal(asked: &ProduceRequest) -> Option<ResponseError> {
    (!(-1..=1).contains(&asked.acks)).then_some(ResponseError::InvalidRequiredAcks)
}

async fn produce_topic(
    topic: Result<&Topic, ResponseError>,
    version: i16,
    data: TopicProduceData,
) -> TopicProduceResponse {
    let partitions = data.partition_data.into_iter().map(async |partition| {
        let index = partition.index;
        answer(index, append(topic, version, partition).await)
    });
    let partitions = join_all(partitions).await;
    TopicProduceResponse::default().with_name(data.name).with_partition_responses(partitions)
}

async fn append(
    topic: Result<&Topic, ResponseError>,
    version: i16,
    data: PartitionProduceData,
) -> Result<Appended, Refused> {
    let log = topic?.partition(data.index)?;
    let records = data.records.ok_or(ResponseError::InvalidRecord)?;
    let header = BatchHeader::parse(&records);
    if version < ZSTD_SINCE && header.is_some_and(|header| header.compression() == ZSTD) {
        return Err(ResponseError::UnsupportedCompressionType.into());
    }
    let is_one_batch =
        header.is_some_and(|header| header.magic == MAGIC_V2 && header.size_bytes == records.len());
    log.append(records).await.map_err(|error| {
        let tells_start = match error {
            ResponseError::OutOfOrderSequenceNumber | ResponseError::InvalidProducerEpoch => true,
            ResponseError::InvalidRecord => is_one_batch,
            _ => false,
        };
        let log_start_offset = if tells_start { log.view.borrow().start_offset } else { -1 };
        Refused { error, log_start_offset }
    })
}

/// A batch that is not in the log.
struct Refused {
    error: ResponseError,
    /// Kafka tells it with what a producer did wrong, but not with what was no batch, or cannot be
    /// written.
    log_start_offset: i64,
}

impl From<ResponseError> for Refused {
    fn from(error: ResponseError) -> Self {
        Self { error, log_start_offset: -1 }
    }
}

fn answer(index: i32, outcome: Result<Appended, Refused>) -> PartitionProduceResponse {
    let response = PartitionProduceResponse::default().with_index(index);
    match outcome {
        Ok(appended) => response
            .with_base_offset(appended.base_offset)
            .with_log_append_time_ms(appended.append_time_ms)
            .with_log_start_offset(appended.log_start_offset),
        Err(refused) => response
            .with_error_code(refused.error.code())
            .with_base_offset(-1)
            .with_log_append_time_ms(-1)
            .with_log_start_offset(refused.log_start_offset),
    }
}
