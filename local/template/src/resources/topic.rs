//! `AWS::MSK::Topic`, and what is a topic's name.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};

use crate::{place::Place, plan::Topic};

/// Kafka's limit: a topic's name is part of a folder's name.
const NAME_CHARACTERS_MAX: usize = 249;

/// MSK's highest number of partitions for one broker that can still be updated.
/// <https://docs.aws.amazon.com/msk/latest/developerguide/bestpractices.html>
const PARTITIONS_MAX: i64 = 6_000;

pub(super) fn read(logical_id: &str, place: &Place<'_>) -> Topic {
    let mut topic = Topic {
        logical_id: logical_id.to_owned(),
        name: logical_id.to_owned(),
        partitions: 1,
        configs: BTreeMap::new(),
    };
    let Some(fields) = place.fields() else { return topic };
    if let Some(name) = fields.required("TopicName").and_then(|place| name(&place)) {
        topic.name = name;
    }
    let partitions = fields.required("PartitionCount");
    let partitions = partitions.and_then(|place| place.integer(1..=PARTITIONS_MAX));
    topic.partitions = partitions.and_then(|count| i32::try_from(count).ok()).unwrap_or(1);
    if let Some(configs) = fields.optional("Configs").and_then(|place| configs(&place)) {
        topic.configs = configs;
    }
    // Which cluster, and how often each record is kept, is nothing a single broker can heed.
    for key in ["ClusterArn", "ReplicationFactor"] {
        fields.required(key);
    }
    fields.finish();
    topic
}

/// The name of a topic, within Kafka's limits as AWS states them: `[^.]([a-zA-Z0-9\-_.]+)`.
pub(super) fn name(place: &Place<'_>) -> Option<String> {
    let name = place.text()?;
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let length = 2..=NAME_CHARACTERS_MAX;
    if name.starts_with('.') || !length.contains(&name.len()) || !name.bytes().all(allowed) {
        let arn = name.starts_with("arn:");
        place.problem_with_hint(
            format!(
                "`{name}` is not a topic's name: 2 to {NAME_CHARACTERS_MAX} letters, digits, `.`, \
                 `_` and `-`, no `.` first"
            ),
            arn.then(|| "`Ref` of an `AWS::MSK::Topic` is its ARN: repeat its name".to_owned()),
        );
        return None;
    }
    Some(name.to_owned())
}

/// Base64 of a properties file: `retention.ms=86400000`, a line each.
fn configs(place: &Place<'_>) -> Option<BTreeMap<String, String>> {
    let text = place.text()?;
    let bytes = STANDARD.decode(text.trim()).ok();
    let Some(properties) = bytes.and_then(|bytes| String::from_utf8(bytes).ok()) else {
        let hint = "write it as `Fn::Base64: |` with one `name=value` a line".to_owned();
        place.problem_with_hint("must be base64 of a properties text", Some(hint));
        return None;
    };
    let mut configs = BTreeMap::new();
    let lines = properties.lines().map(str::trim);
    for line in lines.filter(|line| !line.is_empty() && !line.starts_with(['#', '!'])) {
        match line.split_once(['=', ':']) {
            Some((name, value)) if !name.trim().is_empty() => {
                configs.insert(name.trim().to_owned(), value.trim().to_owned());
            }
            _ => place.problem(format!("the line `{line}` is not `name=value`")),
        }
    }
    Some(configs)
}
