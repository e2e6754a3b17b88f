//! Event source mappings from Kafka, in SAM's form (events `MSK` and `SelfManagedKafka`) and in
//! CloudFormation's (`AWS::Lambda::EventSourceMapping`). What belongs to both is in `settings`.

mod access;
mod extras;
mod failures;
mod pollers;
mod settings;

use std::time::Duration;

use self::failures::Choices;
use crate::{
    place::{Fields, Place},
    plan::{Destination, Mapping, Plan, Source},
};

/// What Lambda allows a function behind a Kafka mapping.
/// <https://docs.aws.amazon.com/lambda/latest/dg/with-msk.html>
const TIMEOUT_MAX: Duration = Duration::from_mins(14);

const BOOTSTRAP_SERVERS_MAX: usize = 10;

/// A mapping whose function is not looked up yet.
#[derive(Debug)]
pub(super) struct DeclaredMapping<'r> {
    place: Place<'r>,
    mapping: Mapping,
}

/// An event of a SAM function; `millrace` is what the template says about running it here.
pub(super) fn read_event<'r>(
    logical_id: String,
    kind: &str,
    function: &str,
    place: &Place<'r>,
    millrace: Option<&Place<'_>>,
) -> Option<DeclaredMapping<'r>> {
    let fields = place.fields()?;
    let source = if kind == "MSK" {
        fields.required("Stream").and_then(|place| cluster(&place))
    } else {
        if fields.optional("SourceAccessConfigurations").is_none() {
            place.problem("Required 'sourceAccessConfigurations' parameter is missing.");
        }
        fields.required("KafkaBootstrapServers").and_then(|place| self_managed(&place))
    };
    let choices = Choices::read(millrace);
    let mapping = settings::read(logical_id, function, source, &fields, choices);
    let group = fields.optional("ConsumerGroupId");
    let group = group.and_then(|place| settings::consumer_group(&place));
    settings::refuse_registry_and_queue(&fields);
    fields.finish();
    let mapping = Mapping { consumer_group: group, ..mapping? };
    Some(DeclaredMapping { place: place.clone(), mapping })
}

/// A resource `AWS::Lambda::EventSourceMapping`.
pub(super) fn read_resource<'r>(
    logical_id: &str,
    place: &Place<'r>,
    millrace: Option<&Place<'_>>,
) -> Option<DeclaredMapping<'r>> {
    let fields = place.fields()?;
    let function = fields.required("FunctionName").and_then(|place| place.text());
    let function = function.map(function_name);
    let managed = fields.optional("EventSourceArn").map(|place| cluster(&place));
    let own = fields.optional("SelfManagedEventSource").map(|place| endpoints(&place));
    let source = match (managed, own) {
        (Some(source), None) | (None, Some(source)) => source,
        (None, None) => {
            place.problem("`EventSourceArn` or `SelfManagedEventSource` is missing");
            None
        }
        (Some(_), Some(_)) => {
            place.problem("`EventSourceArn` and `SelfManagedEventSource` exclude each other");
            None
        }
    };
    let choices = Choices::read(millrace);
    let mapping = settings::read(logical_id.to_owned(), function?, source, &fields, choices);
    let configs = ["AmazonManagedKafkaEventSourceConfig", "SelfManagedKafkaEventSourceConfig"];
    let mut group = None;
    for config in configs.into_iter().filter_map(|key| fields.optional(key)) {
        let Some(config) = config.fields() else { continue };
        let id = config.optional("ConsumerGroupId");
        group = id.and_then(|place| settings::consumer_group(&place));
        settings::refuse_registry_and_queue(&config);
        config.finish();
    }
    fields.refuse(
        &[
            "DocumentDBEventSourceConfig",
            "ParallelizationFactor",
            "Queues",
            "ScalingConfig",
            "TumblingWindowInSeconds",
        ],
        "is not for Kafka",
    );
    fields.inert(&["Tags"]);
    fields.finish();
    let mapping = Mapping { consumer_group: group, ..mapping? };
    Some(DeclaredMapping { place: place.clone(), mapping })
}

/// Checks mappings against functions, topics and each other.
pub(super) fn assign(declared: Vec<DeclaredMapping<'_>>, plan: &mut Plan) {
    pollers::check_groups(&declared);
    for DeclaredMapping { place, mapping } in declared {
        let function = plan.functions.iter().find(|function| function.name == mapping.function);
        match function {
            None => place.problem(format!("there is no function `{}`", mapping.function)),
            Some(function) if function.timeout > TIMEOUT_MAX => place.warning(format!(
                "the timeout of `{}` is {} s, AWS allows {} s behind a Kafka mapping",
                function.name,
                function.timeout.as_secs(),
                TIMEOUT_MAX.as_secs()
            )),
            Some(_) => {}
        }
        if plan.topics.iter().all(|topic| topic.name != mapping.topic) {
            place.warning(format!(
                "no `AWS::MSK::Topic` declares the topic `{}`: it must exist already",
                mapping.topic
            ));
        }
        if let Some(Destination::Topic(topic)) = &mapping.failures.destination
            && plan.topics.iter().all(|declared| declared.name != *topic)
        {
            place.warning(format!(
                "no `AWS::MSK::Topic` declares the on-failure topic `{topic}`: it must exist already"
            ));
        }
        for other in &plan.mappings {
            if other.function == mapping.function
                && other.topic == mapping.topic
                && other.source == mapping.source
            {
                place.problem(format!(
                    "the mapping `{}` has the same function, source and topic",
                    other.logical_id
                ));
            }
            let group = mapping.consumer_group.as_ref();
            if let Some(group) = group.filter(|group| other.consumer_group.as_ref() == Some(group))
            {
                let other = &other.logical_id;
                place.problem(format!("the mapping `{other}` has the consumer group `{group}`"));
            }
        }
        plan.mappings.push(mapping);
    }
}

/// A name, a partial or a full ARN, each with or without a qualifier.
fn function_name(text: &str) -> &str {
    let name = text.rsplit_once("function:").map_or(text, |(_, name)| name);
    name.split(':').next().unwrap_or(name)
}

fn cluster(place: &Place<'_>) -> Option<Source> {
    let arn = place.text()?;
    let mut parts = arn.split(':');
    let service = (parts.next(), parts.nth(1));
    let resource = parts.nth(2).unwrap_or_default();
    let kafka = resource.starts_with("cluster/") || resource.starts_with("vpc-connection/");
    if service == (Some("arn"), Some("kafka")) && kafka {
        return Some(Source::Msk { cluster_arn: arn.to_owned() });
    }
    place.problem_with_hint(
        format!("`{arn}` is not the ARN of an MSK cluster"),
        Some("only Kafka sources are simulated".to_owned()),
    );
    None
}

fn endpoints(place: &Place<'_>) -> Option<Source> {
    let fields = place.fields()?;
    let endpoints = fields.required("Endpoints");
    fields.finish();
    let fields: Fields<'_> = endpoints?.fields()?;
    let servers = fields.required("KafkaBootstrapServers");
    fields.finish();
    self_managed(&servers?)
}

fn self_managed(place: &Place<'_>) -> Option<Source> {
    let servers = place.texts()?;
    if servers.is_empty() || servers.len() > BOOTSTRAP_SERVERS_MAX {
        place.problem(format!("must be 1 to {BOOTSTRAP_SERVERS_MAX} servers"));
    }
    for server in &servers {
        let port = server.rsplit_once(':').filter(|(host, _)| !host.is_empty());
        if port.is_none_or(|(_, port)| port.parse::<u16>().is_err()) {
            place.problem(format!("`{server}` is not `host:port`"));
        }
    }
    Some(Source::SelfManaged { bootstrap_servers: servers })
}
