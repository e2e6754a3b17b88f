//! Functions: code, limits, variables, globals.

use std::{path::PathBuf, time::Duration};

use super::*;
use crate::{Code, EnvVarsError, EventInvoke, Logging, SystemLogLevel};

#[test]
fn takes_lambdas_defaults() {
    let plan = plan(&function(""));
    let function = &plan.functions[0];
    assert_eq!((function.logical_id.as_str(), function.name.as_str()), ("F", "F"));
    assert_eq!(function.timeout, Duration::from_secs(3));
    assert_eq!(function.memory_mb, 128);
    assert_eq!(function.reserved_concurrency, None);
    assert_eq!(function.environment_concurrency, 1);
    assert_eq!(function.code, Code::Prebuilt { path: PathBuf::from("/project/code") });
}

#[test]
fn builds_with_cargo_where_the_metadata_says_so() {
    let metadata = "    Metadata: {BuildMethod: rust-cargolambda, BuildProperties: {Binary: b}}\n";
    let plan = plan(&format!("{}{metadata}", function("")));
    let directory = PathBuf::from("/project/code");
    assert_eq!(plan.functions[0].code, Code::Cargo { directory, binary: Some("b".to_owned()) });
}

#[test]
fn refuses_other_runtimes() {
    refuses(
        &function("").replace("provided.al2023", "python3.13"),
        &["9:16 Resources.F.Properties.Runtime: the runtime `python3.13` does not run here, only \
             provided.* (or let the code be the path of an executable that speaks the Runtime API)"],
    );
}

/// `sam build` leaves the method in the template that it makes.
#[test]
fn takes_what_another_build_method_has_made() {
    let text = format!("{}    Metadata: {{BuildMethod: makefile}}\n", function(""));
    assert_eq!(
        plan(&text).functions[0].code,
        Code::Prebuilt { path: PathBuf::from("/project/code") }
    );
    warns(
        &text,
        &[
            "the build method `makefile` is not run here: what it makes must be in `CodeUri`, or in the \
           folder that `--artifacts` names",
        ],
    );
}

#[test]
fn refuses_code_that_is_not_here() {
    for (code, expected) in [
        (
            "s3://bucket/key",
            "code must be a path on this machine (give the path of a folder or an executable)",
        ),
        (
            "{Bucket: b, Key: k}",
            "code must be a path on this machine (give the path of a folder or an executable)",
        ),
        ("code.zip", "an archive is not unpacked here (give the path of the unpacked folder)"),
    ] {
        let text = function("").replace("./code", code);
        let problems = parse(&sam(&text), Path::new("/project"), &settings()).unwrap_err();
        let path = "Resources.F.Properties.CodeUri";
        assert!(problems[0].to_string().ends_with(&format!("{path}: {expected}")), "{problems:?}");
    }
}

#[test]
fn refuses_what_would_change_how_a_function_runs() {
    refuses(
        &function("PackageType: Image\nLayers: [a]\nFunctionUrlConfig: {}\nInlineCode: x"),
        &[
            "6:20 Resources.F.Properties.PackageType: container images are not run here, only \
             `PackageType: Zip`",
            "7:7 Resources.F.Properties.Layers: layers are not laid under a function here",
            "8:7 Resources.F.Properties.FunctionUrlConfig: is not simulated",
            "9:19 Resources.F.Properties.InlineCode: inline code is not run here",
        ],
    );
}

#[test]
fn refuses_other_events_by_name() {
    for kind in ["Api", "S3", "Schedule", "SQS", "Kinesis"] {
        let expected = format!(
            "6:16 Resources.F.Properties.Events.E: events of type `{kind}` are not simulated \
             (HttpApi, MSK and SelfManagedKafka are)"
        );
        refuses(
            &function(&format!("Events: {{E: {{Type: {kind}, Properties: {{}}}}}}")),
            &[&expected],
        );
    }
}

#[test]
fn refuses_events_without_properties() {
    refuses(
        &function("Events: {E: {Type: MSK}}"),
        &["6:16 Resources.F.Properties.Events.E: `Properties` is missing"],
    );
}

#[test]
fn keeps_to_the_limits_of_lambda() {
    refuses(
        &function(
            "Timeout: 901\nMemorySize: 127\nReservedConcurrentExecutions: -1\nFunctionName: a b",
        ),
        &[
            "6:16 Resources.F.Properties.Timeout: must be between 1 and 900, not 901",
            "7:19 Resources.F.Properties.MemorySize: must be between 128 and 10240, not 127",
            "8:37 Resources.F.Properties.ReservedConcurrentExecutions: must be between 0 and \
             4294967295, not -1",
            "9:21 Resources.F.Properties.FunctionName: `a b` is not a function's name: up to 64 \
             letters, digits, `-` and `_`",
        ],
    );
}

#[test]
fn reads_the_concurrency_of_managed_instances() {
    let sam =
        "CapacityProviderConfig: {Arn: !GetAtt X.Arn, PerExecutionEnvironmentMaxConcurrency: 64}";
    let full = plan(&function(&format!("{sam}\nTimeout: 5400\nMemorySize: 32768")));
    assert_eq!(full.functions[0].environment_concurrency, 64);
    let bare = plan(&function("CapacityProviderConfig: {Arn: a}"));
    assert_eq!(bare.functions[0].environment_concurrency, 8);
    let raw = "Resources:\n  F:\n    Type: AWS::Lambda::Function\n    Properties:\n      Code: f\n      \
               Handler: h\n      Runtime: provided.al2023\n      CapacityProviderConfig:\n        \
               LambdaManagedInstancesCapacityProviderConfig: {PerExecutionEnvironmentMaxConcurrency: 8}\n";
    assert_eq!(plan(raw).functions[0].environment_concurrency, 8);
}

#[test]
fn reads_how_many_environments_managed_instances_may_start() {
    let scaling = |settings: &str| {
        function(&format!("CapacityProviderConfig: {{Arn: a}}\nFunctionScalingConfig: {settings}"))
    };
    let both = plan(&scaling("{MinExecutionEnvironments: 1, MaxExecutionEnvironments: 3}"));
    assert_eq!(both.functions[0].environments_max, Some(3));
    assert_eq!(plan(&scaling("{MinExecutionEnvironments: 1}")).functions[0].environments_max, None);
    refuses(
        &function("FunctionScalingConfig: {MaxExecutionEnvironments: 15001}"),
        &[
            "6:7 Resources.F.Properties.FunctionScalingConfig: only a function with \
             `CapacityProviderConfig` scales by it",
            "6:57 Resources.F.Properties.FunctionScalingConfig.MaxExecutionEnvironments: must be \
             between 0 and 15000, not 15001",
        ],
    );
}

#[test]
fn refuses_a_network_of_its_own_on_managed_instances() {
    refuses(
        &function("CapacityProviderConfig: {Arn: a}\nVpcConfig: {SubnetIds: [a]}"),
        &["7:7 Resources.F.Properties.VpcConfig: Cannot specify 'CapacityProviderConfig' and \
           'VpcConfig' together."],
    );
}

#[test]
fn refuses_two_functions_of_one_name() {
    let two = format!(
        "{}  G:\n    Type: AWS::Serverless::Function\n    Properties: {{{CODE}, FunctionName: F}}\n",
        function("")
    );
    refuses(&two, &["12:5 Resources.G.Properties: another function is named `F` already"]);
}

#[test]
fn takes_numbers_and_booleans_as_the_text_of_a_variable() {
    assert_eq!(value("1.50", ""), "1.50");
    assert_eq!(value("true", ""), "true");
}

#[test]
fn refuses_reserved_and_malformed_variables() {
    refuses(
        &function("Environment: {Variables: {AWS_REGION: a, _HANDLER: b, V: c, 1X: d, OK: }}"),
        &[
            "6:45 Resources.F.Properties.Environment.Variables.AWS_REGION: is reserved: Lambda \
             sets it itself",
            "6:58 Resources.F.Properties.Environment.Variables._HANDLER: is reserved: Lambda sets \
             it itself",
            "6:64 Resources.F.Properties.Environment.Variables.V: a variable's name is a letter, \
             then letters, digits and `_`",
            "6:71 Resources.F.Properties.Environment.Variables.1X: a variable's name is a letter, \
             then letters, digits and `_`",
            "6:74 Resources.F.Properties.Environment.Variables.OK: has no value",
        ],
    );
}

#[test]
fn warns_of_variables_over_four_kilobytes() {
    let text = function(&format!("Environment: {{Variables: {{VV: {}}}}}", "x".repeat(4095)));
    warns(&text, &["the variables of `F` have 4097 bytes, AWS takes 4096"]);
}

#[test]
fn sets_the_variables_of_json_logs() {
    let plan = plan(&function("LoggingConfig: {LogFormat: JSON, ApplicationLogLevel: DEBUG}"));
    let environment = &plan.functions[0].environment;
    assert_eq!(environment["AWS_LAMBDA_LOG_FORMAT"], "JSON");
    assert_eq!(environment["AWS_LAMBDA_LOG_LEVEL"], "DEBUG");
}

#[test]
fn replaces_declared_variables_only() {
    let text =
        function("FunctionName: named\nEnvironment: {Variables: {AA: 1, BB: 2, CC: !Ref Missing}}");
    let json = r#"{"Parameters": {"AA": "all", "BB": 7, "CC": true},
                   "F": {"BB": "own", "DD": "x"}, "named": {"AA": "named"},
                   "Gone": {"AA": "x"}}"#;
    let settings = with_env_vars(json);
    let environment = plan_with(&text, &settings).functions[0].environment.clone();
    let pairs: Vec<_> = environment.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    assert_eq!(pairs, [("AA", "all"), ("BB", "own"), ("CC", "true")]);
    warns_with(
        &text,
        &settings,
        &["--env-vars: `F` declares no variable `DD`", "--env-vars: there is no function `Gone`"],
    );
}

#[test]
fn refuses_variables_in_another_shape() {
    assert!(matches!(EnvVars::from_json("{"), Err(EnvVarsError::Syntax(_))));
    assert!(matches!(EnvVars::from_json("[]"), Err(EnvVarsError::NotAnObject)));
    let error = EnvVars::from_json(r#"{"F": "x"}"#).unwrap_err();
    assert_eq!(error.to_string(), "the variables of `F` must be a JSON object");
}

const GLOBALS: &str = "Globals:\n  Function:\n    Timeout: 10\n    MemorySize: 256\n    \
                       Environment: {Variables: {AA: global, BB: global}}\n";

#[test]
fn merges_globals_as_sam_does() {
    let own = "Timeout: 20\nEnvironment: {Variables: {BB: own, CC: own}}";
    let plan = plan(&format!("{GLOBALS}{}", function(own)));
    let function = &plan.functions[0];
    assert_eq!((function.timeout.as_secs(), function.memory_mb), (20, 256));
    let environment: Vec<_> = function.environment.values().map(String::as_str).collect();
    assert_eq!(environment, ["global", "own", "own"]);
}

#[test]
fn appends_lists_and_replaces_intrinsic_functions_of_globals() {
    let globals = "Globals:\n  HttpApi: {CorsConfiguration: {AllowOrigins: [aa]}}\n  \
                   Function: {Environment: {Variables: {VV: !Sub global}}}\n";
    let api = "  Api:\n    Type: AWS::Serverless::HttpApi\n    \
               Properties: {CorsConfiguration: {AllowOrigins: [bb]}}\n";
    let own = function("Environment: {Variables: {VV: !Ref F}}");
    let plan = plan(&format!("{globals}{own}{api}"));
    assert_eq!(plan.apis[0].cors.as_ref().unwrap().allow_origins, ["aa", "bb"]);
    assert_eq!(plan.functions[0].environment["VV"], "F");
}

#[test]
fn leaves_globals_out_where_a_function_ignores_them() {
    let text = format!("{GLOBALS}{}    IgnoreGlobals: [Timeout, Environment]\n", function(""));
    let function = &plan(&text).functions[0];
    assert_eq!((function.timeout.as_secs(), function.memory_mb), (3, 256));
    let text = format!("{GLOBALS}{}    IgnoreGlobals: '*'\n", super::function(""));
    assert_eq!(plan(&text).functions[0].memory_mb, 128);
}

#[test]
fn reports_a_wrong_global_once() {
    let other = format!("  G:\n    Type: AWS::Serverless::Function\n    Properties: {{{CODE}}}\n");
    refuses(
        &format!("Globals: {{Function: {{Timeout: 0}}}}\n{}{other}", function("")),
        &["2:31 Resources.F.Properties.Timeout: must be between 1 and 900, not 0"],
    );
}

#[test]
fn refuses_globals_that_sam_refuses() {
    refuses(
        &format!("Globals:\n  Function: {{FunctionName: x}}\n  Topic: {{}}\n{}", function("")),
        &[
            "3:14 Globals.Function.FunctionName: cannot be set in `Globals`",
            "4:3 Globals.Topic: is not a section of `Globals`",
        ],
    );
}

#[test]
fn reads_how_lines_are_written() {
    let text = "LoggingConfig: {LogFormat: JSON, SystemLogLevel: WARN, LogGroup: /own/group}";
    let logging = plan(&function(text)).functions[0].logging.clone();
    let group = Some("/own/group".to_owned());
    assert_eq!(logging, Logging { json: true, system_level: SystemLogLevel::Warn, group });
    assert_eq!(plan(&function("")).functions[0].logging, Logging::default());
    // What AWS makes up is not known, and not missed.
    let made_up = plan(&function("LoggingConfig: {LogFormat: JSON, LogGroup: !Ref Made}"));
    assert_eq!(made_up.functions[0].logging.group, None);
}

#[test]
fn refuses_levels_and_formats_that_do_not_exist() {
    refuses(
        &function("LoggingConfig: {LogFormat: XML, SystemLogLevel: INFO}"),
        &[
            "6:34 Resources.F.Properties.LoggingConfig.LogFormat: must be Text or JSON, not `XML`",
            "6:55 Resources.F.Properties.LoggingConfig.SystemLogLevel: needs `LogFormat: JSON`",
        ],
    );
    refuses(
        &function("LoggingConfig: {LogFormat: JSON, SystemLogLevel: LOUD}"),
        &[
            "6:56 Resources.F.Properties.LoggingConfig.SystemLogLevel: must be DEBUG, INFO or WARN, \
           not `LOUD`",
        ],
    );
}

#[test]
fn reads_what_becomes_of_events() {
    let text = "AutoPublishAlias: live\nEventInvokeConfig: {MaximumRetryAttempts: 1, \
                MaximumEventAgeInSeconds: 60, DestinationConfig: {OnFailure: {Type: Lambda, \
                Destination: !GetAtt F.Arn}}}";
    let function = plan(&function(text)).functions.remove(0);
    let expected = EventInvoke {
        retries_max: Some(1),
        age_max: Some(Duration::from_mins(1)),
        on_failure: Some("F".to_owned()),
        on_success: None,
    };
    assert_eq!((function.events, function.alias.as_deref()), (expected, Some("live")));
}

#[test]
fn warns_of_destinations_that_are_not_simulated() {
    let destination = |text: &str| {
        function(&format!("EventInvokeConfig: {{DestinationConfig: {{OnSuccess: {text}}}}}"))
    };
    warns(
        &destination("{Type: SQS, Destination: !GetAtt Queue.Arn}"),
        &["only functions of this template are told of events here"],
    );
    warns(
        &destination("{Type: Lambda, Destination: \"arn:aws:lambda:r:1:function:other:live\"}"),
        &["`F` tells of its events `other`, which is no function here"],
    );
}
