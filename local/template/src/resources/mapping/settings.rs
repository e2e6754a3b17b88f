//! The settings that SAM and CloudFormation spell alike, within AWS's limits.
//! <https://docs.aws.amazon.com/lambda/latest/api/API_CreateEventSourceMapping.html>

use std::time::Duration;

use crate::{
    place::{Fields, Place},
    plan::{Mapping, Source, StartingPosition},
    resources::topic,
};

use super::{
    access, extras,
    failures::{self, Choices},
    pollers,
};

const BATCH_SIZE_MAX: u32 = 10_000;
const BATCH_SIZE_DEFAULT: u32 = 100;
const WINDOW_S_MAX: u32 = 300;
const CONSUMER_GROUP_CHARACTERS_MAX: usize = 200;

const NOT_SIMULATED: &str = "is not simulated yet";

/// A mapping without its consumer group, which each form keeps elsewhere.
pub(super) fn read(
    logical_id: String,
    function: &str,
    source: Option<Source>,
    fields: &Fields<'_>,
    choices: Choices,
) -> Option<Mapping> {
    let topic = topic(fields);
    let batch_size = fields.optional("BatchSize").and_then(|p| p.count(1..=BATCH_SIZE_MAX));
    let window = fields.optional("MaximumBatchingWindowInSeconds");
    let window_s = window.and_then(|place| place.count(0..=WINDOW_S_MAX));
    let starting_position = starting_position(fields);
    let enabled = fields.optional("Enabled").and_then(|place| place.boolean());
    let (pollers, provisioned) = pollers::read(fields, choices);
    let failures = failures::read(fields, topic.as_deref(), choices, provisioned);
    let filters = extras::filters(fields);
    extras::check_metrics(fields);
    let system_log = extras::logging(fields, provisioned);
    let access = access::read(fields, source.as_ref());
    fields.inert(&["KmsKeyArn"]);
    Some(Mapping {
        logical_id,
        function: function.to_owned(),
        topic: topic?,
        source: source?,
        batch_size: batch_size.unwrap_or(BATCH_SIZE_DEFAULT),
        window: window_s.map(|seconds| Duration::from_secs(seconds.into())),
        starting_position: starting_position?,
        consumer_group: None,
        enabled: enabled.unwrap_or(true),
        filters,
        failures,
        pollers,
        system_log,
        access,
    })
}

pub(super) fn consumer_group(place: &Place<'_>) -> Option<String> {
    let text = place.text()?;
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b" -/*:_+=.@".contains(&byte);
    let length = text.len();
    if length == 0 || length > CONSUMER_GROUP_CHARACTERS_MAX || !text.bytes().all(allowed) {
        place.problem(format!(
            "`{text}` is not a consumer group's name: 1 to {CONSUMER_GROUP_CHARACTERS_MAX} \
             letters, digits and ` -/*:_+=.@`"
        ));
        return None;
    }
    Some(text.to_owned())
}

/// What SAM has at the top, and CloudFormation in the configuration of the source.
pub(super) fn refuse_registry_and_queue(fields: &Fields<'_>) {
    fields.refuse(&["SchemaRegistryConfig"], NOT_SIMULATED);
    if let Some(place) = fields.optional("ConsumptionMode") {
        match place.text() {
            Some("Stream") | None => {}
            Some("Queue") => place.problem("consuming as a queue is not simulated yet"),
            Some(mode) => place.problem(format!("must be Stream or Queue, not `{mode}`")),
        }
    }
}

fn topic(fields: &Fields<'_>) -> Option<String> {
    let place = fields.required("Topics")?;
    let items = place.items()?;
    let [item] = items.as_slice() else {
        place.problem(format!("must name exactly one topic, not {}", items.len()));
        return None;
    };
    topic::name(item)
}

fn starting_position(fields: &Fields<'_>) -> Option<StartingPosition> {
    let time = fields.optional("StartingPositionTimestamp");
    let place = fields.required("StartingPosition")?;
    let position = match place.text()? {
        "TRIM_HORIZON" => StartingPosition::TrimHorizon,
        "LATEST" => StartingPosition::Latest,
        "AT_TIMESTAMP" => {
            let Some(time) = time else {
                place.problem("AT_TIMESTAMP needs `StartingPositionTimestamp`");
                return None;
            };
            let seconds = time.integer(0..=i64::MAX / 1_000)?;
            return Some(StartingPosition::AtTimestamp { timestamp_ms: seconds * 1_000 });
        }
        other => {
            let message = format!("must be TRIM_HORIZON, LATEST or AT_TIMESTAMP, not `{other}`");
            place.problem(message);
            return None;
        }
    };
    if let Some(time) = time {
        time.problem("is for the starting position AT_TIMESTAMP only");
    }
    Some(position)
}
