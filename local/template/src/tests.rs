//! Templates and what becomes of them, a small one for each rule.

mod documents;
mod functions;
mod mappings;
mod parameters;
mod pollers;
mod routes;
mod tables;
mod topics;
mod values;

use std::path::Path;

use crate::{EnvVars, Plan, Settings, parse};

/// What every function below needs and no test is about.
const CODE: &str = "CodeUri: ./code, Handler: bootstrap, Runtime: provided.al2023";

fn settings() -> Settings {
    let pair = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
    let local = [
        ("region", "eu-west-1"),
        ("account", "123456789012"),
        ("kafka.arn", "arn:aws:kafka:eu-west-1:123456789012:cluster/local/uuid-1"),
        ("kafka.bootstrap", "127.0.0.1:9092"),
        ("gateway.endpoint", "http://127.0.0.1:3000"),
    ];
    Settings { local: local.into_iter().map(pair).collect(), ..Settings::default() }
}

fn with_parameters(values: &[(&str, &str)]) -> Settings {
    let pair = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    Settings { parameters: values.iter().map(pair).collect(), ..settings() }
}

fn with_env_vars(json: &str) -> Settings {
    Settings { env_vars: EnvVars::from_json(json).unwrap(), ..settings() }
}

/// The plan of a template under the SAM transform.
#[track_caller]
fn plan(text: &str) -> Plan {
    plan_with(text, &settings())
}

#[track_caller]
fn plan_with(text: &str, settings: &Settings) -> Plan {
    match parse(&sam(text), Path::new("/project"), settings) {
        Ok(plan) => plan,
        Err(problems) => panic!("{problems:#?}"),
    }
}

/// Checks the problems of a template, each as `line:column path: message (hint)`.
#[track_caller]
fn refuses(text: &str, expected: &[&str]) {
    refuses_with(text, &settings(), expected);
}

#[track_caller]
fn refuses_with(text: &str, settings: &Settings, expected: &[&str]) {
    let problems = parse(&sam(text), Path::new("/project"), settings).unwrap_err();
    let problems: Vec<_> = problems.iter().map(ToString::to_string).collect();
    assert_eq!(problems, expected);
}

/// Checks the messages of a template's warnings.
#[track_caller]
fn warns(text: &str, expected: &[&str]) {
    warns_with(text, &settings(), expected);
}

#[track_caller]
fn warns_with(text: &str, settings: &Settings, expected: &[&str]) {
    let warnings = plan_with(text, settings).warnings;
    let messages: Vec<_> = warnings.iter().map(|warning| warning.message.as_str()).collect();
    assert_eq!(messages, expected);
}

fn sam(text: &str) -> String {
    format!("Transform: AWS::Serverless-2016-10-31\n{text}")
}

/// A template of one function `F` with further properties, each a line; the first is line 6.
fn function(properties: &str) -> String {
    let properties: Vec<_> = properties.lines().map(|line| format!("      {line}")).collect();
    let properties = properties.join("\n");
    format!(
        "Resources:\n  F:\n    Type: AWS::Serverless::Function\n    Properties:\n{properties}\n      \
         CodeUri: ./code\n      Handler: bootstrap\n      Runtime: provided.al2023\n"
    )
}

/// The variable `V` of a function whose value is `value`, with more `sections` around it.
#[track_caller]
fn value(value: &str, sections: &str) -> String {
    let text = function(&format!("Environment: {{Variables: {{VV: {value}}}}}"));
    let plan = plan(&format!("{text}{sections}"));
    plan.functions[0].environment["VV"].clone()
}

/// Checks why the variable `V` of a function has no value.
#[track_caller]
fn has_no_value(value: &str, sections: &str, expected: &str) {
    let text = function(&format!("Environment: {{Variables: {{VV: {value}}}}}"));
    let problems =
        parse(&sam(&format!("{text}{sections}")), Path::new("/project"), &settings()).unwrap_err();
    let messages: Vec<_> = problems.iter().map(|problem| problem.message.as_str()).collect();
    assert_eq!(messages, [expected]);
}
