//! Event source mappings, in SAM's and CloudFormation's form.

use std::time::Duration;

use super::*;
use crate::{Mapping, Source, StartingPosition};

const CLUSTER: &str = "arn:aws:kafka:eu-west-1:123456789012:cluster/local/uuid-1";
const MSK: &str =
    "Stream: arn:aws:kafka:eu-west-1:123456789012:cluster/local/uuid-1, Topics: [events]";

fn with_event(kind: &str, properties: &str) -> String {
    function(&format!("Events: {{E: {{Type: {kind}, Properties: {{{properties}}}}}}}"))
}

fn with_mapping(properties: &str) -> String {
    let mapping = "  M:\n    Type: AWS::Lambda::EventSourceMapping\n    Properties:";
    format!("{}{mapping} {{{properties}}}\n", function(""))
}

#[track_caller]
fn mapping(text: &str) -> Mapping {
    plan(text).mappings[0].clone()
}

#[track_caller]
fn refuses_msk(properties: &str, path: &str, message: &str) {
    let text = with_event("MSK", &format!("{MSK}, {properties}"));
    let problems = parse(&sam(&text), Path::new("/project"), &settings()).unwrap_err();
    let found: Vec<_> =
        problems.iter().map(|problem| (problem.path.as_str(), problem.message.as_str())).collect();
    let path = format!("Resources.F.Properties.Events.E.Properties{path}");
    assert_eq!(found, [(path.as_str(), message)]);
}

fn from_cluster() -> Mapping {
    Mapping {
        logical_id: "FE".to_owned(),
        function: "F".to_owned(),
        topic: "events".to_owned(),
        source: Source::Msk { cluster_arn: CLUSTER.to_owned() },
        batch_size: 100,
        window: None,
        starting_position: StartingPosition::Latest,
        consumer_group: None,
        enabled: true,
    }
}

#[test]
fn takes_awss_defaults() {
    let text = with_event("MSK", &format!("{MSK}, StartingPosition: LATEST"));
    assert_eq!(mapping(&text), from_cluster());
}

#[test]
fn reads_every_setting_of_an_msk_event() {
    let settings = "StartingPosition: AT_TIMESTAMP, StartingPositionTimestamp: 1700000000, \
                    BatchSize: 500, MaximumBatchingWindowInSeconds: 0, ConsumerGroupId: g, \
                    Enabled: false, MaximumRetryAttempts: -1, MaximumRecordAgeInSeconds: -1, \
                    BisectBatchOnFunctionError: false, FunctionResponseTypes: []";
    let expected = Mapping {
        batch_size: 500,
        window: Some(Duration::ZERO),
        starting_position: StartingPosition::AtTimestamp { timestamp_ms: 1_700_000_000_000 },
        consumer_group: Some("g".to_owned()),
        enabled: false,
        ..from_cluster()
    };
    assert_eq!(mapping(&with_event("MSK", &format!("{MSK}, {settings}"))), expected);
}

#[test]
fn reads_self_managed_kafka() {
    let source =
        Source::SelfManaged { bootstrap_servers: vec!["a:9092".to_owned(), "b:9092".to_owned()] };
    let text = with_event(
        "SelfManagedKafka",
        "KafkaBootstrapServers: ['a:9092', 'b:9092'], Topics: [events], \
         StartingPosition: TRIM_HORIZON, SourceAccessConfigurations: [{Type: BASIC_AUTH, URI: x}]",
    );
    let starting_position = StartingPosition::TrimHorizon;
    assert_eq!(mapping(&text), Mapping { source, starting_position, ..from_cluster() });
}

#[test]
fn reads_cloudformations_form() {
    let managed = format!(
        "FunctionName: !GetAtt F.Arn, EventSourceArn: {CLUSTER}, Topics: [events], \
         StartingPosition: LATEST, AmazonManagedKafkaEventSourceConfig: {{ConsumerGroupId: g}}"
    );
    let logical_id = "M".to_owned();
    let consumer_group = Some("g".to_owned());
    let expected = Mapping { logical_id, consumer_group, ..from_cluster() };
    assert_eq!(mapping(&with_mapping(&managed)), expected);
    let own = "FunctionName: F, Topics: [events], StartingPosition: LATEST, \
               SelfManagedEventSource: {Endpoints: {KafkaBootstrapServers: ['a:1']}}";
    let source = Source::SelfManaged { bootstrap_servers: vec!["a:1".to_owned()] };
    let expected = Mapping { logical_id: "M".to_owned(), source, ..from_cluster() };
    assert_eq!(mapping(&with_mapping(own)), expected);
}

#[test]
fn keeps_to_awss_limits() {
    let latest = |rest: &str| format!("StartingPosition: LATEST, {rest}");
    for (setting, path, message) in [
        ("BatchSize: 0", ".BatchSize", "must be between 1 and 10000, not 0"),
        ("BatchSize: 10001", ".BatchSize", "must be between 1 and 10000, not 10001"),
        (
            "MaximumBatchingWindowInSeconds: 301",
            ".MaximumBatchingWindowInSeconds",
            "must be between 0 and 300, not 301",
        ),
        (
            "StartingPositionTimestamp: 1",
            ".StartingPositionTimestamp",
            "is for the starting position AT_TIMESTAMP only",
        ),
        (
            "ConsumerGroupId: 'a,b'",
            ".ConsumerGroupId",
            "`a,b` is not a consumer group's name: 1 to 200 letters, digits and ` -/*:_+=.@`",
        ),
        ("Enabled: maybe", ".Enabled", "must be true or false, not `maybe`"),
        (
            "MaximumRetryAttempts: -2",
            ".MaximumRetryAttempts",
            "must be between -1 and 10000, not -2",
        ),
    ] {
        refuses_msk(&latest(setting), path, message);
    }
}

#[test]
fn needs_a_starting_position() {
    refuses_msk("BatchSize: 1", "", "`StartingPosition` is missing");
    refuses_msk(
        "StartingPosition: FIRST",
        ".StartingPosition",
        "must be TRIM_HORIZON, LATEST or AT_TIMESTAMP, not `FIRST`",
    );
    refuses_msk(
        "StartingPosition: AT_TIMESTAMP",
        ".StartingPosition",
        "AT_TIMESTAMP needs `StartingPositionTimestamp`",
    );
}

#[test]
fn needs_exactly_one_topic_by_its_name() {
    for (topics, path, message) in [
        ("[]", ".Topics", "must name exactly one topic, not 0"),
        ("[aa, bb]", ".Topics", "must name exactly one topic, not 2"),
        (
            "['.a']",
            ".Topics.0",
            "`.a` is not a topic's name: 2 to 249 letters, digits, `.`, `_` and `-`, no `.` first",
        ),
    ] {
        let text = with_event(
            "MSK",
            &format!("Stream: {CLUSTER}, StartingPosition: LATEST, Topics: {topics}"),
        );
        let problems = parse(&sam(&text), Path::new("/project"), &settings()).unwrap_err();
        assert_eq!(problems[0].path, format!("Resources.F.Properties.Events.E.Properties{path}"));
        assert_eq!(problems[0].message, message);
    }
}

#[test]
fn refuses_error_handling_that_is_not_simulated_yet() {
    for setting in [
        "FilterCriteria: {Filters: []}",
        "MaximumRetryAttempts: 3",
        "MaximumRecordAgeInSeconds: 60",
        "BisectBatchOnFunctionError: true",
        "FunctionResponseTypes: [ReportBatchItemFailures]",
        "DestinationConfig: {OnFailure: {Destination: 'kafka://dlq'}}",
        "SchemaRegistryConfig: {}",
    ] {
        let (key, _) = setting.split_once(':').unwrap();
        let setting = format!("StartingPosition: LATEST, {setting}");
        refuses_msk(&setting, &format!(".{key}"), "is not simulated yet");
    }
    refuses_msk(
        "StartingPosition: LATEST, ConsumptionMode: Queue",
        ".ConsumptionMode",
        "consuming as a queue is not simulated yet",
    );
}

#[test]
fn warns_of_settings_without_effect() {
    let settings =
        "ProvisionedPollerConfig: {MinimumPollers: 1}, MetricsConfig: {Metrics: [EventCount]}";
    let text = with_event("MSK", &format!("{MSK}, StartingPosition: LATEST, {settings}"));
    warns(
        &text,
        &[
            "`MetricsConfig` of `FE` has no effect here",
            "`ProvisionedPollerConfig` of `FE` has no effect here",
            "no `AWS::MSK::Topic` declares the topic `events`: it must exist already",
        ],
    );
}

#[test]
fn warns_of_a_timeout_that_aws_does_not_allow_behind_kafka() {
    let event = with_event("MSK", &format!("{MSK}, StartingPosition: LATEST"));
    let text = event.replace("      CodeUri", "      Timeout: 841\n      CodeUri");
    assert_eq!(
        plan(&text).warnings[0].message,
        "the timeout of `F` is 841 s, AWS allows 840 s behind a Kafka mapping"
    );
}

#[test]
fn refuses_sources_that_are_not_kafka() {
    let queue = "FunctionName: F, Topics: [events], StartingPosition: LATEST, \
                 EventSourceArn: 'arn:aws:sqs:eu-west-1:123456789012:queue'";
    refuses(
        &with_mapping(queue),
        &["12:95 Resources.M.Properties.EventSourceArn: \
           `arn:aws:sqs:eu-west-1:123456789012:queue` is not the ARN of an MSK cluster (only \
           Kafka sources are simulated)"],
    );
    let none = "FunctionName: F, Topics: [events], StartingPosition: LATEST";
    refuses(
        &with_mapping(none),
        &["12:5 Resources.M.Properties: `EventSourceArn` or `SelfManagedEventSource` is missing"],
    );
}

#[test]
fn refuses_a_function_that_is_not_there() {
    let text = format!(
        "FunctionName: 'arn:aws:lambda:eu-west-1:123456789012:function:Other:live', \
         EventSourceArn: {CLUSTER}, Topics: [events], StartingPosition: LATEST"
    );
    refuses(&with_mapping(&text), &["12:5 Resources.M.Properties: there is no function `Other`"]);
}

#[test]
fn refuses_a_mapping_that_is_there_already() {
    let event = format!(
        "{{Type: MSK, Properties: {{{MSK}, StartingPosition: LATEST, ConsumerGroupId: g}}}}"
    );
    refuses(
        &function(&format!("Events:\n  A: {event}\n  B: {event}")),
        &[
            "8:24 Resources.F.Properties.Events.B.Properties: the mapping `FA` has the consumer \
             group `g`",
            "8:24 Resources.F.Properties.Events.B.Properties: the mapping `FA` has the same \
             function, source and topic",
        ],
    );
}

#[test]
fn takes_up_to_ten_bootstrap_servers() {
    let servers = ["'a:1'"; 11].join(", ");
    let text = with_event(
        "SelfManagedKafka",
        &format!(
            "KafkaBootstrapServers: [{servers}], Topics: [events], StartingPosition: LATEST, \
             SourceAccessConfigurations: [{{Type: BASIC_AUTH, URI: x}}]"
        ),
    );
    refuses(
        &text,
        &[
            "6:57 Resources.F.Properties.Events.E.Properties.KafkaBootstrapServers: must be 1 to 10 \
           servers",
        ],
    );
}

#[test]
fn refuses_self_managed_kafka_without_access_or_servers() {
    let text = with_event(
        "SelfManagedKafka",
        "KafkaBootstrapServers: [somewhere], Topics: [events], StartingPosition: LATEST",
    );
    refuses(
        &text,
        &[
            "6:44 Resources.F.Properties.Events.E.Properties: Required \
             'sourceAccessConfigurations' parameter is missing.",
            "6:57 Resources.F.Properties.Events.E.Properties.KafkaBootstrapServers: `somewhere` is \
             not `host:port`",
        ],
    );
}
