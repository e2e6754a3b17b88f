//! What faults on purpose must know of requests: which topics they name, and the answer that says
//! an error to everything that one asks for.
//!
//! The same answers as Kafka's `AbstractRequest.getErrorResponse` gives.

use kafka_protocol::messages as api;
use kafka_protocol::messages::create_topics_response::CreatableTopicResult;
use kafka_protocol::messages::fetch_response::{FetchableTopicResponse, PartitionData};
use kafka_protocol::messages::find_coordinator_response::Coordinator;
use kafka_protocol::messages::leave_group_response::MemberResponse;
use kafka_protocol::messages::list_offsets_response::{
    ListOffsetsPartitionResponse, ListOffsetsTopicResponse,
};
use kafka_protocol::messages::metadata_response::MetadataResponseTopic;
use kafka_protocol::messages::offset_commit_response::{
    OffsetCommitResponsePartition, OffsetCommitResponseTopic,
};
use kafka_protocol::messages::offset_fetch_response::OffsetFetchResponseGroup;
use kafka_protocol::messages::produce_response::{PartitionProduceResponse, TopicProduceResponse};
use kafka_protocol::protocol::Request;
use uuid::Uuid;

/// A request that faults can meet.
pub(super) trait Refusable: Request + Send + Sync {
    /// Whether the request names a topic, which has this id where it exists.
    fn names(&self, _topic: &str, _id: Option<Uuid>) -> bool {
        false
    }

    /// The answer that says `error` to everything; `None` where there is no such answer.
    fn refused(&self, _error: i16) -> Option<Self::Response> {
        None
    }
}

/// Requests that name no topic and whose errors nobody chooses.
macro_rules! plain {
    ($($request:ident),* $(,)?) => {
        $(impl Refusable for api::$request {})*
    };
}

plain!(
    AlterConfigsRequest,
    ApiVersionsRequest,
    CreatePartitionsRequest,
    DeleteGroupsRequest,
    DeleteTopicsRequest,
    DescribeClusterRequest,
    DescribeConfigsRequest,
    DescribeGroupsRequest,
    DescribeLogDirsRequest,
    IncrementalAlterConfigsRequest,
    ListGroupsRequest,
    OffsetDeleteRequest,
    OffsetForLeaderEpochRequest,
);

/// Requests whose answers have one place for an error.
macro_rules! with_one_error {
    ($($request:ident),* $(,)?) => {
        $(impl Refusable for api::$request {
            fn refused(&self, error: i16) -> Option<Self::Response> {
                Some(Self::Response::default().with_error_code(error))
            }
        })*
    };
}

with_one_error!(HeartbeatRequest, JoinGroupRequest, SyncGroupRequest);

impl Refusable for api::ProduceRequest {
    fn names(&self, topic: &str, _id: Option<Uuid>) -> bool {
        self.topic_data.iter().any(|one| one.name.as_str() == topic)
    }

    fn refused(&self, error: i16) -> Option<Self::Response> {
        let topics = self.topic_data.iter().map(|topic| {
            let partitions = topic.partition_data.iter().map(|partition| {
                PartitionProduceResponse::default()
                    .with_index(partition.index)
                    .with_error_code(error)
                    .with_base_offset(-1)
                    .with_log_append_time_ms(-1)
                    .with_log_start_offset(-1)
            });
            let partitions = partitions.collect();
            TopicProduceResponse::default()
                .with_name(topic.name.clone())
                .with_partition_responses(partitions)
        });
        Some(Self::Response::default().with_responses(topics.collect()))
    }
}

impl Refusable for api::FetchRequest {
    fn names(&self, topic: &str, id: Option<Uuid>) -> bool {
        let is_named = |name: &str, by: Uuid| name == topic || (id == Some(by) && !by.is_nil());
        self.topics.iter().any(|one| is_named(&one.topic, one.topic_id))
    }

    fn refused(&self, error: i16) -> Option<Self::Response> {
        let topics = self.topics.iter().map(|topic| {
            let partitions = topic.partitions.iter().map(|partition| {
                PartitionData::default()
                    .with_partition_index(partition.partition)
                    .with_error_code(error)
                    .with_high_watermark(-1)
                    .with_records(Some(bytes::Bytes::new()))
            });
            let partitions = partitions.collect();
            FetchableTopicResponse::default()
                .with_topic(topic.topic.clone())
                .with_topic_id(topic.topic_id)
                .with_partitions(partitions)
        });
        Some(Self::Response::default().with_responses(topics.collect()))
    }
}

impl Refusable for api::ListOffsetsRequest {
    fn names(&self, topic: &str, _id: Option<Uuid>) -> bool {
        self.topics.iter().any(|one| one.name.as_str() == topic)
    }

    fn refused(&self, error: i16) -> Option<Self::Response> {
        let topics = self.topics.iter().map(|topic| {
            let partitions = topic.partitions.iter().map(|partition| {
                ListOffsetsPartitionResponse::default()
                    .with_partition_index(partition.partition_index)
                    .with_error_code(error)
            });
            let response = ListOffsetsTopicResponse::default().with_name(topic.name.clone());
            response.with_partitions(partitions.collect())
        });
        Some(Self::Response::default().with_topics(topics.collect()))
    }
}

impl Refusable for api::MetadataRequest {
    fn names(&self, topic: &str, id: Option<Uuid>) -> bool {
        let is_named = |one: &api::metadata_request::MetadataRequestTopic| {
            let by_name = one.name.as_ref().is_some_and(|name| name.as_str() == topic);
            by_name || (id == Some(one.topic_id) && !one.topic_id.is_nil())
        };
        self.topics.iter().flatten().any(is_named)
    }

    fn refused(&self, error: i16) -> Option<Self::Response> {
        let topics = self.topics.iter().flatten().map(|topic| {
            MetadataResponseTopic::default()
                .with_name(topic.name.clone())
                .with_topic_id(topic.topic_id)
                .with_error_code(error)
        });
        Some(Self::Response::default().with_topics(topics.collect()))
    }
}

impl Refusable for api::DeleteRecordsRequest {
    fn names(&self, topic: &str, _id: Option<Uuid>) -> bool {
        self.topics.iter().any(|one| one.name.as_str() == topic)
    }
}

impl Refusable for api::OffsetCommitRequest {
    fn names(&self, topic: &str, _id: Option<Uuid>) -> bool {
        self.topics.iter().any(|one| one.name.as_str() == topic)
    }

    fn refused(&self, error: i16) -> Option<Self::Response> {
        let topics = self.topics.iter().map(|topic| {
            let partitions = topic.partitions.iter().map(|partition| {
                OffsetCommitResponsePartition::default()
                    .with_partition_index(partition.partition_index)
                    .with_error_code(error)
            });
            let response = OffsetCommitResponseTopic::default().with_name(topic.name.clone());
            response.with_partitions(partitions.collect())
        });
        Some(Self::Response::default().with_topics(topics.collect()))
    }
}

impl Refusable for api::OffsetFetchRequest {
    fn names(&self, topic: &str, _id: Option<Uuid>) -> bool {
        let grouped = self.groups.iter().flat_map(|group| group.topics.iter().flatten());
        self.topics.iter().flatten().any(|one| one.name.as_str() == topic)
            || grouped.into_iter().any(|one| one.name.as_str() == topic)
    }

    fn refused(&self, error: i16) -> Option<Self::Response> {
        let response = Self::Response::default();
        if self.groups.is_empty() {
            return Some(response.with_error_code(error));
        }
        let groups = self.groups.iter().map(|group| {
            let group_id = group.group_id.clone();
            OffsetFetchResponseGroup::default().with_group_id(group_id).with_error_code(error)
        });
        Some(response.with_groups(groups.collect()))
    }
}

impl Refusable for api::FindCoordinatorRequest {
    fn refused(&self, error: i16) -> Option<Self::Response> {
        let response = Self::Response::default();
        if self.coordinator_keys.is_empty() {
            return Some(response.with_error_code(error));
        }
        let coordinators = self
            .coordinator_keys
            .iter()
            .map(|key| Coordinator::default().with_key(key.clone()).with_error_code(error));
        Some(response.with_coordinators(coordinators.collect()))
    }
}

impl Refusable for api::LeaveGroupRequest {
    fn refused(&self, error: i16) -> Option<Self::Response> {
        let members = self.members.iter().map(|member| {
            MemberResponse::default()
                .with_member_id(member.member_id.clone())
                .with_group_instance_id(member.group_instance_id.clone())
                .with_error_code(error)
        });
        let response = Self::Response::default().with_members(members.collect());
        Some(if self.members.is_empty() { response.with_error_code(error) } else { response })
    }
}

impl Refusable for api::InitProducerIdRequest {
    fn refused(&self, error: i16) -> Option<Self::Response> {
        let response = Self::Response::default().with_error_code(error);
        Some(response.with_producer_id(api::ProducerId(-1)).with_producer_epoch(-1))
    }
}

impl Refusable for api::CreateTopicsRequest {
    fn names(&self, topic: &str, _id: Option<Uuid>) -> bool {
        self.topics.iter().any(|one| one.name.as_str() == topic)
    }

    fn refused(&self, error: i16) -> Option<Self::Response> {
        let topics = self.topics.iter().map(|topic| {
            CreatableTopicResult::default()
                .with_name(topic.name.clone())
                .with_error_code(error)
                .with_error_message(None)
        });
        Some(Self::Response::default().with_topics(topics.collect()))
    }
}
