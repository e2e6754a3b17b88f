//! Configuration as administrators see and change it: `DescribeConfigs`, `AlterConfigs`,
//! `IncrementalAlterConfigs`.

use std::collections::{BTreeMap, BTreeSet};

use kafka_protocol::error::ResponseError;
use kafka_protocol::messages::alter_configs_request::AlterConfigsResource as ResourceToReplace;
use kafka_protocol::messages::alter_configs_response::AlterConfigsResourceResponse as ReplacedResource;
use kafka_protocol::messages::describe_configs_request::DescribeConfigsResource;
use kafka_protocol::messages::describe_configs_response::{
    DescribeConfigsResourceResult, DescribeConfigsResult, DescribeConfigsSynonym,
};
use kafka_protocol::messages::incremental_alter_configs_request::{
    AlterConfigsResource, AlterableConfig,
};
use kafka_protocol::messages::incremental_alter_configs_response::AlterConfigsResourceResponse;
use kafka_protocol::messages::{
    AlterConfigsRequest, AlterConfigsResponse, DescribeConfigsRequest, DescribeConfigsResponse,
    IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse,
};

use kafka_protocol::protocol::StrBytes;

use crate::log::settings::{ConfigKind, KNOWN};
use crate::node::{NODE_ID, Node};
use crate::protocol::topic_admin::effect;
use crate::protocol::{INVALID_REQUEST, text};
use crate::topics::Topic;
use crate::topics::catalogue::Refusal;
use crate::topics::owner::{ConfigChanges, Effect};

/// Resource types (`ConfigResource.Type`).
const TOPIC: i8 = 2;
const BROKER: i8 = 4;

/// Where a value comes from (`ConfigEntry.ConfigSource`).
const SET_ON_TOPIC: i8 = 1;
const SET_ON_BROKER: i8 = 4;
const DEFAULT: i8 = 5;

/// Operations (`AlterConfigOp.OpType`).
const SET: i8 = 0;
const DELETE: i8 = 1;
const APPEND: i8 = 2;
const SUBTRACT: i8 = 3;

/// A config with the value in force.
pub(super) struct Effective<'a> {
    pub(super) name: &'static str,
    pub(super) value: &'a str,
    pub(super) source: i8,
    kind: ConfigKind,
    default: &'static str,
    broker_name: Option<&'static str>,
}

/// A topic's configs, set or not.
pub(super) fn effective(topic: &Topic) -> impl Iterator<Item = Effective<'_>> {
    KNOWN.iter().map(|known| {
        let set = topic.configs.get(known.name);
        Effective {
            name: known.name,
            value: set.map_or(known.default, String::as_str),
            source: if set.is_some() { SET_ON_TOPIC } else { DEFAULT },
            kind: known.kind,
            default: known.default,
            broker_name: known.broker_name,
        }
    })
}

pub(super) fn describe_configs(
    node: &Node,
    asked: DescribeConfigsRequest,
) -> DescribeConfigsResponse {
    let with_synonyms = asked.include_synonyms;
    let results = asked.resources.into_iter().map(|resource| {
        let outcome = describe(node, &resource);
        let result = DescribeConfigsResult::default()
            .with_resource_type(resource.resource_type)
            .with_resource_name(resource.resource_name);
        match outcome {
            Ok(mut configs) => {
                if !with_synonyms {
                    for config in &mut configs {
                        config.synonyms.clear();
                    }
                }
                result.with_configs(configs)
            }
            Err(refusal) => result
                .with_error_code(refusal.error.code())
                .with_error_message(Some(text(&refusal.message))),
        }
    });
    DescribeConfigsResponse::default().with_results(results.collect())
}

fn describe(
    node: &Node,
    resource: &DescribeConfigsResource,
) -> Result<Vec<DescribeConfigsResourceResult>, Refusal> {
    // None named means all, as null does.
    let keys = resource.configuration_keys.as_ref().filter(|keys| !keys.is_empty());
    let wanted = |name: &str| keys.is_none_or(|keys| keys.iter().any(|key| key.as_str() == name));
    match resource.resource_type {
        TOPIC => {
            let catalogue = node.topics.catalogue();
            // Without words, as Kafka.
            let unknown = |error: ResponseError| Refusal::new(error, "");
            let topic = catalogue.topic(&resource.resource_name).map_err(unknown)?;
            Ok(effective(topic)
                .filter(|config| wanted(config.name))
                .map(|one| described(&one))
                .collect())
        }
        BROKER if !is_this_broker(&resource.resource_name) => {
            let expected = format!("expected {} or empty string", NODE_ID.0);
            let message = format!(
                "Unexpected broker id, {expected}, but received {}",
                resource.resource_name.as_str()
            );
            Err(Refusal::new(ResponseError::InvalidRequest, message))
        }
        BROKER => Ok(of_broker(node).filter(|config| wanted(&config.name)).collect()),
        _ => Err(Refusal::new(ResponseError::InvalidRequest, INVALID_REQUEST)),
    }
}

/// Whether a resource is this broker, by its id or as the default of all brokers.
fn is_this_broker(name: &str) -> bool {
    name.is_empty() || name == NODE_ID.0.to_string()
}

fn described(config: &Effective<'_>) -> DescribeConfigsResourceResult {
    let synonym = |name: &str, value: &str, source| {
        let synonym = DescribeConfigsSynonym::default().with_name(text(name));
        synonym.with_value(Some(text(value))).with_source(source)
    };
    let set = (config.source == SET_ON_TOPIC).then_some(config.name);
    let set = set.map(|name| synonym(name, config.value, SET_ON_TOPIC));
    let default = config.broker_name.map(|name| synonym(name, config.default, DEFAULT));
    DescribeConfigsResourceResult::default()
        .with_name(text(config.name))
        .with_value(Some(text(config.value)))
        .with_config_source(config.source)
        .with_config_type(config.kind.code())
        .with_documentation(None)
        .with_synonyms(set.into_iter().chain(default).collect())
}

/// What a broker can say of itself in Kafka's words.
fn of_broker(node: &Node) -> impl Iterator<Item = DescribeConfigsResourceResult> + use<> {
    let limits = &node.config.limits;
    let settings = [
        (
            "auto.create.topics.enable",
            node.config.auto_create_topics.to_string(),
            ConfigKind::Boolean,
        ),
        ("default.replication.factor", "1".to_owned(), ConfigKind::Int),
        ("fetch.max.bytes", limits.fetch_bytes_max.to_string(), ConfigKind::Int),
        (
            "group.initial.rebalance.delay.ms",
            limits.group_initial_rebalance_delay.as_millis().to_string(),
            ConfigKind::Int,
        ),
        ("log.dirs", node.config.data_dir.display().to_string(), ConfigKind::Text),
        ("max.connections", limits.connections_max.to_string(), ConfigKind::Int),
        ("num.partitions", node.config.default_partitions.to_string(), ConfigKind::Int),
        ("socket.request.max.bytes", limits.request_bytes_max.to_string(), ConfigKind::Int),
    ];
    settings.into_iter().map(|(name, value, kind)| {
        DescribeConfigsResourceResult::default()
            .with_name(text(name))
            .with_value(Some(text(&value)))
            .with_read_only(true)
            .with_config_source(SET_ON_BROKER)
            .with_config_type(kind.code())
            .with_documentation(None)
    })
}

pub(super) async fn incremental_alter_configs(
    node: &Node,
    asked: IncrementalAlterConfigsRequest,
) -> IncrementalAlterConfigsResponse {
    let effect = effect(asked.validate_only);
    let mut responses = Vec::with_capacity(asked.resources.len());
    for resource in asked.resources {
        let (code, message) = said(&alter(node, &resource, effect).await);
        let response = AlterConfigsResourceResponse::default()
            .with_resource_type(resource.resource_type)
            .with_resource_name(resource.resource_name);
        responses.push(response.with_error_code(code).with_error_message(message));
    }
    IncrementalAlterConfigsResponse::default().with_responses(responses)
}

/// An outcome in the two fields that answers have for it.
fn said(outcome: &Result<(), Refusal>) -> (i16, Option<StrBytes>) {
    match outcome {
        Ok(()) => (0, None),
        Err(refusal) => (refusal.error.code(), Some(text(&refusal.message))),
    }
}

fn check_is_topic(resource_type: i8) -> Result<(), Refusal> {
    if resource_type == TOPIC {
        return Ok(());
    }
    let message = "Only topics' configs can be changed on this broker.";
    Err(Refusal::new(ResponseError::InvalidRequest, message))
}

async fn alter(
    node: &Node,
    resource: &AlterConfigsResource,
    effect: Effect,
) -> Result<(), Refusal> {
    check_is_topic(resource.resource_type)?;
    let names: BTreeSet<&StrBytes> = resource.configs.iter().map(|config| &config.name).collect();
    if names.len() < resource.configs.len() {
        let message = "Error due to duplicate config keys";
        return Err(Refusal::new(ResponseError::InvalidRequest, message));
    }
    let changes = resource.configs.iter().map(change).collect::<Result<_, _>>()?;
    configure(node, &resource.resource_name, changes, effect).await
}

async fn configure(
    node: &Node,
    topic: &StrBytes,
    changes: ConfigChanges,
    effect: Effect,
) -> Result<(), Refusal> {
    let outcome = node.topics.configure(topic.to_string(), changes, effect).await;
    outcome.map_err(|refusal| in_kafkas_words(refusal, topic))
}

/// Gives topics exactly the configs named: what was set before and is not named has its default
/// again.
pub(super) async fn alter_configs(node: &Node, asked: AlterConfigsRequest) -> AlterConfigsResponse {
    let effect = effect(asked.validate_only);
    let mut responses = Vec::with_capacity(asked.resources.len());
    for resource in asked.resources {
        let (code, message) = said(&replace(node, &resource, effect).await);
        let response = ReplacedResource::default()
            .with_resource_type(resource.resource_type)
            .with_resource_name(resource.resource_name);
        responses.push(response.with_error_code(code).with_error_message(message));
    }
    AlterConfigsResponse::default().with_responses(responses)
}

async fn replace(node: &Node, resource: &ResourceToReplace, effect: Effect) -> Result<(), Refusal> {
    check_is_topic(resource.resource_type)?;
    let known = node.topics.catalogue().topic(&resource.resource_name).cloned();
    let before = known.iter().flat_map(|topic| topic.configs.keys());
    let mut changes: BTreeMap<String, Option<String>> =
        before.map(|name| (name.clone(), None)).collect();
    for config in &resource.configs {
        let Some(value) = &config.value else { return Err(null_value(&config.name)) };
        changes.insert(config.name.to_string(), Some(value.to_string()));
    }
    configure(node, &resource.resource_name, changes.into_iter().collect(), effect).await
}

/// Kafka says more of a wrong value here than where a topic is made.
fn in_kafkas_words(mut refusal: Refusal, topic: &str) -> Refusal {
    if refusal.message.starts_with("Invalid value ") {
        let resource = format!("ConfigResource(type=TOPIC, name='{topic}')");
        refusal.message =
            format!("Invalid config value for resource {resource}: {}", refusal.message);
    }
    refusal
}

fn change(asked: &AlterableConfig) -> Result<(String, Option<String>), Refusal> {
    let name = asked.name.to_string();
    match (asked.config_operation, &asked.value) {
        (SET, Some(value)) => Ok((name, Some(value.to_string()))),
        (DELETE, _) => Ok((name, None)),
        (SET, None) => Err(null_value(&name)),
        // No config here is a list.
        (APPEND, _) => {
            let message = format!("Config value append is not allowed for config key: {name}");
            Err(Refusal::new(ResponseError::InvalidConfig, message))
        }
        (SUBTRACT, _) => {
            let message = format!("Config value subtract is not allowed for config key: {name}");
            Err(Refusal::new(ResponseError::InvalidConfig, message))
        }
        (operation, _) => {
            let message = format!("There is no operation {operation} for {name}.");
            Err(Refusal::new(ResponseError::InvalidRequest, message))
        }
    }
}

fn null_value(name: &str) -> Refusal {
    let message = format!("Null value not supported for : {name}");
    Refusal::new(ResponseError::InvalidRequest, message)
}
