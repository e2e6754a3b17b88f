//! Committed offsets: `OffsetCommit`, `OffsetFetch`, `OffsetDelete`.

use std::collections::BTreeMap;

use kafka_protocol::error::ResponseError;
use kafka_protocol::messages::offset_commit_response::{
    OffsetCommitResponsePartition, OffsetCommitResponseTopic,
};
use kafka_protocol::messages::offset_delete_response::{
    OffsetDeleteResponsePartition, OffsetDeleteResponseTopic,
};
use kafka_protocol::messages::offset_fetch_response::{
    OffsetFetchResponseGroup, OffsetFetchResponsePartition, OffsetFetchResponsePartitions,
    OffsetFetchResponseTopic, OffsetFetchResponseTopics,
};
use kafka_protocol::messages::{
    OffsetCommitRequest, OffsetCommitResponse, OffsetDeleteRequest, OffsetDeleteResponse,
    OffsetFetchRequest, OffsetFetchResponse, TopicName,
};
use kafka_protocol::protocol::StrBytes;

use crate::groups::offsets::{Committed, METADATA_LENGTH_MAX, TopicPartition};
use crate::node::Node;
use crate::protocol::membership::{check, claim, code};
use crate::protocol::text;

/// The first `OffsetFetch` version that asks for several groups (KIP-709).
const SEVERAL_GROUPS_SINCE: i16 = 8;

pub(super) async fn offset_commit(node: &Node, asked: OffsetCommitRequest) -> OffsetCommitResponse {
    let (checked, accepted) = check_offsets(node, &asked);
    // A group without a name may have offsets, though no members.
    let outcome = if asked.group_instance_id.is_some() {
        Err(ResponseError::UnsupportedVersion)
    } else {
        let claim = claim(&asked.member_id, asked.generation_id_or_member_epoch);
        node.groups.commit(asked.group_id.to_string(), claim, accepted).await
    };
    let topics = checked.into_iter().map(|(name, partitions)| {
        let partitions = partitions.into_iter().map(|(index, verdict)| {
            let partition = OffsetCommitResponsePartition::default().with_partition_index(index);
            // What concerns the whole request comes before what concerns one partition.
            partition.with_error_code(code(outcome.and(verdict)))
        });
        let partitions = partitions.collect();
        OffsetCommitResponseTopic::default().with_name(name).with_partitions(partitions)
    });
    OffsetCommitResponse::default().with_topics(topics.collect())
}

type Verdicts = Vec<(TopicName, Vec<(i32, Result<(), ResponseError>)>)>;

/// Which offsets may be committed, each on its own: one that is refused does not stop the others.
fn check_offsets(
    node: &Node,
    asked: &OffsetCommitRequest,
) -> (Verdicts, Vec<(TopicPartition, Committed)>) {
    let catalogue = node.topics.catalogue();
    let mut verdicts = Verdicts::new();
    let mut accepted = Vec::new();
    for topic in &asked.topics {
        let known = catalogue.topic(&topic.name);
        let mut partitions = Vec::with_capacity(topic.partitions.len());
        for offset in &topic.partitions {
            let metadata = offset.committed_metadata.as_deref().unwrap_or_default();
            let exists = known.and_then(|topic| topic.partition(offset.partition_index)).map(drop);
            let fits = metadata.encode_utf16().count() <= METADATA_LENGTH_MAX;
            let verdict = if fits { exists } else { Err(ResponseError::OffsetMetadataTooLarge) };
            if verdict.is_ok() {
                let (topic, partition) = (topic.name.to_string(), offset.partition_index);
                let committed = Committed {
                    offset: offset.committed_offset,
                    leader_epoch: offset.committed_leader_epoch,
                    metadata: metadata.to_owned(),
                };
                accepted.push((TopicPartition { topic, partition }, committed));
            }
            partitions.push((offset.partition_index, verdict));
        }
        verdicts.push((topic.name.clone(), partitions));
    }
    (verdicts, accepted)
}

pub(super) async fn offset_fetch(
    node: &Node,
    version: i16,
    asked: OffsetFetchRequest,
) -> OffsetFetchResponse {
    let response = OffsetFetchResponse::default();
    if version < SEVERAL_GROUPS_SINCE {
        let topics = asked.topics.map(|topics| {
            topics.into_iter().map(|topic| (topic.name, topic.partition_indexes)).collect()
        });
        return match read(node, &asked.group_id, topics).await {
            Err(error) => response.with_error_code(error.code()),
            Ok(topics) => {
                response.with_topics(topics.into_iter().map(OffsetsOfTopic::into_single).collect())
            }
        };
    }
    let mut groups = Vec::with_capacity(asked.groups.len());
    for group in asked.groups {
        let topics = group.topics.map(|topics| {
            topics.into_iter().map(|topic| (topic.name, topic.partition_indexes)).collect()
        });
        let answer = OffsetFetchResponseGroup::default();
        let answer = match read(node, &group.group_id, topics).await {
            Err(error) => answer.with_error_code(error.code()),
            Ok(topics) => {
                answer.with_topics(topics.into_iter().map(OffsetsOfTopic::into_one_of).collect())
            }
        };
        groups.push(answer.with_group_id(group.group_id));
    }
    response.with_groups(groups)
}

/// A topic's committed offsets, before they take the shape of one version or the other.
struct OffsetsOfTopic {
    name: TopicName,
    partitions: Vec<(i32, Option<Committed>)>,
}

/// Reads what a group committed, of the topics named or of all.
async fn read(
    node: &Node,
    group: &str,
    topics: Option<Vec<(TopicName, Vec<i32>)>>,
) -> Result<Vec<OffsetsOfTopic>, ResponseError> {
    let mut committed = node.groups.committed(group.to_owned()).await?;
    if let Some(topics) = topics {
        let found = topics.into_iter().map(|(name, indexes)| {
            let mut find = |partition| {
                let at = TopicPartition { topic: name.to_string(), partition };
                (partition, committed.remove(&at))
            };
            let partitions = indexes.into_iter().map(&mut find).collect();
            OffsetsOfTopic { name, partitions }
        });
        return Ok(found.collect());
    }
    let mut all: BTreeMap<String, Vec<(i32, Option<Committed>)>> = BTreeMap::new();
    for (at, committed) in committed {
        all.entry(at.topic).or_default().push((at.partition, Some(committed)));
    }
    let topic = |(name, partitions)| {
        let name = TopicName(StrBytes::from_string(name));
        OffsetsOfTopic { name, partitions }
    };
    Ok(all.into_iter().map(topic).collect())
}

impl OffsetsOfTopic {
    /// As versions before 8 have it.
    fn into_single(self) -> OffsetFetchResponseTopic {
        let partitions = self.partitions.into_iter().map(|(index, committed)| {
            let committed = committed.unwrap_or_else(nothing_committed);
            OffsetFetchResponsePartition::default()
                .with_partition_index(index)
                .with_committed_offset(committed.offset)
                .with_committed_leader_epoch(committed.leader_epoch)
                .with_metadata(Some(text(&committed.metadata)))
        });
        let partitions = partitions.collect();
        OffsetFetchResponseTopic::default().with_name(self.name).with_partitions(partitions)
    }

    /// As versions from 8 on have it, inside a group.
    fn into_one_of(self) -> OffsetFetchResponseTopics {
        let partitions = self.partitions.into_iter().map(|(index, committed)| {
            let committed = committed.unwrap_or_else(nothing_committed);
            OffsetFetchResponsePartitions::default()
                .with_partition_index(index)
                .with_committed_offset(committed.offset)
                .with_committed_leader_epoch(committed.leader_epoch)
                .with_metadata(Some(text(&committed.metadata)))
        });
        let partitions = partitions.collect();
        OffsetFetchResponseTopics::default().with_name(self.name).with_partitions(partitions)
    }
}

fn nothing_committed() -> Committed {
    Committed { offset: -1, leader_epoch: -1, metadata: String::new() }
}

pub(super) async fn offset_delete(
    node: &Node,
    asked: &OffsetDeleteRequest,
) -> OffsetDeleteResponse {
    let catalogue = node.topics.catalogue();
    let exists = |topic: &TopicName, index| {
        catalogue.topic(topic).and_then(|topic| topic.partition(index)).map(drop)
    };
    let all = asked.topics.iter().flat_map(|topic| {
        topic.partitions.iter().map(|partition| TopicPartition {
            topic: topic.name.to_string(),
            partition: partition.partition_index,
        })
    });
    let outcome = match check(&asked.group_id, None) {
        Err(error) => Err(error),
        Ok(()) => node.groups.delete_offsets(asked.group_id.to_string(), all.collect()).await,
    };
    // A group in use is an error of each partition, anything else one of the whole request.
    let (whole, each) = match outcome {
        Err(ResponseError::GroupSubscribedToTopic) => (Ok(()), outcome),
        Ok(()) | Err(_) => (outcome, Ok(())),
    };
    let topics = asked.topics.iter().map(|topic| {
        let partitions = topic.partitions.iter().map(|partition| {
            OffsetDeleteResponsePartition::default()
                .with_partition_index(partition.partition_index)
                .with_error_code(code(exists(&topic.name, partition.partition_index).and(each)))
        });
        let answer = OffsetDeleteResponseTopic::default().with_name(topic.name.clone());
        answer.with_partitions(partitions.collect())
    });
    let topics = if whole.is_ok() { topics.collect() } else { Vec::new() };
    OffsetDeleteResponse::default().with_error_code(code(whole)).with_topics(topics)
}
