//! Templates as other people write them, with functions that are built here, or elsewhere, or named by
//! their path: `up` runs each of them.

use std::fs;
use std::process::Command;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use millrace::{Notice, Notices, Stack, StackConfig};
use rdkafka::ClientConfig;
use rdkafka::producer::{FutureProducer, FutureRecord};
use serde_json::Value;
use tokio::sync::mpsc;

use crate::function::answering;
use crate::project::Project;

/// A compiler works in between.
const PATIENCE: Duration = Duration::from_mins(2);

struct Sample {
    stack: Stack,
    notices: mpsc::Receiver<Notice>,
    _project: Project,
}

impl Sample {
    /// `template` with its functions in the folder `built`.
    async fn built(template: &str) -> Self {
        let project = Project::new(template);
        let (source, folder) = (project.path().join("main.rs"), project.path().join("built"));
        fs::write(&source, answering("hello")).expect("the source is written");
        fs::create_dir(&folder).expect("the folder is made");
        let compiler = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
        let mut compile = Command::new(compiler);
        compile.arg("--edition=2024").arg(&source).arg("-o").arg(folder.join("bootstrap"));
        assert!(compile.status().expect("the compiler runs").success());
        Self::start(project).await
    }

    async fn start(project: Project) -> Self {
        let (sender, notices) = mpsc::channel(millrace::NOTICES_MAX);
        let config = StackConfig {
            notices: Notices::to(sender, false),
            sources: project.sources(),
            ..StackConfig::new(project.path().join("template.yaml"), project.path().join("data"))
        };
        let stack = bounded(Stack::start(config)).await.expect("it starts");
        Self { stack, notices, _project: project }
    }

    async fn get(&self, path: &str) -> (u16, Bytes) {
        let url = format!("{}{path}", self.stack.addresses().gateway).parse().expect("a URL");
        let client = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
        let response = bounded(client.get(url)).await.expect("an answer");
        let status = response.status().as_u16();
        (status, response.into_body().collect().await.expect("a whole body").to_bytes())
    }

    async fn produce(&self, topic: &str, value: &str) {
        let producer: FutureProducer = ClientConfig::new()
            .set("bootstrap.servers", &self.stack.addresses().kafka)
            .create()
            .expect("a producer");
        let record = FutureRecord::to(topic).key("k").payload(value);
        bounded(producer.send(record, PATIENCE)).await.expect("Kafka has it");
    }

    /// The next event that a function was given, as it printed it.
    async fn event(&mut self, function: &str) -> Value {
        bounded(async {
            loop {
                if let Some(Notice::Line(line)) = self.notices.recv().await
                    && &*line.function == function
                    && line.text.starts_with('{')
                {
                    return serde_json::from_str(&line.text).expect("an event is JSON");
                }
            }
        })
        .await
    }
}

async fn bounded<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.expect("in time")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_http_api_whose_function_is_a_cargo_package() {
    let project = Project::new(include_str!("templates/http.yaml")).with_package(&answering("hi"));
    let mut sample = Sample::start(project).await;
    assert_eq!(sample.get("/prod/hello/you?a=1").await, (200, Bytes::from_static(b"hi")));
    let event = sample.event("HelloFunction").await;
    assert_eq!(event["routeKey"], "GET /hello/{name}");
    assert_eq!(event["rawPath"], "/prod/hello/you");
    assert_eq!(event["stageVariables"]["colour"], "blue");
    assert_eq!(sample.get("/hello/you").await.0, 404);
    sample.stack.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_whose_function_is_built_elsewhere() {
    let mut sample = Sample::built(include_str!("templates/kafka.yaml")).await;
    sample.produce("payments", "v").await;
    let event = sample.event("ConsumerFunction").await;
    assert_eq!(event["eventSource"], "aws:kafka");
    assert_eq!(event["records"]["payments-0"][0]["value"], "dg==");
    sample.stack.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_http_api_and_a_consumer_that_are_paths_of_executables() {
    let mut sample = Sample::built(include_str!("templates/both.yaml")).await;
    assert_eq!(sample.get("/any/where").await, (200, Bytes::from_static(b"hello")));
    assert_eq!(sample.event("Take").await["routeKey"], "$default");
    sample.produce("payments", "v").await;
    let arn = sample.stack.addresses().cluster_arn.clone();
    assert_eq!(sample.event("Work").await["eventSourceArn"], arn);
    sample.stack.shutdown().await;
}
