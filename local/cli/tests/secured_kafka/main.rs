//! Mappings of a real Kafka that asks who they are, in each way that Lambda knows. Run by
//! `.ci/secured-kafka`: it needs the cargo feature `tls`, and Java.

mod kafka;
#[path = "../it/project.rs"]
#[expect(dead_code, reason = "other tests need the rest")]
mod project;
mod refused;
#[path = "../it/function.rs"]
mod source;

use std::fs;
use std::process::{Command, Output};
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::message::Message as _;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::kafka::{Kafka, PASSWORD, USER};
use crate::project::{Project, fails};
use crate::refused::is_refused;
use crate::source::answering;

/// However slow the machine is, what has not come by then does not come.
const PATIENCE: Duration = Duration::from_mins(1);

/// How long one question for a record waits.
const POLL: Duration = Duration::from_millis(200);

const SECRET: &str = "arn:aws:secretsmanager:us-east-1:000000000000:secret:AmazonMSK_ada-AbCd12";

const TOPICS: &str = "\
Transform: AWS::Serverless-2016-10-31
Resources:
  Payments:
    Type: AWS::MSK::Topic
    Properties: {ClusterArn: CLUSTER, TopicName: payments, PartitionCount: 1, ReplicationFactor: 1}
  GivenUp:
    Type: AWS::MSK::Topic
    Properties: {ClusterArn: CLUSTER, TopicName: given-up, PartitionCount: 1, ReplicationFactor: 1}
";

const FUNCTION: &str = "
  NAME:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: built/
      Handler: unused
      Runtime: provided.al2023
      Events:
        Records:
          Type: SelfManagedKafka
          Properties:
            KafkaBootstrapServers: ['ADDRESS']
            Topics: [payments]
            StartingPosition: TRIM_HORIZON
            MaximumBatchingWindowInSeconds: 0
            SourceAccessConfigurations: [{Type: SERVER_ROOT_CA_CERTIFICATE, URI: ca}, WAY]
";

const MSK: &str = "
  Msk:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: built/
      Handler: unused
      Runtime: provided.al2023
      Events:
        Records:
          Type: MSK
          Properties:
            Stream: CLUSTER
            Topics: [payments]
            StartingPosition: TRIM_HORIZON
            MaximumBatchingWindowInSeconds: 0
            SourceAccessConfigurations: [{Type: SASL_SCRAM_512_AUTH, URI: 'SECRET'}]
";

const DESTINATION: &str = "            MaximumRetryAttempts: 0
            DestinationConfig: {OnFailure: {Destination: 'kafka://given-up'}}
";

/// A function with a mapping that gets at a server in this way.
fn function(pattern: &str, name: &str, server: &str, way: &str) -> String {
    pattern.replace("NAME", name).replace("ADDRESS", server).replace("WAY", way)
}

/// A function for each way, one whose records are given up, and some that are refused.
fn template(kafka: &Kafka) -> String {
    let (sasl, mutual) = (&kafka.sasl, &kafka.mutual);
    let mut text = TOPICS.to_owned() + MSK;
    text += &function(FUNCTION, "Plain", sasl, "{Type: BASIC_AUTH, URI: user}");
    text += &function(FUNCTION, "Scram", sasl, "{Type: SASL_SCRAM_256_AUTH, URI: user}");
    text += &function(FUNCTION, "Iam", sasl, "{Type: IAM_AUTH}");
    let certificate = "{Type: CLIENT_CERTIFICATE_TLS_AUTH, URI: client}";
    text += &function(FUNCTION, "Mutual", mutual, certificate);
    let locked = "{Type: CLIENT_CERTIFICATE_TLS_AUTH, URI: locked}";
    let failing = FUNCTION.replace("built/", "failing/");
    text += &function(&failing, "Failing", mutual, locked);
    text += DESTINATION;
    text += &refused::template(kafka);
    let cluster = "arn:aws:kafka:us-east-1:000000000000:cluster/local/x-1";
    text.replace("CLUSTER", cluster).replace("SECRET", SECRET)
}

fn secrets(kafka: &Kafka, password: &str) -> Value {
    let user = json!({ "username": USER, "password": password });
    let client =
        |key: &str| json!({ "certificate": kafka.pem("client.pem"), "privateKey": kafka.pem(key) });
    let mut locked = client("locked.key");
    locked["privateKeyPassword"] = json!("sesame");
    let mut secrets = json!({
        "AmazonMSK_ada": user,
        "user": user,
        "client": client("client.key"),
        "locked": locked,
        "ca": { "certificate": kafka.pem("ca.pem") },
    });
    refused::add_secrets(kafka, &mut secrets);
    secrets
}

fn project(kafka: &Kafka) -> Project {
    let project = Project::new(&template(kafka));
    // Lambda takes an error in the place of an answer.
    let failing = answering("").replace("/response", "/error");
    for (folder, source) in [("built", answering("")), ("failing", failing)] {
        let folder = project.path().join(folder);
        fs::create_dir(&folder).expect("the folder is made");
        let path = folder.join("main.rs");
        fs::write(&path, source).expect("the source is written");
        let mut compile = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
        compile.arg("--edition=2024").arg(&path).arg("-o").arg(folder.join("bootstrap"));
        assert!(compile.status().expect("the compiler runs").success());
    }
    for (name, password) in [("secrets.json", PASSWORD), ("wrong.json", "misspelt")] {
        let text = secrets(kafka, password).to_string();
        fs::write(project.path().join(name), text).expect("the secrets are written");
    }
    let mut broken = secrets(kafka, PASSWORD);
    broken["client"]["privateKey"] = json!("no key");
    fs::write(project.path().join("broken.json"), broken.to_string()).expect("as above");
    project
}

fn up(project: &Project, arguments: &[&str]) -> Output {
    let mut command =
        project.command(&[&["up", "--wait"], &project::FREE_PORTS[..], arguments].concat());
    with_credentials(&mut command).output().expect("the binary runs")
}

/// What signs the tokens of IAM.
fn with_credentials(command: &mut Command) -> &mut Command {
    command.env("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE").env("AWS_SECRET_ACCESS_KEY", "enchantress")
}

/// A stack that is stopped however the test ends.
struct Running<'p>(&'p Project);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.run(&["down"]);
    }
}

fn produce(kafka: &Kafka) {
    let mut config = ClientConfig::new();
    let producer: BaseProducer =
        config.set("bootstrap.servers", &kafka.open).create().expect("a producer");
    let record = BaseRecord::<(), _>::to("payments").payload("paid");
    producer.send(record).expect("room in the queue");
    producer.flush(PATIENCE).expect("Kafka has it");
}

/// The first record that the topic of records given up has.
fn given_up(kafka: &Kafka) -> String {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", &kafka.open).set("group.id", "reader");
    let consumer: BaseConsumer =
        config.set("auto.offset.reset", "earliest").create().expect("a consumer");
    consumer.subscribe(&["given-up"]).expect("a topic");
    let give_up = Instant::now() + PATIENCE;
    // A poll ends without a record when the group has changed, however long it might have waited.
    loop {
        if let Some(record) = consumer.poll(POLL) {
            let record = record.expect("a record");
            return String::from_utf8_lossy(record.payload().expect("a value")).into_owned();
        }
        assert!(Instant::now() < give_up, "no record was given up");
    }
}

/// The mappings that are let in, once each of them has nothing left to do.
async fn caught_up(project: &Project) -> Vec<Value> {
    let give_up = Instant::now() + PATIENCE;
    loop {
        let output = project.run(&["lag", "--json"]);
        let told: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let mut mappings = told["mappings"].as_array().expect("mappings").clone();
        mappings.retain(|mapping| !is_refused(mapping["function"].as_str().expect("a name")));
        let done = |mapping: &Value| {
            mapping["lag"] == json!(0) && mapping["partitions"][0]["committed"] == json!(1)
        };
        if mappings.iter().all(done) {
            return mappings;
        }
        assert!(Instant::now() < give_up, "{told:#}");
        sleep(Duration::from_millis(200)).await;
    }
}

#[tokio::test]
async fn each_way_to_authenticate_gets_records_to_functions() {
    let kafka = Kafka::start();
    let project = project(&kafka);
    let own = |secrets| {
        let user = "SASL_SCRAM_512_AUTH=user";
        let ca = "SERVER_ROOT_CA_CERTIFICATE=ca";
        ["--kafka", &kafka.sasl, "--secrets", secrets, "--kafka-access", user, "--kafka-access", ca]
    };

    let plain = up(&project, &["--kafka", &kafka.sasl]);
    fails(&plain, 69, &[&kafka.sasl]);
    let wrong = up(&project, &own("wrong.json"));
    fails(&wrong, 69, &[&kafka.sasl]);
    let said = [wrong.stdout, wrong.stderr].concat();
    assert!(!String::from_utf8_lossy(&said).contains("misspelt"));
    let broken = up(&project, &own("broken.json"));
    fails(&broken, 64, &["`Mutual`", "provided certificate or private key is invalid"]);

    let output = up(&project, &own("secrets.json"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let running = Running(&project);
    produce(&kafka);
    assert_eq!(caught_up(&project).await.len(), 6);
    for function in ["Msk", "Plain", "Scram", "Iam", "Mutual", "Failing"] {
        let logs = project.run(&["logs", function]);
        let logs = String::from_utf8_lossy(&logs.stdout);
        assert!(logs.contains(r#""value":"cGFpZA==""#), "{function}: {logs}");
    }
    assert!(given_up(&kafka).contains("RetriesExhausted"));
    refused::are_told(&kafka, &project).await;

    let id = |mapping: &Value| mapping["id"].as_str().expect("an id").to_owned();
    let ids: Vec<_> = caught_up(&project).await.iter().map(id).collect();
    for id in &ids {
        let paused = project.run(&["mapping", "pause", id]);
        assert!(paused.status.success(), "{}", String::from_utf8_lossy(&paused.stderr));
    }
    // Without the credentials that another mapping wants.
    let mut reset = project.command(&["mapping", "reset", "Plain", "--to", "beginning"]);
    let reset = reset.output().expect("the binary runs");
    assert!(reset.status.success(), "{}", String::from_utf8_lossy(&reset.stderr));
    drop(running);
}
