//! What a mapping may have besides: filters, and metrics, which are checked and have no
//! effect here, and logs.

use filter::Filters;

use crate::{
    place::{Fields, Place},
    plan::SystemLogLevel,
};

/// AWS's quota, once it was raised; it is 5 before.
/// <https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventfiltering.html>
const FILTERS_MAX: usize = 10;
const FILTERS_QUOTA: usize = 5;

const METRICS: [&str; 3] = ["EventCount", "ErrorCount", "KafkaMetrics"];

pub(super) fn filters(fields: &Fields<'_>) -> Vec<String> {
    let criteria = fields.optional("FilterCriteria").and_then(|place| place.fields());
    let Some(criteria) = criteria else { return Vec::new() };
    let filters = criteria.optional("Filters");
    criteria.finish();
    let items = filters.as_ref().and_then(Place::items).unwrap_or_default();
    if let Some(place) = filters.filter(|_| items.len() > FILTERS_QUOTA) {
        if items.len() > FILTERS_MAX {
            place.problem(format!("must be {FILTERS_MAX} filters at most, not {}", items.len()));
        } else {
            place.warning(format!("more than {FILTERS_QUOTA} filters need a higher quota on AWS"));
        }
    }
    items.iter().filter_map(filter).collect()
}

fn filter(place: &Place<'_>) -> Option<String> {
    let fields = place.fields()?;
    let pattern = fields.required("Pattern");
    fields.finish();
    let pattern = pattern?;
    let text = pattern.text()?;
    match Filters::parse([text]) {
        Ok(_) => Some(text.to_owned()),
        Err(error) => {
            pattern.problem(error.to_string());
            None
        }
    }
}

/// All metrics are there always, at the control endpoint.
pub(super) fn check_metrics(fields: &Fields<'_>) {
    let config = fields.optional("MetricsConfig").and_then(|place| place.fields());
    let Some(config) = config else { return };
    let metrics = config.optional("Metrics").and_then(|place| place.items());
    config.finish();
    for place in metrics.unwrap_or_default() {
        if let Some(text) = place.text()
            && !METRICS.contains(&text)
        {
            let known = "EventCount, ErrorCount or KafkaMetrics";
            place.problem(format!("must be {known}, not `{text}`"));
        }
    }
}

/// What the pollers write about themselves.
pub(super) fn logging(fields: &Fields<'_>, provisioned: bool) -> Option<SystemLogLevel> {
    let place = fields.optional("LoggingConfig")?;
    let config = place.fields()?;
    let level = config.optional("SystemLogLevel");
    config.finish();
    if !provisioned {
        place.warning("needs `ProvisionedPollerConfig` on AWS");
    }
    let level = level?;
    match level.text()? {
        "DEBUG" => Some(SystemLogLevel::Debug),
        "INFO" => Some(SystemLogLevel::Info),
        "WARN" => Some(SystemLogLevel::Warn),
        other => {
            level.problem(format!("must be DEBUG, INFO or WARN, not `{other}`"));
            None
        }
    }
}
