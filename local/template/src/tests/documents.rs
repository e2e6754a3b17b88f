//! The top level, kinds of resources, conditions on them, and texts that are no template.

use proptest::prelude::*;

use super::*;

const TEMPLATE: &str = include_str!("../../tests/it/templates/pipeline.yaml");

#[test]
fn refuses_what_is_no_map_of_sections() {
    let problems = parse("[1]", Path::new("/project"), &settings()).unwrap_err();
    let messages: Vec<_> = problems.iter().map(|problem| problem.message.as_str()).collect();
    assert_eq!(messages, ["a template is a map of sections, this is a list"]);
}

#[test]
fn refuses_unknown_sections_and_a_template_without_resources() {
    refuses(
        "Resource: {}\n",
        &[
            "1:1 Resources: a template needs at least one resource",
            "2:1 Resource: a template has no section `Resource`",
        ],
    );
    refuses("Resources: []\n", &["2:1 Resources: must be a map, not a list"]);
}

#[test]
fn refuses_serverless_types_without_their_transform() {
    let text = function("Timeout: 3");
    let problems = parse(&text, Path::new("/project"), &settings()).unwrap_err();
    assert_eq!(
        problems[0].to_string(),
        "3:11 Resources.F.Type: `AWS::Serverless` types need the SAM transform (add `Transform: \
         AWS::Serverless-2016-10-31` at the top)"
    );
}

#[test]
fn refuses_macros() {
    let text = format!("Transform: [AWS::Serverless-2016-10-31, Mine]\n{}", function("Timeout: 3"));
    let problems = parse(&text, Path::new("/project"), &settings()).unwrap_err();
    assert_eq!(problems[0].to_string(), "1:41 Transform: the macro `Mine` is not run here");
}

#[test]
fn lists_inert_resources_in_the_order_of_the_file() {
    let plan = plan(
        "Resources:\n  \
         Role: {Type: AWS::IAM::Role, Properties: {Any: [!Ref Thing]}}\n  \
         Group: {Type: AWS::EC2::SecurityGroup}\n  \
         Cluster: {Type: AWS::MSK::Cluster}\n  \
         Provider: {Type: AWS::Serverless::CapacityProvider}\n  \
         Layer: {Type: AWS::Serverless::LayerVersion}\n",
    );
    let inert: Vec<_> = plan.inert.iter().map(|inert| inert.resource_type.as_str()).collect();
    assert_eq!(
        inert,
        [
            "AWS::IAM::Role",
            "AWS::EC2::SecurityGroup",
            "AWS::MSK::Cluster",
            "AWS::Serverless::CapacityProvider",
            "AWS::Serverless::LayerVersion"
        ]
    );
}

#[test]
fn warns_of_inert_resources_that_hold_values() {
    warns(
        "Resources:\n  S: {Type: AWS::SecretsManager::Secret}\n",
        &["secrets are not stored here: a function that reads this one will not find it"],
    );
    for kind in ["AWS::S3::Bucket", "AWS::SNS::Topic", "AWS::SQS::Queue"] {
        warns(
            &format!("Resources:\n  R: {{Type: {kind}}}\n"),
            &["does not run here, and stands for a folder where it is an on-failure destination: \
               a function that uses it will not find it"],
        );
    }
}

#[test]
fn refuses_resources_that_are_neither_simulated_nor_inert() {
    for kind in [
        "AWS::Kinesis::Stream",
        "AWS::Serverless::StateMachine",
        "AWS::Serverless::Application",
        "AWS::Serverless::Api",
        "AWS::EC2::Instance",
        "AWS::MSK::Replicator",
    ] {
        let expected = format!(
            "3:13 Resources.R.Type: `{kind}` is not simulated (give it a `Condition` that is \
             false here, or a template of its own)"
        );
        refuses(&format!("Resources:\n  R: {{Type: {kind}}}\n"), &[&expected]);
    }
    refuses(
        "Resources:\n  R: {Type: AWS::Serverless::Fucntion}\n",
        &["3:13 Resources.R.Type: `AWS::Serverless::Fucntion` is not simulated (did you mean \
             `AWS::Serverless::Function`?)"],
    );
}

#[test]
fn leaves_out_resources_whose_condition_does_not_hold() {
    let plan = plan(
        "Conditions:\n  \
         Here: !Equals [!Ref AWS::Region, eu-west-1]\n  \
         There: !Not [!Condition Here]\n\
         Resources:\n  \
         Bucket: {Type: AWS::Kinesis::Stream, Condition: There}\n  \
         Role: {Type: AWS::IAM::Role, Condition: Here}\n",
    );
    assert_eq!(plan.inert.len(), 1);
}

#[test]
fn refuses_conditions_that_cannot_be_told() {
    refuses(
        "Conditions:\n  A: !Condition B\n  B: !Condition A\nResources:\n  \
         R: {Type: AWS::IAM::Role, Condition: A}\n  \
         S: {Type: AWS::IAM::Role, Condition: Missing}\n",
        &[
            "6:40 Resources.R.Condition: its references go in a circle, or on for too long",
            "7:40 Resources.S.Condition: there is no condition `Missing`",
        ],
    );
}

#[test]
fn refuses_malformed_resources() {
    refuses(
        "Resources:\n  a-b: {Type: AWS::IAM::Role}\n  C: {Properties: {}}\n  \
         D: {Type: AWS::IAM::Role, Propertys: {}}\n  E: 1\n",
        &[
            "3:3 Resources.a-b: a logical id is letters and digits only",
            "4:3 Resources.C: `Type` is missing",
            "5:29 Resources.D.Propertys: is not a property that is known here (did you mean \
             `Properties`?)",
            "6:6 Resources.E: must be a map, not a single value",
        ],
    );
}

#[test]
fn reports_everything_at_once_in_the_order_of_the_file() {
    let text = function("Timeout: 0\nMemorySize: small\nTimeOut: 3");
    refuses(
        &format!("{text}  B: {{Type: AWS::Kinesis::Stream}}\n"),
        &[
            "6:16 Resources.F.Properties.Timeout: must be between 1 and 900, not 0",
            "7:19 Resources.F.Properties.MemorySize: must be a whole number, not `small`",
            "8:7 Resources.F.Properties.TimeOut: is not a property that is known here (did you \
             mean `Timeout`?)",
            "12:13 Resources.B.Type: `AWS::Kinesis::Stream` is not simulated (give it a `Condition` \
             that is false here, or a template of its own)",
        ],
    );
}

proptest! {
    #[test]
    fn arbitrary_text_never_panics(text in any::<String>()) {
        drop(parse(&text, Path::new("/project"), &settings()));
    }

    /// Lines of a real template dropped, swapped or with a value replaced.
    #[test]
    fn damaged_templates_never_panic(
        damages in prop::collection::vec((0_usize..200, 0..4, r"(-|: |\[|\{|!Ref|!Sub|\$\{|[a-zA-Z0-9 ])*"), 1..6)
    ) {
        let mut lines: Vec<String> = TEMPLATE.lines().map(str::to_owned).collect();
        for (line, damage, text) in damages {
            let line = line % lines.len();
            match damage {
                0 => drop(lines.remove(line)),
                1 => lines.swap(line, 0),
                2 => lines[line].push_str(&text),
                _ => {
                    let kept = lines[line].split_once(':').map_or("", |(key, _)| key).to_owned();
                    lines[line] = format!("{kept}: {text}");
                }
            }
        }
        drop(parse(&lines.join("\n"), Path::new("/project"), &settings()));
    }
}
