//! The whole text, for a template with everything and for one with nothing.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anstream::adapter::strip_str;
use template::{Code, Function, Inert, Source, StartingPosition, Warning};

use super::*;

fn addresses() -> Addresses {
    Addresses {
        gateway: "http://127.0.0.1:3000".to_owned(),
        lambda: "http://127.0.0.1:9000".to_owned(),
        kafka: "127.0.0.1:9092".to_owned(),
        cluster_arn: "arn".to_owned(),
        table: "http://127.0.0.1:8000".to_owned(),
        control: "http://127.0.0.1:1".to_owned(),
    }
}

fn empty() -> Plan {
    Plan {
        functions: Vec::new(),
        apis: Vec::new(),
        topics: Vec::new(),
        tables: Vec::new(),
        mappings: Vec::new(),
        inert: Vec::new(),
        warnings: Vec::new(),
    }
}

fn function(name: &str) -> Function {
    Function {
        logical_id: name.to_owned(),
        name: name.to_owned(),
        code: Code::Prebuilt { path: PathBuf::from("/f") },
        handler: "bootstrap".to_owned(),
        timeout: Duration::from_secs(3),
        memory_mb: 128,
        environment: BTreeMap::new(),
        reserved_concurrency: None,
        environment_concurrency: 1,
        environments_max: None,
        logging: template::Logging::default(),
        events: template::EventInvoke::default(),
        alias: None,
    }
}

fn api(stage: &str, routes: &[(&str, &str, &str)]) -> HttpApi {
    let routes = routes.iter().map(|(method, path, function)| Route {
        method: (*method != "ANY").then(|| (*method).to_owned()),
        path: (*path).to_owned(),
        function: (*function).to_owned(),
        timeout: Duration::from_secs(30),
    });
    HttpApi {
        logical_id: "Api".to_owned(),
        stage: stage.to_owned(),
        stage_variables: BTreeMap::new(),
        cors: None,
        routes: routes.collect(),
    }
}

fn render(plan: &Plan) -> String {
    let addresses = addresses();
    let summary = Summary {
        plan,
        addresses: &addresses,
        data: Path::new("/project/.millrace"),
        elapsed: Duration::from_millis(1_234),
    };
    strip_str(&summary.render()).to_string()
}

#[test]
fn everything_is_told_and_aligned() {
    let events_mapping = Mapping {
        logical_id: "ProcessEventsEvents".to_owned(),
        function: "process_events".to_owned(),
        topic: "events".to_owned(),
        source: Source::Msk { cluster_arn: "arn".to_owned() },
        batch_size: 100,
        window: None,
        starting_position: StartingPosition::TrimHorizon,
        consumer_group: None,
        enabled: true,
        failures: template::FailureHandling::default(),
        filters: Vec::new(),
        pollers: template::Pollers::default(),
        system_log: None,
        access: Vec::new(),
    };
    let orders_mapping = Mapping {
        topic: "order-events".to_owned(),
        function: "reserve_inventory".to_owned(),
        batch_size: 5,
        window: Some(Duration::ZERO),
        enabled: false,
        ..events_mapping.clone()
    };
    let plan = Plan {
        functions: ["register_event", "get_status", "process_events"].map(function).to_vec(),
        apis: vec![api(
            "$default",
            &[
                ("POST", "/register_event", "register_event"),
                ("GET", "/get_status/{event_id}", "get_status"),
                ("GET", "/get_status", "get_status"),
            ],
        )],
        mappings: vec![events_mapping, orders_mapping],
        inert: vec![Inert {
            logical_id: "LagAlarm".to_owned(),
            resource_type: "AWS::CloudWatch::Alarm".to_owned(),
        }],
        warnings: vec![Warning { line: 12, message: "a default that costs money".to_owned() }],
        ..empty()
    };
    insta::assert_snapshot!(render(&plan), @r"

    Millrace is up (1.2 s)

      HTTP API  http://127.0.0.1:3000
      Lambda    http://127.0.0.1:9000
      Kafka     127.0.0.1:9092
      DynamoDB  http://127.0.0.1:8000
      Data      /project/.millrace

    Functions
      register_event  POST  /register_event
      get_status      GET   /get_status/{event_id}
                      GET   /get_status
      process_events

    Mappings
      events -> process_events           batches of 100, window 500 ms
      order-events -> reserve_inventory  batches of 5, no window, not enabled

    Without effect here
      LagAlarm  AWS::CloudWatch::Alarm

    Warnings
      line 12  a default that costs money

    Try
      curl -i -X POST http://127.0.0.1:3000/register_event -H 'content-type: application/json' -d '{}'
      curl -i http://127.0.0.1:3000/get_status
    ");
}

#[test]
fn what_a_template_lacks_is_not_mentioned() {
    let text = render(&empty());
    for title in ["Functions", "Mappings", "Without effect", "Warnings", "Try"] {
        assert!(!text.contains(title), "{text}");
    }
}

#[test]
fn a_named_stage_is_part_of_the_path() {
    let plan = Plan {
        functions: vec![function("f")],
        apis: vec![api("prod", &[("GET", "/{id}", "f"), ("GET", "/all", "f")])],
        ..empty()
    };
    let text = render(&plan);
    assert!(text.contains("curl -i http://127.0.0.1:3000/prod/all\n"), "{text}");
}
