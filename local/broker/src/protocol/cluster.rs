//! What clients ask of the cluster as a whole: who serves what, who coordinates, producer ids.

use std::collections::BTreeMap;
use std::sync::Arc;

use kafka_protocol::error::ResponseError;
use kafka_protocol::messages::describe_cluster_response::DescribeClusterBroker;
use kafka_protocol::messages::find_coordinator_response::Coordinator;
use kafka_protocol::messages::metadata_response::{
    MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
};
use kafka_protocol::messages::{
    BrokerId, DescribeClusterRequest, DescribeClusterResponse, FindCoordinatorRequest,
    FindCoordinatorResponse, InitProducerIdRequest, InitProducerIdResponse, MetadataRequest,
    MetadataResponse, ProducerId, TopicName,
};
use kafka_protocol::protocol::StrBytes;
use uuid::Uuid;

use crate::batch::LEADER_EPOCH;
use crate::node::{NODE_ID, Node};
use crate::protocol::{INVALID_REQUEST, text};
use crate::topics::owner::{Effect, NewTopic};
use crate::topics::{Topic, catalogue};

/// All operations of a cluster as a bit field, which is what Kafka answers without an authorizer
/// (`AclOperation`: create, alter, describe, cluster action, describe and alter configs,
/// idempotent write).
const CLUSTER_OPERATIONS: i32 = 0b1_1111_1010_0000;

/// All operations of a topic: read, write, create, delete, alter, describe, describe and alter
/// configs.
const TOPIC_OPERATIONS: i32 = 0b1101_1111_1000;

/// Metadata versions that carry the cluster's operations.
const CLUSTER_OPERATIONS_VERSIONS: std::ops::RangeInclusive<i16> = 8..=10;

/// The only endpoint type there is (KIP-919): a broker.
const BROKER_ENDPOINT: i8 = 1;

/// Keys of `FindCoordinator`: a group, a transaction.
const KEY_TYPES: std::ops::RangeInclusive<i8> = 0..=1;

/// The first version of `FindCoordinator` that asks for several keys (KIP-699).
const SEVERAL_KEYS_SINCE: i16 = 4;

/// The first version of `FindCoordinator` that says in words how it went.
const WORDS_SINCE: i16 = 1;

/// The first version of Metadata in which no topics means none; before, it means all.
const NONE_IS_NONE_SINCE: i16 = 1;

pub(super) async fn metadata(
    node: &Node,
    version: i16,
    asked: MetadataRequest,
) -> MetadataResponse {
    let wanted = asked.topics.filter(|topics| version >= NONE_IS_NONE_SINCE || !topics.is_empty());
    let mut topics = Vec::new();
    match wanted {
        None => topics.extend(node.topics.catalogue().topics.values().map(|topic| describe(topic))),
        Some(wanted) => {
            for topic in wanted {
                let found = match topic.name.filter(|_| topic.topic_id.is_nil()) {
                    Some(name) => by_name(node, name, asked.allow_auto_topic_creation).await,
                    None => by_id(node, topic.topic_id),
                };
                topics.push(found);
            }
        }
    }
    if asked.include_topic_authorized_operations {
        for topic in &mut topics {
            topic.topic_authorized_operations = TOPIC_OPERATIONS;
        }
    }
    let broker = MetadataResponseBroker::default().with_node_id(NODE_ID);
    let mut response = MetadataResponse::default()
        .with_brokers(vec![broker.with_host(node.host()).with_port(node.port())])
        .with_cluster_id(Some(text(&node.cluster_id)))
        .with_controller_id(NODE_ID)
        .with_topics(topics);
    if asked.include_cluster_authorized_operations && CLUSTER_OPERATIONS_VERSIONS.contains(&version)
    {
        response.cluster_authorized_operations = CLUSTER_OPERATIONS;
    }
    response
}

async fn by_name(node: &Node, name: TopicName, may_create: bool) -> MetadataResponseTopic {
    if let Ok(topic) = node.topics.catalogue().topic(&name) {
        return describe(topic);
    }
    let may_be = catalogue::check_name(&name).is_ok();
    let unknown = |error: ResponseError, name: TopicName| {
        let topic = MetadataResponseTopic::default().with_name(Some(name));
        topic.with_error_code(error.code())
    };
    if !may_be {
        return unknown(ResponseError::InvalidTopicException, name);
    }
    if !may_create || !node.config.auto_create_topics {
        return unknown(ResponseError::UnknownTopicOrPartition, name);
    }
    match create(node, &name).await {
        Ok(topic) => describe(&topic),
        Err(error) => unknown(error, name),
    }
}

async fn create(node: &Node, name: &str) -> Result<Arc<Topic>, ResponseError> {
    let partitions = node.config.default_partitions;
    let new = NewTopic { name: name.to_owned(), partitions, configs: BTreeMap::new() };
    match node.topics.create(new, Effect::Real).await {
        Ok(topic) => Ok(topic),
        // Another client was quicker.
        Err(refusal) if refusal.error == ResponseError::TopicAlreadyExists => {
            node.topics.catalogue().topic(name).cloned()
        }
        Err(refusal) => Err(refusal.error),
    }
}

fn by_id(node: &Node, id: Uuid) -> MetadataResponseTopic {
    match node.topics.catalogue().topic_by_id(id) {
        Ok(topic) => describe(topic),
        Err(error) => {
            let topic = MetadataResponseTopic::default().with_topic_id(id).with_name(None);
            topic.with_error_code(error.code())
        }
    }
}

fn describe(topic: &Topic) -> MetadataResponseTopic {
    let partitions = (0..topic.partitions.len()).map(|index| {
        MetadataResponsePartition::default()
            .with_partition_index(i32::try_from(index).unwrap_or(i32::MAX))
            .with_leader_id(NODE_ID)
            .with_leader_epoch(LEADER_EPOCH)
            .with_replica_nodes(vec![NODE_ID])
            .with_isr_nodes(vec![NODE_ID])
    });
    MetadataResponseTopic::default()
        .with_name(Some(TopicName(text(&topic.name))))
        .with_topic_id(topic.id)
        .with_partitions(partitions.collect())
}

pub(super) fn describe_cluster(
    node: &Node,
    asked: &DescribeClusterRequest,
) -> DescribeClusterResponse {
    if asked.endpoint_type != BROKER_ENDPOINT {
        let error = ResponseError::UnsupportedEndpointType.code();
        return DescribeClusterResponse::default().with_error_code(error);
    }
    let broker = DescribeClusterBroker::default().with_broker_id(NODE_ID);
    let mut response = DescribeClusterResponse::default()
        .with_cluster_id(text(&node.cluster_id))
        .with_controller_id(NODE_ID)
        .with_brokers(vec![broker.with_host(node.host()).with_port(node.port())]);
    if asked.include_cluster_authorized_operations {
        response.cluster_authorized_operations = CLUSTER_OPERATIONS;
    }
    response
}

/// Every group is coordinated here. So is every transactional id: its producer then learns from
/// `InitProducerId` that there are no transactions, instead of looking for a coordinator for ever.
pub(super) fn find_coordinator(
    node: &Node,
    version: i16,
    asked: FindCoordinatorRequest,
) -> FindCoordinatorResponse {
    let response = FindCoordinatorResponse::default();
    if !KEY_TYPES.contains(&asked.key_type) {
        return no_coordinator(version, asked.coordinator_keys);
    }
    if version < SEVERAL_KEYS_SINCE {
        let words = (version >= WORDS_SINCE).then(|| text("NONE"));
        let response = response.with_error_message(words).with_node_id(NODE_ID);
        return response.with_host(node.host()).with_port(node.port());
    }
    let coordinators = asked.coordinator_keys.into_iter().map(|key| {
        let coordinator = Coordinator::default().with_key(key).with_node_id(NODE_ID);
        coordinator.with_host(node.host()).with_port(node.port())
    });
    response.with_coordinators(coordinators.collect())
}

fn no_coordinator(version: i16, keys: Vec<StrBytes>) -> FindCoordinatorResponse {
    let (error, words) = (ResponseError::InvalidRequest.code(), Some(text(INVALID_REQUEST)));
    let (nobody, nowhere) = (BrokerId(-1), -1);
    let response = FindCoordinatorResponse::default();
    if version < SEVERAL_KEYS_SINCE {
        let response = response.with_node_id(nobody).with_port(nowhere).with_error_code(error);
        return response.with_error_message(words);
    }
    let coordinators = keys.into_iter().map(|key| {
        let coordinator = Coordinator::default().with_key(key).with_node_id(nobody);
        coordinator.with_port(nowhere).with_error_code(error).with_error_message(words.clone())
    });
    response.with_coordinators(coordinators.collect())
}

pub(super) async fn init_producer_id(
    node: &Node,
    asked: &InitProducerIdRequest,
) -> InitProducerIdResponse {
    let id = if asked.transactional_id.as_ref().is_some_and(|id| id.is_empty()) {
        Err(ResponseError::InvalidRequest)
    } else if asked.transactional_id.is_some() {
        // Fatal to every client, unlike errors that say "not now".
        Err(ResponseError::TransactionalIdAuthorizationFailed)
    } else {
        node.topics.producer_id().await.map_err(|refusal| refusal.error)
    };
    let response = InitProducerIdResponse::default();
    match id {
        Ok(id) => response.with_producer_id(ProducerId(id)).with_producer_epoch(0),
        Err(error) => response
            .with_error_code(error.code())
            .with_producer_id(ProducerId(-1))
            .with_producer_epoch(-1),
    }
}
