//! Whole templates from files, as people write them.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use template::{
    Code, Cors, EnvVars, EventInvoke, FailureHandling, Function, HttpApi, Inert, Logging, Mapping,
    Plan, Pollers, Route, Settings, Source, StartingPosition, Table, TemplateError, Topic,
};

const CLUSTER: &str = "arn:aws:kafka:us-east-1:000000000000:cluster/local/uuid-1";

fn settings() -> Settings {
    Settings {
        parameters: texts(&[("EventIdKey", "one:c2VjcmV0")]),
        env_vars: EnvVars::default(),
        local: texts(&[
            ("kafka.arn", CLUSTER),
            ("kafka.bootstrap", "127.0.0.1:9092"),
            ("table.endpoint", "http://127.0.0.1:8000"),
            ("gateway.endpoint", "http://127.0.0.1:3000"),
        ]),
    }
}

fn texts(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/templates")
}

#[track_caller]
fn load(name: &str) -> Plan {
    match template::load(&folder().join(name), &settings()) {
        Ok(plan) => plan,
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn plans_functions_topics_and_tables_together() {
    let expected = Plan {
        functions: vec![register_event(), get_status(), process_events()],
        apis: vec![admin_api(), implicit_api()],
        topics: vec![Topic {
            logical_id: "EventsTopic".to_owned(),
            name: "events".to_owned(),
            partitions: 4,
            configs: texts(&[("min.insync.replicas", "2"), ("retention.ms", "86400000")]),
        }],
        tables: vec![event_table()],
        mappings: vec![Mapping {
            logical_id: "ProcessEventsKafka".to_owned(),
            function: "ProcessEvents".to_owned(),
            topic: "events".to_owned(),
            source: Source::Msk { cluster_arn: CLUSTER.to_owned() },
            batch_size: 500,
            window: Some(Duration::from_secs(1)),
            starting_position: StartingPosition::TrimHorizon,
            consumer_group: None,
            enabled: true,
            filters: Vec::new(),
            failures: FailureHandling::default(),
            pollers: Pollers::default(),
            system_log: None,
            access: Vec::new(),
        }],
        inert: vec![
            inert("Capacity", "AWS::Serverless::CapacityProvider"),
            inert("TooManyErrors", "AWS::CloudWatch::Alarm"),
        ],
        warnings: Vec::new(),
    };
    assert_eq!(load("pipeline.yaml"), expected);
}

fn register_event() -> Function {
    Function {
        logical_id: "RegisterEvent".to_owned(),
        name: "local-register".to_owned(),
        code: Code::Cargo {
            directory: folder().join("functions/register_event"),
            binary: Some("register_event".to_owned()),
        },
        environment: environment(&[
            ("EVENTS_TOPIC", "events"),
            ("EVENT_ID_KEY", "one:c2VjcmV0"),
            ("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:9092"),
        ]),
        reserved_concurrency: Some(50),
        environment_concurrency: 64,
        ..get_status()
    }
}

fn get_status() -> Function {
    Function {
        logical_id: "GetStatus".to_owned(),
        name: "GetStatus".to_owned(),
        code: Code::Cargo { directory: folder().join("functions/get_status"), binary: None },
        handler: "bootstrap".to_owned(),
        timeout: Duration::from_secs(10),
        memory_mb: 256,
        environment: environment(&[("EVENTS_TOPIC", "events")]),
        reserved_concurrency: None,
        environment_concurrency: 1,
        environments_max: None,
        logging: Logging { json: true, ..Logging::default() },
        events: EventInvoke::default(),
        alias: None,
    }
}

fn process_events() -> Function {
    Function {
        logical_id: "ProcessEvents".to_owned(),
        name: "ProcessEvents".to_owned(),
        code: Code::Prebuilt { path: folder().join("target/process_events") },
        timeout: Duration::from_mins(1),
        environment: environment(&[("API", "http://127.0.0.1:3000/v1"), ("EVENTS_TOPIC", "other")]),
        ..get_status()
    }
}

fn environment(own: &[(&str, &str)]) -> BTreeMap<String, String> {
    let mut environment = texts(&[
        ("AWS_LAMBDA_LOG_FORMAT", "JSON"),
        ("AWS_LAMBDA_LOG_LEVEL", "INFO"),
        ("TABLE_NAME", "EventTable"),
    ]);
    environment.extend(texts(own));
    environment
}

fn admin_api() -> HttpApi {
    HttpApi {
        logical_id: "Admin".to_owned(),
        stage: "prod".to_owned(),
        stage_variables: texts(&[("colour", "green")]),
        cors: None,
        routes: vec![route(None, "$default", "GetStatus")],
    }
}

fn implicit_api() -> HttpApi {
    HttpApi {
        logical_id: "ServerlessHttpApi".to_owned(),
        stage: "$default".to_owned(),
        stage_variables: BTreeMap::new(),
        cors: Some(Cors {
            allow_origins: vec!["https://example.com".to_owned()],
            allow_methods: vec!["GET".to_owned(), "POST".to_owned()],
            max_age_s: Some(600),
            ..Cors::default()
        }),
        routes: vec![
            route(Some("POST"), "/register_event", "local-register"),
            Route {
                timeout: Duration::from_secs(2),
                ..route(Some("GET"), "/health", "local-register")
            },
            route(Some("GET"), "/get_status/{event_id}", "GetStatus"),
        ],
    }
}

fn route(method: Option<&str>, path: &str, function: &str) -> Route {
    Route {
        method: method.map(str::to_owned),
        path: path.to_owned(),
        function: function.to_owned(),
        timeout: Duration::from_secs(30),
    }
}

fn event_table() -> Table {
    let attribute = |name: &str| serde_json::json!({"AttributeName": name, "AttributeType": "S"});
    let key = |name: &str, kind: &str| serde_json::json!({"AttributeName": name, "KeyType": kind});
    let request = serde_json::json!({
        "TableName": "EventTable",
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [attribute("pk"), attribute("sk")],
        "KeySchema": [key("pk", "HASH"), key("sk", "RANGE")],
    });
    Table {
        logical_id: "EventTable".to_owned(),
        name: "EventTable".to_owned(),
        create_table_json: request.to_string(),
        ttl_attribute: Some("expires_at".to_owned()),
    }
}

fn inert(logical_id: &str, resource_type: &str) -> Inert {
    Inert { logical_id: logical_id.to_owned(), resource_type: resource_type.to_owned() }
}

#[test]
fn plans_a_template_with_http_only() {
    let settings = Settings { parameters: BTreeMap::new(), ..settings() };
    let plan = template::load(&folder().join("http.yaml"), &settings).unwrap();
    assert_eq!(plan.functions[0].environment["SAMPLE_TABLE"], "SampleTable");
    let routes: Vec<_> = plan.apis[0].routes.iter().map(|route| route.path.as_str()).collect();
    assert_eq!(routes, ["/items/{id}", "/{proxy+}"]);
    assert_eq!((plan.tables.len(), plan.mappings.len(), plan.warnings.len()), (1, 0, 0));
}

#[test]
fn plans_a_json_template_with_kafka_only() {
    let settings = Settings { parameters: BTreeMap::new(), ..settings() };
    let plan = template::load(&folder().join("kafka.json"), &settings).unwrap();
    assert_eq!(plan.functions[0].environment["CLUSTER"], CLUSTER);
    assert_eq!(plan.topics[0].partitions, 12);
    let mapping = &plan.mappings[0];
    assert_eq!((mapping.function.as_str(), mapping.batch_size), ("Consumer", 10));
    assert_eq!(mapping.consumer_group.as_deref(), Some("orders-consumer"));
    let warnings: Vec<_> = plan.warnings.iter().map(|warning| warning.message.as_str()).collect();
    assert_eq!(
        warnings,
        ["the timeout of `Consumer` is 900 s, AWS allows 840 s behind a Kafka mapping"]
    );
}

#[test]
fn plans_the_template_of_this_repository() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../template.yaml");
    let settings = Settings { parameters: BTreeMap::new(), ..settings() };
    match template::load(&path, &settings) {
        Ok(plan) => assert_eq!(plan.warnings, []),
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn takes_an_executable_whatever_its_runtime() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("template.yaml");
    fs::write(folder.path().join("program"), "#!/bin/sh\n").unwrap();
    let text = "Resources:\n  F:\n    Type: AWS::Lambda::Function\n    Properties: {Code: \
                ./program, Handler: h, Runtime: python3.13}\n";
    fs::write(&path, text).unwrap();
    let plan = template::load(&path, &Settings::default()).unwrap();
    assert_eq!(plan.functions[0].code, Code::Prebuilt { path: folder.path().join("program") });
}

#[test]
fn shows_one_problem_a_line_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("template.yaml");
    fs::write(&path, "Resources:\n  F: {Type: AWS::Kinesis::Stream}\n  G: {}\n").unwrap();
    let error = template::load(&path, &Settings::default()).unwrap_err();
    let path = path.display();
    assert_eq!(
        error.to_string(),
        format!(
            "{path}:2:13 Resources.F.Type: `AWS::Kinesis::Stream` is not simulated (give it a \
             `Condition` that is false here, or a template of its own)\n\
             {path}:3:3 Resources.G: `Type` is missing"
        )
    );
}

#[test]
fn says_which_file_it_cannot_read() {
    let error = template::load(Path::new("/nowhere/template.yaml"), &settings()).unwrap_err();
    assert!(matches!(error, TemplateError::Unreadable { .. }));
    assert_eq!(error.to_string(), "failed to read the template `/nowhere/template.yaml`");
}
