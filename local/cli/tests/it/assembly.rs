//! A stack in this process, with functions that run elsewhere: what the gateway and the mappings
//! ask of the Invoke API given by `--functions`.

use std::convert::Infallible;
use std::future::Future;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioIo};
use millrace::{Stack, StackConfig};
use rdkafka::ClientConfig;
use rdkafka::producer::{FutureProducer, FutureRecord};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_util::task::TaskTracker;

use crate::project::{HELLO, Project};

/// Generous: nothing here takes a second, on a machine that is not busy.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(30);

pub(crate) const MAPPING: &str = "        Records:
          Type: MSK
          Properties:
            Stream: !Ref Cluster
            Topics: [events]
            StartingPosition: TRIM_HORIZON
            MaximumBatchingWindowInSeconds: 0
  Events:
    Type: AWS::MSK::Topic
    Properties:
      ClusterArn: !Ref Cluster
      TopicName: events
      PartitionCount: 1
      ReplicationFactor: 1
Parameters:
  Cluster:
    Type: String
Metadata:
  Millrace:
    Parameters:
      Cluster: ${kafka.arn}
";

/// An Invoke API that answers every invocation alike, and tells of each.
pub(crate) struct Lambda {
    pub(crate) endpoint: http::Uri,
    invocations: mpsc::Receiver<(String, Value)>,
    _tasks: TaskTracker,
}

impl Lambda {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let address = listener.local_addr().expect("it has an address");
        let (sender, invocations) = mpsc::channel(16);
        let tasks = TaskTracker::new();
        let serving = tasks.clone();
        tasks.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let sender = sender.clone();
                let service = service_fn(move |request| answer(request, sender.clone()));
                let stream = TokioIo::new(stream);
                serving.spawn(http1::Builder::new().serve_connection(stream, service));
            }
        });
        let endpoint = format!("http://{address}").parse().expect("it is a URL");
        Self { endpoint, invocations, _tasks: tasks }
    }

    pub(crate) async fn next(&mut self) -> (String, Value) {
        bounded(self.invocations.recv()).await.expect("the endpoint runs")
    }
}

async fn answer(
    request: Request<Incoming>,
    sender: mpsc::Sender<(String, Value)>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let path = request.uri().path().to_owned();
    let body = request.into_body().collect().await.expect("a whole body").to_bytes();
    let event = serde_json::from_slice(&body).expect("an event is JSON");
    sender.send((path, event)).await.expect("the test reads");
    Ok(Response::new(Full::from(r#"{"statusCode":200,"body":"from elsewhere"}"#)))
}

pub(crate) async fn bounded<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(TIMEOUT, future).await.expect("in time")
}

async fn start(lambda: &Lambda, project: &Project) -> Stack {
    let template = project.path().join("template.yaml");
    let config = StackConfig {
        functions: Some(lambda.endpoint.clone()),
        ..StackConfig::new(template, project.path().join("data"))
    };
    bounded(Stack::start(config)).await.expect("it starts")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_gateway_invokes_functions_that_run_elsewhere() {
    let (mut lambda, project) = (Lambda::start().await, Project::new(HELLO));
    let stack = start(&lambda, &project).await;
    assert_eq!(format!("{}/", stack.addresses().lambda), lambda.endpoint.to_string());

    let url = format!("{}/hello", stack.addresses().gateway).parse().expect("it is a URL");
    let client = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
    let response = bounded(client.get(url)).await.expect("an answer");
    let body = bounded(response.into_body().collect()).await.expect("a whole body");
    assert_eq!(body.to_bytes(), "from elsewhere");

    let (path, event) = lambda.next().await;
    assert_eq!(path, "/2015-03-31/functions/Hello/invocations");
    assert_eq!(event["routeKey"], "GET /hello");
    bounded(stack.shutdown()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_in_the_embedded_broker_becomes_an_invocation_with_the_local_arn() {
    let (mut lambda, project) = (Lambda::start().await, Project::new(&format!("{HELLO}{MAPPING}")));
    let stack = start(&lambda, &project).await;

    let producer: FutureProducer = ClientConfig::new()
        .set("bootstrap.servers", &stack.addresses().kafka)
        .create()
        .expect("a producer");
    let record = FutureRecord::to("events").key("k").payload("v");
    bounded(producer.send(record, TIMEOUT)).await.expect("Kafka has it");

    let (path, event) = lambda.next().await;
    assert_eq!(path, "/2015-03-31/functions/Hello/invocations");
    assert_eq!(event["eventSource"], "aws:kafka");
    assert_eq!(event["eventSourceArn"], stack.addresses().cluster_arn);
    assert_eq!(event["records"]["events-0"][0]["value"], "dg==");
    bounded(stack.shutdown()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kafka_that_runs_already_keeps_its_id_and_gets_the_topics_it_lacks() {
    let (mut lambda, other) = (Lambda::start().await, Project::new(HELLO));
    let kafka = start(&lambda, &other).await;
    let project = Project::new(&format!("{HELLO}{MAPPING}"));
    let config = StackConfig {
        functions: Some(lambda.endpoint.clone()),
        kafka: Some(kafka.addresses().kafka.clone()),
        ..StackConfig::new(project.path().join("template.yaml"), project.path().join("data"))
    };
    let stack = bounded(Stack::start(config)).await.expect("it starts");
    assert_eq!(stack.addresses().kafka, kafka.addresses().kafka);
    assert_eq!(stack.addresses().cluster_arn, kafka.addresses().cluster_arn);

    let producer: FutureProducer = ClientConfig::new()
        .set("bootstrap.servers", &kafka.addresses().kafka)
        .set("allow.auto.create.topics", "false")
        .create()
        .expect("a producer");
    let record = FutureRecord::to("events").key("k").payload("v");
    bounded(producer.send(record, TIMEOUT)).await.expect("the topic is there");
    let (_, event) = lambda.next().await;
    assert_eq!(event["bootstrapServers"], kafka.addresses().kafka);
    bounded(stack.shutdown()).await;
    bounded(kafka.shutdown()).await;
}
