//! Produce: batches from clients to the logs of their partitions.
//!
//! With one node `acks=1` and `acks=all` mean the same: the kernel has the write.

use futures_util::future::join_all;
use kafka_protocol::error::ResponseError;
use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_protocol::messages::produce_response::{PartitionProduceResponse, TopicProduceResponse};
use kafka_protocol::messages::{ProduceRequest, ProduceResponse};

use crate::batch::{BatchHeader, ZSTD};
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

/// Why nothing of the request can be done.
fn refusal(asked: &ProduceRequest) -> Option<ResponseError> {
    if !(-1..=1).contains(&asked.acks) {
        return Some(ResponseError::InvalidRequiredAcks);
    }
    // No transactional id was ever given out, so none may be used: fatal to every client.
    asked.transactional_id.as_ref().map(|_| ResponseError::TransactionalIdAuthorizationFailed)
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
) -> Result<Appended, ResponseError> {
    let log = topic?.partition(data.index)?;
    let records = data.records.ok_or(ResponseError::InvalidRecord)?;
    let header = BatchHeader::parse(&records);
    if version < ZSTD_SINCE && header.is_some_and(|header| header.compression() == ZSTD) {
        return Err(ResponseError::UnsupportedCompressionType);
    }
    log.append(records).await
}

fn answer(index: i32, outcome: Result<Appended, ResponseError>) -> PartitionProduceResponse {
    let response = PartitionProduceResponse::default().with_index(index);
    match outcome {
        Ok(appended) => response
            .with_base_offset(appended.base_offset)
            .with_log_append_time_ms(appended.append_time_ms)
            .with_log_start_offset(appended.log_start_offset),
        Err(error) => response
            .with_error_code(error.code())
            .with_base_offset(-1)
            .with_log_append_time_ms(-1)
            .with_log_start_offset(-1),
    }
}
