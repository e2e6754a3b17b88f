//! Values of parameters, and how they are refused.

use super::*;

/// A template with one parameter `P` and its value in a variable.
fn with_parameter(declaration: &str) -> String {
    let function = function("Environment: {Variables: {VV: !Ref P}}");
    format!("Parameters:\n  P: {{{declaration}}}\n{function}")
}

#[track_caller]
fn value_of(declaration: &str, settings: &Settings) -> String {
    plan_with(&with_parameter(declaration), settings).functions[0].environment["VV"].clone()
}

#[track_caller]
fn refuses_value(declaration: &str, value: &str, expected: &str) {
    let expected = format!("3:3 Parameters.P: {expected}");
    refuses_with(&with_parameter(declaration), &with_parameters(&[("P", value)]), &[&expected]);
}

const MILLRACE: &str = "Metadata: {Millrace: {Parameters: {P: 'at ${kafka.bootstrap}'}}}\n";

#[test]
fn prefers_an_override_then_the_metadata_then_the_default() {
    let declaration = "Type: String, Default: d";
    assert_eq!(value_of(declaration, &settings()), "d");
    let text = format!("{MILLRACE}{}", with_parameter(declaration));
    assert_eq!(plan(&text).functions[0].environment["VV"], "at 127.0.0.1:9092");
    let overridden = with_parameters(&[("P", "o")]);
    assert_eq!(plan_with(&text, &overridden).functions[0].environment["VV"], "o");
}

#[test]
fn reports_a_parameter_without_a_value_once() {
    refuses(
        &with_parameter("Type: String"),
        &["3:3 Parameters.P: has no value (give one with --parameter-overrides P=…, or in the \
           template under `Metadata: Millrace: Parameters: P`)"],
    );
}

#[test]
fn misses_a_value_that_only_aws_has_only_where_it_is_needed() {
    let vpc = "Parameters:\n  P: {Type: 'List<AWS::EC2::Subnet::Id>'}\n";
    plan(&format!("{vpc}{}", function("VpcConfig: {SubnetIds: !Ref P}")));
    let declaration = "Type: 'AWS::SSM::Parameter::Value<String>', Default: /name";
    refuses(
        &with_parameter(declaration),
        &["8:37 Resources.F.Properties.Environment.Variables.VV: the parameter `P` has no value \
           (give one with --parameter-overrides P=…, or in the template under `Metadata: Millrace: \
           Parameters: P`)"],
    );
    assert_eq!(value_of(declaration, &with_parameters(&[("P", "stored")])), "stored");
}

#[test]
fn refuses_overrides_of_parameters_that_are_not_declared() {
    refuses_with(
        &with_parameter("Type: String, Default: d"),
        &with_parameters(&[("Q", "1"), ("a-b", "2")]),
        &[
            "2:1 --parameter-overrides: `a-b` is not a parameter's name: letters and digits only",
            "2:1 --parameter-overrides: the template declares no parameter `Q`",
        ],
    );
}

#[test]
fn refuses_placeholders_that_the_local_cloud_does_not_know() {
    let text = with_parameter("Type: String");
    refuses(
        &format!("Metadata: {{Millrace: {{Parameters: {{P: '${{kafka.url}}', Q: x}}}}}}\n{text}"),
        &[
            "2:39 Metadata.Millrace.Parameters.P: `${kafka.url}` is not known here, only `account`, \
             `gateway.endpoint`, `kafka.arn`, `kafka.bootstrap`, `region`",
            "2:58 Metadata.Millrace.Parameters.Q: the template declares no such parameter",
            "4:3 Parameters.P: has no value (give one with --parameter-overrides P=…, or in the \
             template under `Metadata: Millrace: Parameters: P`)",
        ],
    );
}

#[test]
fn refuses_values_that_are_not_allowed() {
    for (declaration, value, expected) in [
        ("Type: Number", "x", "`x` is not a number"),
        ("Type: Number, MinValue: 2", "1", "`1` is below the minimum of 2"),
        ("Type: Number, MaxValue: 2.5", "3", "`3` is above the maximum of 2.5"),
        ("Type: 'List<Number>'", "1, b", "`b` is not a number"),
        ("Type: String, AllowedValues: [a, b]", "c", "`c` is not one of the allowed values: a, b"),
        (
            "Type: String, AllowedPattern: '[a-z]+'",
            "a1",
            "`a1` does not match the allowed pattern `[a-z]+`",
        ),
        (
            "Type: String, MinLength: 2, MaxLength: 3",
            "a",
            "`a` is 1 characters long, allowed are 2 to 3",
        ),
    ] {
        refuses_value(declaration, value, expected);
    }
}

#[test]
fn does_not_show_a_secret() {
    refuses_value(
        "Type: String, NoEcho: true, AllowedPattern: '[0-9]+'",
        "hunter2",
        "the value does not match the allowed pattern `[0-9]+`",
    );
}

#[test]
fn warns_of_a_pattern_that_only_java_understands() {
    warns(
        &with_parameter("Type: String, Default: a, AllowedPattern: '(?!b).*'"),
        &["the pattern `(?!b).*` is not checked here, only on AWS"],
    );
}

#[test]
fn splits_lists_at_commas() {
    let text = function("Environment: {Variables: {VV: !Join ['+', !Ref P]}}");
    for kind in [
        "CommaDelimitedList",
        "List<String>",
        "List<AWS::EC2::Subnet::Id>",
        "AWS::SSM::Parameter::Value<List<String>>",
    ] {
        let text = format!("Parameters: {{P: {{Type: '{kind}'}}}}\n{text}");
        let plan = plan_with(&text, &with_parameters(&[("P", "a, b")]));
        assert_eq!(plan.functions[0].environment["VV"], "a+b");
    }
}

#[test]
fn refuses_malformed_declarations() {
    refuses(
        &with_parameter("Type: Text, Default: a, Defualt: b"),
        &[
            "3:13 Parameters.P.Type: is not a type of parameter",
            "3:31 Parameters.P.Defualt: is not a property that is known here (did you mean \
             `Default`?)",
        ],
    );
}
