//! From a plan's mapping to what its poller is told.

use std::collections::BTreeMap;
use std::path::Path;

use poller::{
    Access, Destination, EventSource, FailureHandling, MappingConfig, OnFailure, PartialReading,
    Pollers, RetryDelay, Service, StartingPosition, SystemLogConfig, SystemLogLevel,
};
use template::{Mapping, Source};
use uuid::Uuid;

use super::{ACCOUNT, REGION};
use crate::access::servers;

/// What a mapping cannot know by itself.
#[derive(Clone, Copy, Debug)]
pub(in crate::stack) struct Surroundings<'a> {
    /// The stack's Kafka.
    pub(in crate::stack) kafka: &'a str,
    /// Where documents for SQS, SNS and S3 are kept.
    pub(in crate::stack) destinations: &'a Path,
    /// Where mappings write their logs.
    pub(in crate::stack) logs: &'a Path,
}

/// A mapping's poller. Kafka is the stack's own for MSK; a self-managed cluster is where the
/// template says.
pub(in crate::stack) fn mapping(
    mapping: &Mapping,
    around: Surroundings<'_>,
    access: Access,
) -> MappingConfig {
    let id = mapping_id(mapping).to_string();
    let source = match &mapping.source {
        Source::Msk { cluster_arn } => EventSource::Msk { cluster_arn: cluster_arn.clone() },
        Source::SelfManaged { .. } => EventSource::SelfManaged,
    };
    MappingConfig {
        function: mapping.function.clone(),
        topic: mapping.topic.clone(),
        bootstrap_servers: servers(mapping, around.kafka),
        source,
        batch_size: mapping.batch_size,
        window: mapping.window,
        starting_position: match mapping.starting_position {
            template::StartingPosition::TrimHorizon => StartingPosition::TrimHorizon,
            template::StartingPosition::Latest => StartingPosition::Latest,
            template::StartingPosition::AtTimestamp { timestamp_ms } => {
                StartingPosition::AtTimestamp { timestamp_ms }
            }
        },
        group_id: mapping.consumer_group.clone().unwrap_or_else(|| id.clone()),
        enabled: mapping.enabled,
        filters: mapping.filters.clone(),
        failures: failures(mapping, around.destinations),
        pollers: Pollers {
            least: mapping.pollers.least,
            most: mapping.pollers.most,
            limited: mapping.pollers.limited,
        },
        system_log: mapping.system_log.map(|level| SystemLogConfig {
            level: match level {
                template::SystemLogLevel::Warn => SystemLogLevel::Warn,
                template::SystemLogLevel::Info => SystemLogLevel::Info,
                template::SystemLogLevel::Debug => SystemLogLevel::Debug,
            },
            path: around.logs.join(format!("{id}.log")),
            mapping_arn: format!("arn:aws:lambda:{REGION}:{ACCOUNT}:event-source-mapping:{id}"),
        }),
        access,
        client_settings: BTreeMap::new(),
        id,
    }
}

fn failures(mapping: &Mapping, destinations: &Path) -> FailureHandling {
    let failures = &mapping.failures;
    let delay = failures.retry_delay;
    let delay = delay.map(|delay| RetryDelay { first: delay.first, longest: delay.longest });
    let on_failure = failures.destination.as_ref().map(|destination| OnFailure {
        function_arn: format!("arn:aws:lambda:{REGION}:{ACCOUNT}:function:{}", mapping.function),
        destination: self::destination(destination, destinations),
    });
    FailureHandling {
        retries_max: failures.retries_max,
        record_age_max: failures.record_age_max,
        bisect: failures.bisect,
        bisect_counts: failures.bisect_counts,
        partial: failures.partial.map(|reading| match reading {
            template::PartialReading::EachRecord => PartialReading::EachRecord,
            template::PartialReading::FromLowest => PartialReading::FromLowest,
        }),
        on_failure,
        retry_delay: delay.unwrap_or_default(),
    }
}

/// A service that does not run here is a folder of its name: `sqs/my-queue`.
fn destination(destination: &template::Destination, destinations: &Path) -> Destination {
    let (service, kind, name) = match destination {
        template::Destination::Topic(topic) => return Destination::Topic(topic.clone()),
        template::Destination::Queue(name) => (Service::Sqs, "sqs", name),
        template::Destination::Notification(name) => (Service::Sns, "sns", name),
        template::Destination::Bucket(name) => (Service::S3, "s3", name),
    };
    Destination::Folder { service, folder: destinations.join(kind).join(name) }
}

/// A mapping's UUID: the same in every run, since the consumer group is named after it. With
/// another topic it is another mapping, as in CloudFormation.
pub(crate) fn mapping_id(mapping: &Mapping) -> Uuid {
    let name = format!("millrace/mapping/{}/{}", mapping.logical_id, mapping.topic);
    Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes())
}

#[cfg(test)]
mod tests;
