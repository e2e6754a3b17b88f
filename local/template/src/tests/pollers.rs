//! How many pollers a mapping may have.

use super::*;
use crate::{Pollers, SystemLogLevel};

const CLUSTER: &str = "arn:aws:kafka:eu-west-1:123456789012:cluster/local/uuid-1";

/// A function with one mapping for each configuration, each of another topic.
fn with(configs: &[&str]) -> String {
    let event = |(number, config): (usize, &&str)| {
        format!(
            "E{number}: {{Type: MSK, Properties: {{Stream: {CLUSTER}, Topics: [topic{number}], \
             StartingPosition: LATEST, ProvisionedPollerConfig: {config}}}}}"
        )
    };
    let events: Vec<_> = configs.iter().enumerate().map(event).collect();
    function(&format!("Events: {{{}}}", events.join(", ")))
}

#[track_caller]
fn pollers(config: &str) -> Pollers {
    plan(&with(&[config])).mappings[0].pollers.clone()
}

#[track_caller]
fn refused(configs: &[&str]) -> Vec<String> {
    let problems = parse(&sam(&with(configs)), Path::new("/project"), &settings()).unwrap_err();
    problems.iter().map(|problem| problem.message.clone()).collect()
}

#[test]
fn what_is_not_given_is_as_on_aws() {
    let given = Pollers { least: 3, most: 200, group: None, limited: false };
    assert_eq!(pollers("{MinimumPollers: 3}"), given);
    assert_eq!(pollers("{MaximumPollers: 9}"), Pollers { least: 1, most: 9, ..given.clone() });
    let group = Some("g-1".to_owned());
    assert_eq!(pollers("{PollerGroupName: g-1}"), Pollers { least: 1, group, ..given });
}

#[test]
fn nothing_inside_is_back_on_demand() {
    assert_eq!(pollers("{}"), Pollers::default());
}

#[test]
fn an_empty_group_is_none() {
    assert_eq!(pollers("{PollerGroupName: ''}").group, None);
}

#[test]
fn limits_are_the_authors_choice() {
    let text = with(&["{MinimumPollers: 1}"]);
    let text = format!("Metadata: {{Millrace: {{Mappings: {{PollerLimits: true}}}}}}\n{text}");
    assert!(plan(&text).mappings[0].pollers.limited);
}

#[test]
fn refuses_what_aws_refuses() {
    for (config, message) in [
        ("{MinimumPollers: 201}", "must be between 1 and 200, not 201"),
        ("{MaximumPollers: 2001}", "must be between 1 and 2000, not 2001"),
        ("{MinimumPollers: 0}", "must be between 1 and 200, not 0"),
        (
            "{PollerGroupName: 'a b'}",
            "`a b` is not a poller group's name: at most 128 letters, digits, `-` and `_`",
        ),
    ] {
        assert_eq!(refused(&[config]), [message], "{config}");
    }
}

#[test]
fn a_group_has_so_many_pollers_together_and_no_more() {
    let config = "{MaximumPollers: 1000, PollerGroupName: g}";
    plan(&with(&[config, config]));
    assert_eq!(
        refused(&[config, config, "{MaximumPollers: 1, PollerGroupName: g}"]),
        ["the poller group `g` has a `MaximumPollers` of 2001 together, AWS allows 2000"]
    );
}

#[test]
fn logs_are_written_at_the_level_asked_for() {
    let text = with(&["{MinimumPollers: 1}, LoggingConfig: {SystemLogLevel: DEBUG}"]);
    assert_eq!(plan(&text).mappings[0].system_log, Some(SystemLogLevel::Debug));
    let none = with(&["{MinimumPollers: 1}, LoggingConfig: {}"]);
    assert_eq!(plan(&none).mappings[0].system_log, None);
}
