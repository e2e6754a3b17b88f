//! Faults on purpose, as a person asks for them: what is done, what is refused, and that the stack
//! goes on afterwards.

use std::path::PathBuf;
use std::process::Output;
use std::sync::Arc;

use millrace::{Stack, StackConfig};
use rdkafka::ClientConfig;
use rdkafka::producer::{FutureProducer, FutureRecord};

use crate::assembly::{Lambda, MAPPING, TIMEOUT, bounded};
use crate::project::{HELLO, Project};

struct Fixture {
    lambda: Lambda,
    project: Arc<Project>,
    stack: Stack,
}

impl Fixture {
    /// A stack with a mapping; with `own` its poller can get a process of its own.
    async fn start(own: bool) -> Self {
        let lambda = Lambda::start().await;
        let project = Project::new(&format!("{HELLO}{MAPPING}"));
        let template = project.path().join("template.yaml");
        let config = StackConfig {
            functions: Some(lambda.endpoint.clone()),
            poller_program: own.then(|| PathBuf::from(env!("CARGO_BIN_EXE_millrace"))),
            ..StackConfig::new(template, project.path().join(".millrace"))
        };
        let stack = bounded(Stack::start(config)).await.expect("it starts");
        Self { lambda, project: Arc::new(project), stack }
    }

    async fn run(&self, arguments: &'static [&'static str]) -> Output {
        let project = Arc::clone(&self.project);
        let run = tokio::task::spawn_blocking(move || project.run(arguments));
        bounded(run).await.expect("it runs")
    }

    /// Asks for a fault that is to be carried out.
    async fn breaks(&self, arguments: &'static [&'static str], said: &str) {
        let output = self.run(arguments).await;
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && stderr.contains(said), "{stderr}");
    }

    /// Asks for a fault that makes no sense.
    async fn refuses(&self, arguments: &'static [&'static str], code: i32, said: &str) {
        let output = self.run(arguments).await;
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{stderr}");
        assert!(stderr.contains(said), "{stderr}");
    }

    /// A record comes to the function.
    async fn works(&mut self, value: &str, encoded: &str) {
        let producer: FutureProducer = ClientConfig::new()
            .set("bootstrap.servers", &self.stack.addresses().kafka)
            .create()
            .expect("a producer");
        let record = FutureRecord::to("events").key("k").payload(value);
        bounded(producer.send(record, TIMEOUT)).await.expect("Kafka has it");
        // Records of before may come again: nobody committed them.
        loop {
            let (_, event) = self.lambda.next().await;
            let records = event["records"]["events-0"].as_array().expect("records");
            if records.iter().any(|record| record["value"] == encoded) {
                return;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_poller_is_replaced_and_goes_on() {
    let mut fixture = Fixture::start(true).await;
    fixture.works("a", "YQ==").await;
    fixture.breaks(&["fault", "kill-poller"], "killed the poller of Hello, process ").await;
    fixture.works("b", "Yg==").await;
    fixture.breaks(&["fault", "kill-poller:Hello"], "killed the poller of Hello, process ").await;
    fixture.breaks(&["mapping", "pause", "Hello"], "paused").await;
    fixture.breaks(&["mapping", "resume", "Hello"], "resumed").await;
    fixture.works("c", "Yw==").await;
    let listed = fixture.run(&["mapping", "list", "--json"]).await;
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    assert!(listed.contains(r#""state":"Enabled""#), "{listed}");
    bounded(fixture.stack.shutdown()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_kafka_comes_back_and_a_slow_table_is_told() {
    let mut fixture = Fixture::start(false).await;
    fixture.works("a", "YQ==").await;
    fixture.breaks(&["fault", "stop-broker:100ms"], "Kafka is back").await;
    fixture.works("b", "Yg==").await;
    fixture.breaks(&["fault", "slow-table:1ms:10ms"], "the table takes 1ms longer").await;
    bounded(fixture.stack.shutdown()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_load_that_fails_leaves_nothing_broken() {
    let fixture = Fixture::start(false).await;
    // Outcomes cannot be kept.
    let outcomes = fixture.project.path().join(".millrace/load");
    std::fs::write(outcomes, "not a folder").expect("a file in place of a folder");
    let output = fixture.run(&["load", "--requests", "1", "--fault", "slow-table@0s:1ms:1m"]).await;
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "{stderr}");
    assert!(stderr.contains("the table takes 1ms longer"), "{stderr}");
    assert!(stderr.contains("the table is as fast as before"), "{stderr}");
    bounded(fixture.stack.shutdown()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_that_make_no_sense_are_refused() {
    let fixture = Fixture::start(false).await;
    fixture.refuses(&["fault", "kill-environment"], 2, "functions run elsewhere").await;
    fixture.refuses(&["fault", "kill-poller:Other"], 2, "no mapping invokes `Other`").await;
    fixture.refuses(&["fault", "kill-poller"], 69, "a process of its own").await;
    fixture.refuses(&["fault", "stop-broker@3s"], 2, "write `stop-broker:3s`").await;
    let elsewhere = &["load", "--url", "http://127.0.0.1:9", "--fault", "kill-poller@1s"];
    fixture.refuses(elsewhere, 2, "the load goes to").await;
    fixture.refuses(&["load", "--fault", "reboot@1s"], 2, "`reboot@1s`: there is no such").await;
    bounded(fixture.stack.shutdown()).await;
}
