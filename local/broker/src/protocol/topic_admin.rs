//! Topics as administrators change them: `CreateTopics`, `DeleteTopics`, `CreatePartitions`.

use std::collections::BTreeMap;
use std::sync::Arc;

use kafka_protocol::error::ResponseError;
use kafka_protocol::messages::create_partitions_request::CreatePartitionsTopic;
use kafka_protocol::messages::create_partitions_response::CreatePartitionsTopicResult;
use kafka_protocol::messages::create_topics_request::CreatableTopic;
use kafka_protocol::messages::create_topics_response::{
    CreatableTopicConfigs, CreatableTopicResult,
};
use kafka_protocol::messages::delete_topics_response::DeletableTopicResult;
use kafka_protocol::messages::{
    CreatePartitionsRequest, CreatePartitionsResponse, CreateTopicsRequest, CreateTopicsResponse,
    DeleteTopicsRequest, DeleteTopicsResponse, TopicName,
};
use uuid::Uuid;

use crate::node::{NODE_ID, Node};
use crate::protocol::configs::effective;
use crate::protocol::text;
use crate::topics::Topic;
use crate::topics::catalogue::Refusal;
use crate::topics::owner::{Effect, NewTopic};

/// The first `CreateTopics` version whose answer describes the topic (KIP-525).
const DESCRIBES_SINCE: i16 = 5;

pub(super) async fn create_topics(
    node: &Node,
    version: i16,
    asked: CreateTopicsRequest,
) -> CreateTopicsResponse {
    let effect = effect(asked.validate_only);
    let mut results = Vec::with_capacity(asked.topics.len());
    let mut named: BTreeMap<TopicName, usize> = BTreeMap::new();
    for topic in &asked.topics {
        *named.entry(topic.name.clone()).or_default() += 1;
    }
    for topic in asked.topics {
        let result = CreatableTopicResult::default().with_name(topic.name.clone());
        let partitions = partition_count(node, &topic);
        let outcome = if named[&topic.name] > 1 {
            let message = "Found multiple entries for this topic.";
            Err(Refusal::new(ResponseError::InvalidRequest, message))
        } else {
            create(node, topic, effect).await
        };
        results.push(match outcome {
            Ok(created) if version >= DESCRIBES_SINCE => {
                let configs = effective(&created).map(|config| {
                    CreatableTopicConfigs::default()
                        .with_name(text(config.name))
                        .with_value(Some(text(config.value)))
                        .with_config_source(config.source)
                });
                result
                    .with_error_message(None)
                    .with_topic_id(created.id)
                    .with_num_partitions(partitions)
                    .with_replication_factor(1)
                    .with_configs(Some(configs.collect()))
            }
            Ok(_) => result.with_error_message(None),
            Err(refusal) => result
                .with_error_code(refusal.error.code())
                .with_error_message(Some(text(&refusal.message))),
        });
    }
    CreateTopicsResponse::default().with_topics(results)
}

async fn create(node: &Node, asked: CreatableTopic, effect: Effect) -> Result<Arc<Topic>, Refusal> {
    let refuse = |error, message: &str| Err(Refusal::new(error, message));
    let by_hand = !asked.assignments.is_empty();
    if !by_hand && !matches!(asked.replication_factor, -1 | 1) {
        let message = match asked.replication_factor {
            factor if factor < 1 => "Replication factor must be larger than 0.".to_owned(),
            factor => format!("Replication factor: {factor} larger than available brokers: 1."),
        };
        return refuse(ResponseError::InvalidReplicationFactor, &message);
    }
    let elsewhere = |assigned: &[_]| assigned != [NODE_ID];
    if by_hand && asked.assignments.iter().any(|one| elsewhere(&one.broker_ids)) {
        let message = "Every partition must be assigned to the only broker, 1.";
        return refuse(ResponseError::InvalidReplicaAssignment, message);
    }
    let partitions = partition_count(node, &asked);
    let mut configs = BTreeMap::new();
    for config in asked.configs {
        let Some(value) = config.value else {
            return refuse(
                ResponseError::InvalidConfig,
                "Null value not supported for topic configs",
            );
        };
        configs.insert(config.name.to_string(), value.to_string());
    }
    let new = NewTopic { name: asked.name.to_string(), partitions, configs };
    node.topics.create(new, effect).await
}

fn partition_count(node: &Node, asked: &CreatableTopic) -> i32 {
    match asked.num_partitions {
        _ if !asked.assignments.is_empty() => {
            i32::try_from(asked.assignments.len()).unwrap_or(i32::MAX)
        }
        -1 => node.config.default_partitions,
        count => count,
    }
}

pub(super) async fn delete_topics(node: &Node, asked: DeleteTopicsRequest) -> DeleteTopicsResponse {
    let by_name = asked.topic_names.into_iter().map(|name| (Some(name), Uuid::nil()));
    let by_state = asked.topics.into_iter().map(|topic| (topic.name, topic.topic_id));
    let mut responses = Vec::new();
    for (name, id) in by_name.chain(by_state).collect::<Vec<_>>() {
        let outcome = match resolve(node, name.as_ref(), id) {
            Ok(topic) => delete(node, &topic).await.map(|()| topic),
            Err(error) => Err(Refusal::new(error, "")),
        };
        let result = DeletableTopicResult::default().with_name(name).with_topic_id(id);
        responses.push(match outcome {
            Ok(topic) => {
                let name = TopicName(text(&topic.name));
                result.with_name(Some(name)).with_topic_id(topic.id)
            }
            // An absent topic is its own explanation.
            Err(refusal) => result.with_error_code(refusal.error.code()).with_error_message(
                Some(refusal.message).filter(|words| !words.is_empty()).map(|words| text(&words)),
            ),
        });
    }
    DeleteTopicsResponse::default().with_responses(responses)
}

fn resolve(node: &Node, name: Option<&TopicName>, id: Uuid) -> Result<Arc<Topic>, ResponseError> {
    let catalogue = node.topics.catalogue();
    let found = match name {
        Some(name) => catalogue.topic(name),
        None => catalogue.topic_by_id(id),
    };
    found.cloned()
}

async fn delete(node: &Node, topic: &Topic) -> Result<(), Refusal> {
    node.topics.delete(topic.name.clone()).await?;
    let forgotten = node.groups.forget_topic(topic.name.clone()).await;
    forgotten.map_err(|error| Refusal::new(error, "the topic's committed offsets remain"))
}

pub(super) async fn create_partitions(
    node: &Node,
    asked: CreatePartitionsRequest,
) -> CreatePartitionsResponse {
    let effect = effect(asked.validate_only);
    let mut results = Vec::with_capacity(asked.topics.len());
    for topic in asked.topics {
        let outcome = grow(node, &topic, effect).await;
        let result = CreatePartitionsTopicResult::default().with_name(topic.name);
        results.push(match outcome {
            Ok(()) => result.with_error_message(None),
            Err(refusal) => result
                .with_error_code(refusal.error.code())
                .with_error_message(Some(text(&refusal.message))),
        });
    }
    CreatePartitionsResponse::default().with_results(results)
}

async fn grow(node: &Node, asked: &CreatePartitionsTopic, effect: Effect) -> Result<(), Refusal> {
    let mut assigned = asked.assignments.iter().flatten();
    if assigned.any(|one| one.broker_ids != [NODE_ID]) {
        let message = "Every partition must be assigned to the only broker, 1.";
        return Err(Refusal::new(ResponseError::InvalidReplicaAssignment, message));
    }
    node.topics.grow(asked.name.to_string(), asked.count, effect).await
}

/// Whether a request is for real.
pub(super) fn effect(validate_only: bool) -> Effect {
    if validate_only { Effect::ValidateOnly } else { Effect::Real }
}
