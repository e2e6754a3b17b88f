//! Where the events are: the running stack's addresses, and what its template calls things. Finds
//! them and connects; it reads no event.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use event::{Coordinates, KeyRing, Stream, StreamKeys};
use millrace::RunFile;
use progress::store::DynamoDb;
use progress::{Connection, Consumer, Edge, History, Ledger, Policy, Position};
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use template::{EnvVars, Function, Settings};

use crate::failure::OpsFailure;

/// The function whose work is read, and the name under which it keeps its progress.
const FUNCTION: &str = "process_events";

/// How long the broker may take to answer a question.
pub(crate) const KAFKA_TIMEOUT: Duration = Duration::from_secs(10);

/// What a reader of events works with.
#[derive(Debug)]
pub(crate) struct Surroundings {
    pub(crate) ledger: Ledger<DynamoDb>,
    pub(crate) consumer: Consumer,
    pub(crate) stream: Stream,
    pub(crate) dead_letter_topic: String,
    keys: StreamKeys,
    kafka: String,
}

/// The variables of [`FUNCTION`] that say where its events are.
struct Variables<'a>(&'a BTreeMap<String, String>);

impl Variables<'_> {
    fn get(&self, name: &'static str) -> Result<&str, OpsFailure> {
        let value = self.0.get(name).map(String::as_str);
        value.ok_or(OpsFailure::NoVariable { function: FUNCTION, name })
    }
}

impl Surroundings {
    /// Finds the stack that runs on the data folder.
    pub(crate) async fn find(data: &Path) -> Result<Self, OpsFailure> {
        let run = RunFile::read(data).map_err(OpsFailure::RunFile)?;
        let run = run.ok_or_else(|| OpsFailure::NothingRuns { data: data.to_owned() })?;
        let function = function(&run)?;
        let variables = Variables(&function.environment);
        let epoch = variables.get("STREAM_EPOCH")?;
        let stream = Stream {
            cluster: run.cluster_arn.clone(),
            topic: variables.get("EVENTS_TOPIC")?.to_owned(),
            epoch: epoch.parse().map_err(|source| OpsFailure::NotAnEpoch { source })?,
        };
        let ring = KeyRing::parse(variables.get("EVENT_ID_KEY")?).map_err(OpsFailure::KeyRing)?;
        let connection =
            Connection::Local { endpoint: run.table.clone(), region: "us-east-1".to_owned() };
        let table = DynamoDb::new(
            progress::connect(&connection).await,
            variables.get("TABLE_NAME")?.to_owned(),
        );
        Ok(Self {
            ledger: Ledger::new(table, Policy::default(), Edge::system()),
            consumer: Consumer::new(FUNCTION),
            dead_letter_topic: variables.get("DEAD_LETTER_TOPIC")?.to_owned(),
            keys: ring.for_stream(&stream),
            stream,
            kafka: run.kafka,
        })
    }

    /// The id under which the event at a place was answered for.
    pub(crate) fn event_id(&self, place: Coordinates) -> String {
        self.keys.mint(place).to_string()
    }

    /// What was done in one partition after a position.
    pub(crate) async fn history(
        &self,
        partition: i32,
        since: Position,
    ) -> Result<History<'_, DynamoDb>, OpsFailure> {
        let history = self.ledger.history(&self.consumer, &self.stream, partition, since).await;
        history.map_err(OpsFailure::Progress)
    }

    /// A reader of the stack's Kafka.
    pub(crate) fn kafka(&self) -> Result<BaseConsumer, OpsFailure> {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.kafka).set("group.id", "millrace-ops");
        config.set("enable.auto.commit", "false").set("enable.partition.eof", "true");
        config.create().map_err(|source| OpsFailure::Kafka { source })
    }

    /// The end of each partition of `topic`: the offset that the next record will get.
    pub(crate) async fn ends(&self, topic: &str) -> Result<Vec<i64>, OpsFailure> {
        let (kafka, topic) = (self.kafka()?, topic.to_owned());
        let ends = tokio::task::spawn_blocking(move || read_ends(&kafka, &topic));
        ends.await.expect("reading ends does not panic")
    }
}

fn read_ends(kafka: &BaseConsumer, topic: &str) -> Result<Vec<i64>, OpsFailure> {
    let failed = |source| OpsFailure::Kafka { source };
    let metadata = kafka.fetch_metadata(Some(topic), KAFKA_TIMEOUT).map_err(failed)?;
    let partitions = metadata.topics().first().map_or(0, |topic| topic.partitions().len());
    let partitions = i32::try_from(partitions).expect("Kafka counts partitions in 32 bits");
    let end = |partition| kafka.fetch_watermarks(topic, partition, KAFKA_TIMEOUT);
    (0..partitions).map(|partition| Ok(end(partition).map_err(failed)?.1)).collect()
}

fn function(run: &RunFile) -> Result<Function, OpsFailure> {
    let plan = template::load(&run.template, &settings(run)).map_err(OpsFailure::Template)?;
    let mut functions = plan.functions.into_iter();
    functions
        .find(|function| function.name == FUNCTION)
        .ok_or(OpsFailure::NoFunction { template: run.template.clone(), function: FUNCTION })
}

/// What `up` told the template.
fn settings(run: &RunFile) -> Settings {
    let facts = [
        ("kafka.bootstrap", &run.kafka),
        ("kafka.arn", &run.cluster_arn),
        ("table.endpoint", &run.table),
        ("gateway.endpoint", &run.gateway),
    ];
    let local = facts.into_iter().map(|(name, value)| (name.to_owned(), value.clone())).collect();
    Settings { parameters: run.parameters.clone(), env_vars: EnvVars::default(), local }
}
