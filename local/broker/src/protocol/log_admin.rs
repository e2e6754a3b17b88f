//! Logs as administrators see them: `DeleteRecords` and `DescribeLogDirs`.

use std::collections::BTreeMap;

use kafka_protocol::error::ResponseError;
use kafka_protocol::messages::delete_records_request::DeleteRecordsPartition;
use kafka_protocol::messages::delete_records_response::{
    DeleteRecordsPartitionResult, DeleteRecordsTopicResult,
};
use kafka_protocol::messages::describe_log_dirs_response::{
    DescribeLogDirsPartition, DescribeLogDirsResult, DescribeLogDirsTopic,
};
use kafka_protocol::messages::{
    DeleteRecordsRequest, DeleteRecordsResponse, DescribeLogDirsRequest, DescribeLogDirsResponse,
    TopicName,
};

use crate::node::Node;
use crate::protocol::text;
use crate::topics::Topic;

/// `DeleteRecordsRequest.HIGH_WATERMARK`: everything there is.
const HIGH_WATERMARK: i64 = -1;

pub(super) async fn delete_records(
    node: &Node,
    asked: DeleteRecordsRequest,
) -> DeleteRecordsResponse {
    let catalogue = node.topics.catalogue();
    let mut topics = Vec::with_capacity(asked.topics.len());
    for topic in asked.topics {
        let known = catalogue.topic(&topic.name);
        let mut partitions = Vec::with_capacity(topic.partitions.len());
        for partition in topic.partitions {
            let deleted = match known {
                Ok(topic) => delete(topic, &partition).await,
                Err(error) => Err(error),
            };
            let result = DeleteRecordsPartitionResult::default()
                .with_partition_index(partition.partition_index);
            partitions.push(match deleted {
                Ok(low_watermark) => result.with_low_watermark(low_watermark),
                Err(error) => result.with_low_watermark(-1).with_error_code(error.code()),
            });
        }
        let result = DeleteRecordsTopicResult::default().with_name(topic.name);
        topics.push(result.with_partitions(partitions));
    }
    DeleteRecordsResponse::default().with_topics(topics)
}

async fn delete(topic: &Topic, asked: &DeleteRecordsPartition) -> Result<i64, ResponseError> {
    let log = topic.partition(asked.partition_index)?;
    let offset = match asked.offset {
        HIGH_WATERMARK => log.view.borrow().ends().end,
        negative if negative < 0 => return Err(ResponseError::OffsetOutOfRange),
        offset => offset,
    };
    log.delete_before(offset).await
}

/// The one directory there is. Topics and partitions that do not exist are left out, as in Kafka.
pub(super) fn describe_log_dirs(
    node: &Node,
    asked: DescribeLogDirsRequest,
) -> DescribeLogDirsResponse {
    let catalogue = node.topics.catalogue();
    let wanted: Option<BTreeMap<String, Vec<i32>>> = asked.topics.map(|topics| {
        topics.into_iter().map(|topic| (topic.topic.to_string(), topic.partitions)).collect()
    });
    let topics = catalogue.topics.values().filter_map(|topic| {
        let partitions = match &wanted {
            None => None,
            Some(wanted) => Some(wanted.get(&topic.name)?),
        };
        Some(describe(topic, partitions.map(Vec::as_slice)))
    });
    let result = DescribeLogDirsResult::default()
        .with_log_dir(text(&node.config.data_dir.to_string_lossy()))
        .with_topics(topics.collect());
    let result = match rustix::fs::statvfs(&node.config.data_dir) {
        Ok(disk) => {
            let bytes = |blocks: u64| i64::try_from(blocks.saturating_mul(disk.f_frsize));
            result
                .with_total_bytes(bytes(disk.f_blocks).unwrap_or(i64::MAX))
                .with_usable_bytes(bytes(disk.f_bavail).unwrap_or(i64::MAX))
        }
        Err(error) => {
            tracing::warn!(%error, "The size of the disk cannot be had");
            result
        }
    };
    DescribeLogDirsResponse::default().with_results(vec![result])
}

fn describe(topic: &Topic, wanted: Option<&[i32]>) -> DescribeLogDirsTopic {
    let indexes = (0_i32..).zip(&topic.partitions);
    let wanted = indexes.filter(|(index, _)| wanted.is_none_or(|wanted| wanted.contains(index)));
    let partitions = wanted.map(|(index, log)| {
        let bytes = log.view.borrow().size_bytes();
        DescribeLogDirsPartition::default()
            .with_partition_index(index)
            .with_partition_size(i64::try_from(bytes).unwrap_or(i64::MAX))
    });
    let result = DescribeLogDirsTopic::default().with_name(TopicName(text(&topic.name)));
    result.with_partitions(partitions.collect())
}
