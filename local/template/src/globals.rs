//! SAM's `Globals`, merged into the properties of resources as SAM merges them: maps key by key,
//! lists appended, anything else replaced.
//! <https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-specification-template-anatomy-globals.html>

use crate::{
    findings::{Findings, Problem},
    node::{Entry, Node, Value},
};

/// What SAM 1.115 lets stand in each section that has an effect here.
const FUNCTION: &[&str] = &[
    "Architectures",
    "AssumeRolePolicyDocument",
    "AutoPublishAlias",
    "AutoPublishAliasAllProperties",
    "CapacityProviderConfig",
    "CodeSigningConfigArn",
    "CodeUri",
    "DeadLetterQueue",
    "DeploymentPreference",
    "Description",
    "DurableConfig",
    "Environment",
    "EphemeralStorage",
    "EventInvokeConfig",
    "FileSystemConfigs",
    "FunctionScalingConfig",
    "FunctionUrlConfig",
    "Handler",
    "KmsKeyArn",
    "Layers",
    "LoggingConfig",
    "MemorySize",
    "PermissionsBoundary",
    "PropagateTags",
    "ProvisionedConcurrencyConfig",
    "PublishToLatestPublished",
    "RecursiveLoop",
    "ReservedConcurrentExecutions",
    "RolePath",
    "Runtime",
    "RuntimeManagementConfig",
    "SnapStart",
    "SourceKMSKeyArn",
    "Tags",
    "TenancyConfig",
    "Timeout",
    "Tracing",
    "VersionDeletionPolicy",
    "VpcConfig",
];
const HTTP_API: &[&str] = &[
    "AccessLogSettings",
    "Auth",
    "CorsConfiguration",
    "DefaultRouteSettings",
    "Domain",
    "FailOnWarnings",
    "PropagateTags",
    "RouteSettings",
    "StageVariables",
    "Tags",
];
const SIMPLE_TABLE: &[&str] = &["SSESpecification"];

/// Sections for resources that are inert or refused.
const WITHOUT_EFFECT: [&str; 7] = [
    "Api",
    "CapacityProvider",
    "LayerVersion",
    "MicrovmImage",
    "NetworkConnector",
    "StateMachine",
    "WebSocketApi",
];

/// Reports sections and properties that SAM would refuse.
pub(crate) fn check(globals: &Entry, findings: &Findings) {
    for section in globals.value.entries() {
        let supported = match section.key.as_str() {
            "Function" => FUNCTION,
            "HttpApi" => HTTP_API,
            "SimpleTable" => SIMPLE_TABLE,
            key if WITHOUT_EFFECT.contains(&key) => continue,
            key => {
                let path = format!("Globals.{key}");
                refuse(section, path, "is not a section of `Globals`", findings);
                continue;
            }
        };
        for property in section.value.entries() {
            if !supported.contains(&property.key.as_str()) {
                let path = format!("Globals.{}.{}", section.key, property.key);
                refuse(property, path, "cannot be set in `Globals`", findings);
            }
        }
    }
}

fn refuse(entry: &Entry, path: String, message: &str, findings: &Findings) {
    let (position, message) = (entry.position, message.to_owned());
    findings.problem(Problem { position, path, message, hint: None });
}

/// The properties of a resource of `resource_type` with the globals for its type below them.
/// `ignored` is the resource's `IgnoreGlobals`.
pub(crate) fn merged(
    globals: Option<&Entry>,
    resource_type: &str,
    ignored: Option<&Node>,
    properties: &Node,
) -> Node {
    let section = resource_type.strip_prefix("AWS::Serverless::");
    let section = section.and_then(|section| globals?.value.get(section));
    let Some(section) = section else { return properties.clone() };
    if ignored.and_then(Node::as_text) == Some("*") {
        return properties.clone();
    }
    let ignored = ignored.and_then(Node::as_list).unwrap_or_default();
    let ignored: Vec<_> = ignored.iter().filter_map(Node::as_text).collect();
    let applies = |entry: &&Entry| !ignored.contains(&entry.key.as_str());
    let applied = section.entries().iter().filter(applies).cloned().collect();
    merge(&Node { position: section.position, value: Value::Map(applied) }, properties)
}

/// The local value wins, its position with it, unless both are plain maps or both lists.
fn merge(global: &Node, local: &Node) -> Node {
    let value = match (&global.value, &local.value) {
        (Value::Map(global_entries), Value::Map(local_entries))
            if global.intrinsic().is_none() && local.intrinsic().is_none() =>
        {
            Value::Map(merge_entries(global_entries, local_entries))
        }
        (Value::List(first), Value::List(last)) => {
            Value::List(first.iter().chain(last).cloned().collect())
        }
        _ => local.value.clone(),
    };
    Node { position: local.position, value }
}

fn merge_entries(global: &[Entry], local: &[Entry]) -> Vec<Entry> {
    let mut merged: Vec<Entry> = global.to_vec();
    for entry in local {
        match merged.iter_mut().find(|candidate| candidate.key == entry.key) {
            Some(both) => {
                both.position = entry.position;
                both.value = merge(&both.value, &entry.value);
            }
            None => merged.push(entry.clone()),
        }
    }
    merged
}
