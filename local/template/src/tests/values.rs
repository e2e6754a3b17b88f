//! Intrinsic functions, seen through the variable of a function.

use super::*;

const TABLE: &str = "  Events: {Type: AWS::Serverless::SimpleTable}\n";
const CLUSTER: &str = "  Cluster: {Type: AWS::MSK::ServerlessCluster}\n";
const TOPIC: &str = "  Topic: {Type: AWS::MSK::Topic, Properties: {ClusterArn: !Ref Cluster, \
                     TopicName: events, PartitionCount: 1, ReplicationFactor: 3}}\n";
const ALARM: &str = "  Alarm: {Type: AWS::CloudWatch::Alarm}\n";
const CONDITIONS: &str = "Conditions:\n  \
                          Yes: !And [!Equals [a, a], !Not [!Equals [a, b]]]\n  \
                          No: !Or [!Equals [a, b], !Condition Never]\n  \
                          Never: !Not [!Condition Yes]\n";
const MAPPINGS: &str = "Mappings: {M: {eu-west-1: {k: v}}}\n";
const LIST: &str = "Parameters: {L: {Type: CommaDelimitedList, Default: 'a, b,c'}}\n";

#[test]
fn knows_pseudo_parameters() {
    assert_eq!(value("!Ref AWS::Region", ""), "eu-west-1");
    assert_eq!(value("!Ref AWS::AccountId", ""), "123456789012");
    assert_eq!(value("!Ref AWS::StackName", ""), "local");
    assert_eq!(value("!Ref AWS::Partition", ""), "aws");
    assert_eq!(value("!Ref AWS::URLSuffix", ""), "amazonaws.com");
}

#[test]
fn knows_names_and_arns_of_simulated_resources() {
    assert_eq!(value("!Ref F", ""), "F");
    assert_eq!(value("!GetAtt F.Arn", ""), "arn:aws:lambda:eu-west-1:123456789012:function:F");
    assert_eq!(value("!Ref Events", TABLE), "Events");
    assert_eq!(
        value("!GetAtt [Events, Arn]", TABLE),
        "arn:aws:dynamodb:eu-west-1:123456789012:table/Events"
    );
    let both = format!("{CLUSTER}{TOPIC}");
    let cluster = "arn:aws:kafka:eu-west-1:123456789012:cluster/local/uuid-1";
    assert_eq!(value("!Ref Cluster", &both), cluster);
    assert_eq!(value("!GetAtt Cluster.Arn", &both), cluster);
    let topic = "arn:aws:kafka:eu-west-1:123456789012:topic/local/uuid-1/events";
    assert_eq!(value("!Ref Topic", &both), topic);
    assert_eq!(value("!GetAtt Topic.TopicArn", &both), topic);
    assert_eq!(value("!Sub '${ServerlessHttpApi.ApiEndpoint}/a'", ""), "http://127.0.0.1:3000/a");
    assert_eq!(value("!Ref ServerlessHttpApi", ""), "ServerlessHttpApi");
}

#[test]
fn substitutes_variables_in_text() {
    assert_eq!(
        value("!Sub '${F}-${F.Arn}'", ""),
        "F-arn:aws:lambda:eu-west-1:123456789012:function:F"
    );
    assert_eq!(value("!Sub ['${X}/${AWS::Region}', {X: !Ref F}]", ""), "F/eu-west-1");
    assert_eq!(value("!Sub '${!Literal} $x'", ""), "${Literal} $x");
}

#[test]
fn joins_splits_and_selects() {
    assert_eq!(value("!Join ['-', [a, !Ref F, c]]", ""), "a-F-c");
    assert_eq!(value("!Join ['', !Ref L]", LIST), "abc");
    assert_eq!(value("!Select [1, !Split ['/', 'x/y/z']]", ""), "y");
    assert_eq!(value("!Base64 text", ""), "dGV4dA==");
}

#[test]
fn finds_in_maps() {
    assert_eq!(value("!FindInMap [M, !Ref AWS::Region, k]", MAPPINGS), "v");
    assert_eq!(value("!FindInMap [M, x, k, {DefaultValue: d}]", MAPPINGS), "d");
    has_no_value("!FindInMap [M, x, k]", MAPPINGS, "`Mappings` has no `M.x.k`");
}

#[test]
fn chooses_by_condition() {
    assert_eq!(value("!If [Yes, a, b]", CONDITIONS), "a");
    assert_eq!(value("!If [No, a, b]", CONDITIONS), "b");
}

#[test]
fn leaves_out_what_has_no_value() {
    let text = function(
        "Timeout: !Ref AWS::NoValue\nEnvironment: {Variables: {VV: !If [No, a, !Ref AWS::NoValue]}}",
    );
    let plan = plan(&format!("{text}{CONDITIONS}"));
    assert_eq!(plan.functions[0].timeout.as_secs(), 3);
    assert!(plan.functions[0].environment.is_empty());
}

#[test]
fn says_why_a_value_is_not_known() {
    has_no_value("!Ref Nobody", "", "there is no parameter or resource `Nobody`");
    has_no_value(
        "!Ref Alarm",
        ALARM,
        "`Ref` of `Alarm` (`AWS::CloudWatch::Alarm`) has no value here",
    );
    has_no_value(
        "!Sub 'x${Alarm.Arn}'",
        ALARM,
        "`Arn` of `Alarm` (`AWS::CloudWatch::Alarm`) has no value here",
    );
    has_no_value("!ImportValue other", "", "what another stack exports is not known here");
    has_no_value("!GetAZs ''", "", "`Fn::GetAZs` is not worked out here");
    has_no_value("'{{resolve:ssm:a}}'", "", "`{{resolve:ssm:a}}` is resolved by AWS only");
    has_no_value("!Join [a]", "", "`Fn::Join` takes a list of 2");
    has_no_value("!Select [2, [a, b]]", "", "`Fn::Select` has no item `2` in a list of 2");
    has_no_value("!Split ['', a]", "", "`Fn::Split` needs a delimiter");
    has_no_value("!Sub '${X'", "", "`${X` in `Fn::Sub` has no closing brace");
    has_no_value("!If [Gone, a, b]", "", "there is no condition `Gone`");
    has_no_value("!GetAtt F", "", "`F` names no attribute of a resource");
    has_no_value("[a]", "", "must be a single value, not a list");
}

#[test]
fn needs_no_value_where_nothing_simulated_reads_it() {
    plan(&function("Role: !GetAtt Nobody.Arn\nPolicies: [!ImportValue p]\nTags: {a: !Ref Gone}"));
}

#[test]
fn makes_no_text_over_a_megabyte() {
    let long = "x".repeat(400_000);
    let settings = with_parameters(&[("P", long.as_str())]);
    for value in ["!Sub '${P}${P}${P}'", "!Join ['', [!Ref P, !Ref P, !Ref P]]"] {
        let text = function(&format!("Environment: {{Variables: {{VV: {value}}}}}"));
        let path = "Resources.F.Properties.Environment.Variables.VV";
        refuses_with(
            &format!("Parameters: {{P: {{Type: String}}}}\n{text}"),
            &settings,
            &[&format!("7:37 {path}: it would be longer than 1048576 bytes")],
        );
    }
}

#[test]
fn ends_references_that_go_in_a_circle() {
    let tables = "  A: {Type: AWS::Serverless::SimpleTable, Properties: {TableName: !Ref B}}\n  \
                  B: {Type: AWS::Serverless::SimpleTable, Properties: {TableName: !Sub '${A}${A}'}}\n";
    let text = format!("Resources:\n{tables}");
    let circle = "its references go in a circle, or on for too long";
    refuses(
        &text,
        &[
            &format!("3:67 Resources.A.Properties.TableName: {circle}"),
            &format!("4:67 Resources.B.Properties.TableName: {circle}"),
        ],
    );
}
