//! Event source mappings, in SAM's and CloudFormation's form.

use std::time::Duration;

use super::*;
use crate::{
    AccessKind, Destination, FailureHandling, Mapping, PartialReading, Pollers, RetryDelay, Source,
    SourceAccess, StartingPosition,
};

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
        filters: Vec::new(),
        failures: FailureHandling::default(),
        pollers: Pollers::default(),
        system_log: None,
        access: Vec::new(),
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
    let access = vec![secret(AccessKind::Basic, Some("x"))];
    assert_eq!(mapping(&text), Mapping { source, starting_position, access, ..from_cluster() });
}

fn secret(kind: AccessKind, secret: Option<&str>) -> SourceAccess {
    SourceAccess { kind, secret: secret.map(str::to_owned), line: 6 }
}

#[test]
fn reads_which_secrets_get_at_the_cluster() {
    let kafka = "KafkaBootstrapServers: ['a:1'], Topics: [events], StartingPosition: LATEST";
    let access = |configurations: &str| {
        let rest = format!("{kafka}, SourceAccessConfigurations: [{configurations}]");
        with_event("SelfManagedKafka", &rest)
    };
    for (name, kind) in AccessKind::ALL {
        let text = access(&format!("{{Type: {name}, URI: some}}"));
        assert_eq!(mapping(&text).access, [secret(kind, Some("some"))]);
    }
    let text = access(
        "{Type: VPC_SUBNET, URI: subnet:s}, {Type: SERVER_ROOT_CA_CERTIFICATE, URI: ca}, \
         {Type: SASL_SCRAM_256_AUTH, URI: !Ref S}",
    );
    let named =
        format!("{text}  S: {{Type: AWS::SecretsManager::Secret, Properties: {{Name: mine}}}}\n");
    let arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:mine";
    let root = secret(AccessKind::RootCertificate, Some("ca"));
    let scram = secret(AccessKind::Scram256, Some(arn));
    assert_eq!(mapping(&named).access, [root.clone(), scram]);
    let imported = text.replace("!Ref S", "!ImportValue S");
    assert_eq!(mapping(&imported).access, [root, secret(AccessKind::Scram256, None)]);
}

#[test]
fn refuses_two_ways_to_authenticate() {
    refuses_msk(
        "StartingPosition: LATEST, SourceAccessConfigurations: [{Type: SASL_SCRAM_512_AUTH, \
         URI: x}, {Type: CLIENT_CERTIFICATE_TLS_AUTH, URI: x}]",
        ".SourceAccessConfigurations",
        "must have one way to authenticate at most",
    );
}

#[test]
fn says_which_ways_to_authenticate_are_not_simulated() {
    let text = with_event(
        "SelfManagedKafka",
        "KafkaBootstrapServers: ['a:1'], Topics: [events], StartingPosition: LATEST, \
         SourceAccessConfigurations: [{Type: OAUTHBEARER_AUTH, URI: x}]",
    );
    assert_eq!(mapping(&text).access, []);
    assert_eq!(
        plan(&text).warnings[0].message,
        "OAUTHBEARER_AUTH is not simulated: the mapping reads without it"
    );
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

const HANDLING: &str = "MaximumRetryAttempts: 3, MaximumRecordAgeInSeconds: 60, \
    BisectBatchOnFunctionError: true, FunctionResponseTypes: [ReportBatchItemFailures], \
    DestinationConfig: {OnFailure: {Destination: 'kafka://dlq'}}";

fn handling() -> FailureHandling {
    FailureHandling {
        retries_max: Some(3),
        record_age_max: Some(Duration::from_mins(1)),
        bisect: true,
        bisect_counts: false,
        partial: Some(PartialReading::EachRecord),
        destination: Some(Destination::Topic("dlq".to_owned())),
        retry_delay: None,
    }
}

#[test]
fn reads_what_becomes_of_failed_records_in_both_forms() {
    let pollers = "ProvisionedPollerConfig: {MinimumPollers: 2, MaximumPollers: 5}";
    let rest = "MetricsConfig: {Metrics: [EventCount, KafkaMetrics]}, \
                FilterCriteria: {Filters: [{Pattern: '{\"value\":{\"a\":[1]}}'}]}";
    let settings = format!("StartingPosition: LATEST, {HANDLING}, {pollers}, {rest}");
    let expected = Mapping {
        failures: handling(),
        pollers: Pollers { least: 2, most: 5, ..Pollers::default() },
        filters: vec![r#"{"value":{"a":[1]}}"#.to_owned()],
        ..from_cluster()
    };
    assert_eq!(mapping(&with_event("MSK", &format!("{MSK}, {settings}"))), expected);
    let resource =
        format!("FunctionName: F, EventSourceArn: {CLUSTER}, Topics: [events], {settings}");
    let logical_id = "M".to_owned();
    assert_eq!(mapping(&with_mapping(&resource)), Mapping { logical_id, ..expected });
}

#[test]
fn reads_what_the_templates_author_chooses_for_mappings_here() {
    let event = format!(
        "{MSK}, StartingPosition: LATEST, FunctionResponseTypes: [ReportBatchItemFailures]"
    );
    let metadata = "Metadata: {Millrace: {Mappings: {PartialBatch: FromLowest, \
                    BisectCountsAsRetry: true, RetryDelayMs: 10, RetryDelayMaxMs: 100}}}\n";
    let text = format!("{metadata}{}", with_event("MSK", &event));
    let failures = mapping(&text).failures;
    assert_eq!(failures.partial, Some(PartialReading::FromLowest));
    assert!(failures.bisect_counts);
    let (first, longest) = (Duration::from_millis(10), Duration::from_millis(100));
    assert_eq!(failures.retry_delay, Some(RetryDelay { first, longest }));
}

#[test]
fn knows_each_kind_of_on_failure_destination() {
    for (text, expected) in [
        ("arn:aws:sqs:eu-west-1:123456789012:q", Some(Destination::Queue("q".to_owned()))),
        ("arn:aws:sns:eu-west-1:123456789012:t", Some(Destination::Notification("t".to_owned()))),
        ("arn:aws:s3:::b", Some(Destination::Bucket("b".to_owned()))),
        ("", None),
    ] {
        let event = format!(
            "{MSK}, StartingPosition: LATEST, \
             DestinationConfig: {{OnFailure: {{Destination: '{text}'}}}}"
        );
        assert_eq!(mapping(&with_event("MSK", &event)).failures.destination, expected, "{text}");
    }
}

#[test]
fn refuses_failure_handling_that_aws_refuses() {
    let destination =
        |text: &str| format!("DestinationConfig: {{OnFailure: {{Destination: '{text}'}}}}");
    let on_failure = ".DestinationConfig.OnFailure.Destination";
    for (setting, path, message) in [
        (
            destination("kafka://events"),
            on_failure,
            "the on-failure topic must not be the topic that the mapping reads",
        ),
        (
            destination("arn:aws:sqs:eu-west-1:1:q.fifo"),
            on_failure,
            "FIFO queues and topics cannot be on-failure destinations",
        ),
        (
            destination("arn:aws:lambda:eu-west-1:1:function:f"),
            on_failure,
            "`arn:aws:lambda:eu-west-1:1:function:f` is not an on-failure destination",
        ),
        (
            "DestinationConfig: {OnSuccess: {Destination: x}}".to_owned(),
            ".DestinationConfig.OnSuccess",
            "Unsupported DestinationConfig parameter for given event source mapping type.",
        ),
        (
            "MaximumRecordAgeInSeconds: 59".to_owned(),
            ".MaximumRecordAgeInSeconds",
            "must be -1, or between 60 and 604800, not 59",
        ),
        (
            "FunctionResponseTypes: [All]".to_owned(),
            ".FunctionResponseTypes.0",
            "must be ReportBatchItemFailures, not `All`",
        ),
        (
            "ProvisionedPollerConfig: {MinimumPollers: 9, MaximumPollers: 8}".to_owned(),
            ".ProvisionedPollerConfig.MaximumPollers",
            "must not be below `MinimumPollers`, 9",
        ),
        (
            "MetricsConfig: {Metrics: [Everything]}".to_owned(),
            ".MetricsConfig.Metrics.0",
            "must be EventCount, ErrorCount or KafkaMetrics, not `Everything`",
        ),
        (
            "LoggingConfig: {SystemLogLevel: ALL}".to_owned(),
            ".LoggingConfig.SystemLogLevel",
            "must be DEBUG, INFO or WARN, not `ALL`",
        ),
        (
            "FilterCriteria: {Filters: [{Pattern: '{\"key\":[1]}'}]}".to_owned(),
            ".FilterCriteria.Filters.0.Pattern",
            "Invalid filter pattern definition. for Kafka it may have the key `value` only, not `key`",
        ),
        (
            "SourceAccessConfigurations: [{Type: BASIC_AUTH, URI: x}]".to_owned(),
            ".SourceAccessConfigurations.0.Type",
            "must be CLIENT_CERTIFICATE_TLS_AUTH or SASL_SCRAM_512_AUTH for MSK, not `BASIC_AUTH`",
        ),
        ("SchemaRegistryConfig: {}".to_owned(), ".SchemaRegistryConfig", "is not simulated yet"),
        (
            "ConsumptionMode: Queue".to_owned(),
            ".ConsumptionMode",
            "consuming as a queue is not simulated yet",
        ),
    ] {
        refuses_msk(&format!("StartingPosition: LATEST, {setting}"), path, message);
    }
}

#[test]
fn warns_of_failure_handling_without_provisioned_pollers() {
    let text = with_event("MSK", &format!("{MSK}, StartingPosition: LATEST, {HANDLING}"));
    warns(
        &text,
        &[
            "`BisectBatchOnFunctionError`, `FunctionResponseTypes`, `MaximumRecordAgeInSeconds`, \
             `MaximumRetryAttempts`, `DestinationConfig` may have no effect on AWS without \
             `ProvisionedPollerConfig`, which costs money",
            "no `AWS::MSK::Topic` declares the topic `events`: it must exist already",
            "no `AWS::MSK::Topic` declares the on-failure topic `dlq`: it must exist already",
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
