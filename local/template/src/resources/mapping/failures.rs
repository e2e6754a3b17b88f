//! What becomes of records that fail: AWS's settings, and the choices that a template's author may
//! make for the local cloud where AWS's documentation leaves them open.
//! <https://docs.aws.amazon.com/lambda/latest/dg/kafka-retry-configurations.html>

use std::time::Duration;

use crate::{
    place::{Fields, Place},
    plan::{Destination, FailureHandling, PartialReading, RetryDelay},
};

const RETRY_ATTEMPTS_MAX: i64 = 10_000;
const RECORD_AGE_S_MIN: i64 = 60;
const RECORD_AGE_S_MAX: i64 = 604_800;

/// `MaximumRetryAttempts` and `MaximumRecordAgeInSeconds`: no limit.
const UNLIMITED: i64 = -1;

const DESTINATION_CHARACTERS_MAX: usize = 350;
const RETRY_DELAY_MS_MAX: u32 = 3_600_000;

/// The settings for which AWS's guide wants provisioned pollers; a topic as destination, too.
const PROVISIONED_ONLY: [&str; 4] = [
    "BisectBatchOnFunctionError",
    "FunctionResponseTypes",
    "MaximumRecordAgeInSeconds",
    "MaximumRetryAttempts",
];

/// `Metadata: Millrace: Mappings:`, for all mappings of a template.
#[derive(Clone, Copy, Debug)]
pub(super) struct Choices {
    partial: PartialReading,
    bisect_counts: bool,
    retry_delay: Option<RetryDelay>,
    /// Whether pollers keep to AWS's limits.
    pub(super) poller_limits: bool,
}

impl Choices {
    pub(super) fn read(millrace: Option<&Place<'_>>) -> Self {
        let mut choices = Self {
            partial: PartialReading::EachRecord,
            bisect_counts: false,
            retry_delay: None,
            poller_limits: false,
        };
        let fields = millrace.and_then(Place::fields).and_then(|fields| {
            let mappings = fields.optional("Mappings");
            mappings.and_then(|place| place.fields())
        });
        let Some(fields) = fields else { return choices };
        if let Some(place) = fields.optional("PartialBatch") {
            match place.text() {
                Some("EachRecord") | None => {}
                Some("FromLowest") => choices.partial = PartialReading::FromLowest,
                Some(other) => {
                    place.problem(format!("must be EachRecord or FromLowest, not `{other}`"));
                }
            }
        }
        let counts = fields.optional("BisectCountsAsRetry").and_then(|place| place.boolean());
        choices.bisect_counts = counts.unwrap_or(false);
        let limits = fields.optional("PollerLimits").and_then(|place| place.boolean());
        choices.poller_limits = limits.unwrap_or(false);
        let delay = |key| {
            let milliseconds = fields.optional(key)?.count(0..=RETRY_DELAY_MS_MAX)?;
            Some(Duration::from_millis(milliseconds.into()))
        };
        let (first, longest) = (delay("RetryDelayMs"), delay("RetryDelayMaxMs"));
        if first.is_some() || longest.is_some() {
            let first = first.unwrap_or(Duration::from_secs(1));
            let longest = longest.unwrap_or(Duration::from_mins(1)).max(first);
            choices.retry_delay = Some(RetryDelay { first, longest });
        }
        fields.finish();
        choices
    }
}

pub(super) fn read(
    fields: &Fields<'_>,
    topic: Option<&str>,
    choices: Choices,
    provisioned: bool,
) -> FailureHandling {
    let bisect = fields.optional("BisectBatchOnFunctionError");
    let bisect = bisect.and_then(|place| place.boolean()).unwrap_or(false);
    let age = limit(fields, "MaximumRecordAgeInSeconds", RECORD_AGE_S_MAX);
    if let Some((place, seconds)) = &age
        && *seconds < RECORD_AGE_S_MIN
    {
        let (min, max) = (RECORD_AGE_S_MIN, RECORD_AGE_S_MAX);
        place.problem(format!("must be -1, or between {min} and {max}, not {seconds}"));
    }
    let retries = limit(fields, "MaximumRetryAttempts", RETRY_ATTEMPTS_MAX);
    let destination = destination(fields, topic);
    let failures = FailureHandling {
        retries_max: retries.and_then(|(_, count)| u32::try_from(count).ok()),
        record_age_max: age
            .and_then(|(_, seconds)| u64::try_from(seconds).ok())
            .map(Duration::from_secs),
        bisect,
        bisect_counts: choices.bisect_counts,
        partial: reports_failures(fields).then_some(choices.partial),
        destination,
        retry_delay: choices.retry_delay,
    };
    if !provisioned {
        warn_without_pollers(fields, &failures);
    }
    failures
}

/// A number with -1 for no limit, and where it stands.
fn limit<'t>(fields: &Fields<'t>, key: &'static str, max: i64) -> Option<(Place<'t>, i64)> {
    let place = fields.optional(key)?;
    let number = place.integer(UNLIMITED..=max)?;
    (number != UNLIMITED).then_some((place, number))
}

fn reports_failures(fields: &Fields<'_>) -> bool {
    let Some(place) = fields.optional("FunctionResponseTypes") else { return false };
    let Some(types) = place.items() else { return false };
    if types.len() > 1 {
        place.problem(format!("must name one type at most, not {}", types.len()));
    }
    for kind in &types {
        match kind.text() {
            Some("ReportBatchItemFailures") | None => {}
            Some(other) => kind.problem(format!("must be ReportBatchItemFailures, not `{other}`")),
        }
    }
    !types.is_empty()
}

fn destination(fields: &Fields<'_>, source: Option<&str>) -> Option<Destination> {
    let config = fields.optional("DestinationConfig")?.fields()?;
    if let Some(place) = config.optional("OnSuccess") {
        place.problem(
            "Unsupported DestinationConfig parameter for given event source mapping type.",
        );
    }
    let on_failure = config.optional("OnFailure");
    config.finish();
    let on_failure = on_failure?.fields()?;
    // SAM's own; it makes the queue or the topic, and says nothing here.
    on_failure.inert(&["Type"]);
    let place = on_failure.required("Destination");
    on_failure.finish();
    let place = place?;
    let text = place.text().filter(|text| !text.is_empty())?;
    if text.len() > DESTINATION_CHARACTERS_MAX {
        place.problem(format!("must have {DESTINATION_CHARACTERS_MAX} characters at most"));
    }
    let destination = parse_destination(text);
    match &destination {
        None => place.problem_with_hint(
            format!("`{text}` is not an on-failure destination"),
            Some("the ARN of a queue, a topic of SNS or a bucket, or `kafka://topic`".to_owned()),
        ),
        Some(Destination::Topic(topic)) if Some(topic.as_str()) == source => {
            place.problem("the on-failure topic must not be the topic that the mapping reads");
        }
        Some(Destination::Queue(name) | Destination::Notification(name))
            if name.rsplit_once('.').is_some_and(|(_, kind)| kind == "fifo") =>
        {
            place.problem("FIFO queues and topics cannot be on-failure destinations");
        }
        Some(_) => {}
    }
    destination
}

fn parse_destination(text: &str) -> Option<Destination> {
    if let Some(topic) = text.strip_prefix("kafka://") {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        let sound = (1..=249).contains(&topic.len())
            && !topic.starts_with('.')
            && topic.bytes().all(allowed);
        return sound.then(|| Destination::Topic(topic.to_owned()));
    }
    let mut parts = text.split(':');
    let (arn, service) = (parts.next(), parts.nth(1));
    let name = parts.nth(2).filter(|name| !name.is_empty() && !name.contains('/'))?.to_owned();
    match (arn, service) {
        (Some("arn"), Some("sqs")) => Some(Destination::Queue(name)),
        (Some("arn"), Some("sns")) => Some(Destination::Notification(name)),
        (Some("arn"), Some("s3")) => Some(Destination::Bucket(name)),
        _ => None,
    }
}

/// Whether AWS refuses or ignores these on demand is not known: its guide only ever sets them with
/// provisioned pollers.
fn warn_without_pollers(fields: &Fields<'_>, failures: &FailureHandling) {
    let set = [
        failures.bisect,
        failures.partial.is_some(),
        failures.record_age_max.is_some(),
        failures.retries_max.is_some(),
    ];
    let mut keys: Vec<_> =
        PROVISIONED_ONLY.iter().zip(set).filter(|(_, set)| *set).map(|(key, _)| *key).collect();
    if matches!(failures.destination, Some(Destination::Topic(_))) {
        keys.push("DestinationConfig");
    }
    if !keys.is_empty() {
        let keys: Vec<_> = keys.iter().map(|key| format!("`{key}`")).collect();
        fields.place().warning(format!(
            "{} may have no effect on AWS without `ProvisionedPollerConfig`, which costs money",
            keys.join(", ")
        ));
    }
}
