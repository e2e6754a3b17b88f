//! What a mapping may have besides: filters, and what is checked and has no effect here, pollers,
//! metrics, logs and credentials.

use filter::Filters;

use crate::{
    place::{Fields, Place},
    plan::Source,
};

/// AWS's quota, once it was raised; it is 5 before.
/// <https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventfiltering.html>
const FILTERS_MAX: usize = 10;
const FILTERS_QUOTA: usize = 5;

const POLLERS_MIN_MAX: u32 = 200;
const POLLERS_MAX: u32 = 2_000;
const POLLERS_MIN_DEFAULT: u32 = 1;

const METRICS: [&str; 3] = ["EventCount", "ErrorCount", "KafkaMetrics"];

/// How MSK can be approached, besides IAM and nothing.
const MSK_ACCESS: [&str; 2] = ["CLIENT_CERTIFICATE_TLS_AUTH", "SASL_SCRAM_512_AUTH"];

/// How Kafka elsewhere can be approached.
const SELF_MANAGED_ACCESS: [&str; 12] = [
    "BASIC_AUTH",
    "CLIENT_CERTIFICATE_TLS_AUTH",
    "IAM_AUTH",
    "IAM_OAUTHBEARER_AUTH",
    "OAUTHBEARER_AUDIENCE",
    "OAUTHBEARER_AUTH",
    "OAUTHBEARER_IDENTITY_POOL",
    "OAUTHBEARER_LOGICAL_CLUSTER",
    "OAUTHBEARER_SCOPE",
    "SASL_SCRAM_256_AUTH",
    "SASL_SCRAM_512_AUTH",
    "SERVER_ROOT_CA_CERTIFICATE",
];

/// Where the pollers stand: nothing here.
const NETWORK_ACCESS: [&str; 2] = ["VPC_SECURITY_GROUP", "VPC_SUBNET"];

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

/// Whether the mapping has provisioned pollers; without any setting inside it is back on demand.
pub(super) fn has_pollers(fields: &Fields<'_>) -> bool {
    let Some(place) = fields.optional("ProvisionedPollerConfig") else { return false };
    let Some(config) = place.fields() else { return false };
    let minimum = config.optional("MinimumPollers");
    let maximum = config.optional("MaximumPollers");
    let group = config.optional("PollerGroupName");
    config.finish();
    let asked = minimum.is_some() || maximum.is_some() || group.is_some();
    let least = minimum.and_then(|place| place.count(1..=POLLERS_MIN_MAX));
    let least = least.unwrap_or(POLLERS_MIN_DEFAULT);
    if let Some(place) = maximum
        && place.count(1..=POLLERS_MAX).is_some_and(|most| most < least)
    {
        place.problem(format!("must not be below `MinimumPollers`, {least}"));
    }
    if asked {
        place.warning("pollers are not counted here: every partition has an invocation of its own");
    }
    asked
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

pub(super) fn check_logging(fields: &Fields<'_>, provisioned: bool) {
    let Some(place) = fields.optional("LoggingConfig") else { return };
    let Some(config) = place.fields() else { return };
    if let Some(level) = config.optional("SystemLogLevel")
        && let Some(text) = level.text()
        && !["DEBUG", "INFO", "WARN"].contains(&text)
    {
        level.problem(format!("must be DEBUG, INFO or WARN, not `{text}`"));
    }
    config.finish();
    place.warning(if provisioned {
        "has no effect here: what a mapping does is in the stack's own log"
    } else {
        "needs `ProvisionedPollerConfig` on AWS"
    });
}

pub(super) fn check_access(fields: &Fields<'_>, source: Option<&Source>) {
    let Some(place) = fields.optional("SourceAccessConfigurations") else { return };
    let (cluster, known) = match source {
        None => return,
        Some(Source::Msk { .. }) => ("MSK", MSK_ACCESS.as_slice()),
        Some(Source::SelfManaged { .. }) => ("self-managed Kafka", SELF_MANAGED_ACCESS.as_slice()),
    };
    let mut asked = false;
    for place in place.items().unwrap_or_default() {
        let Some(fields) = place.fields() else { continue };
        let kind = fields.required("Type");
        fields.inert(&["URI"]);
        fields.finish();
        let Some(kind) = kind else { continue };
        match kind.text() {
            Some(text) if known.contains(&text) => asked = true,
            Some(text) if !NETWORK_ACCESS.contains(&text) => {
                let message = format!("must be {} for {cluster}, not `{text}`", known.join(" or "));
                kind.problem(message);
            }
            Some(_) | None => {}
        }
    }
    if asked {
        place.warning("has no effect here: mappings read Kafka without authentication");
    }
}
