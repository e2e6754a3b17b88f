//! Where the events are: the running stack's addresses, and what its template calls things. Finds
//! them and connects; it reads no event.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

use event::{Coordinates, KeyRing, Stream, StreamKeys};
use millrace::{Place, RunFile, running};
use progress::store::DynamoDb;
use progress::{Connection, Consumer, Edge, Fence, History, Ledger, Policy, Position};
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _};

use crate::failure::OpsFailure;

/// The function whose work is read, and the name under which it keeps its progress.
const FUNCTION: &str = "process_events";

/// The epoch of a stream whose topic was never made again.
const EPOCH_DEFAULT: &str = "1";

/// How long the broker may take to answer a question.
pub(crate) const KAFKA_TIMEOUT: Duration = Duration::from_secs(10);

/// Records that librdkafka reads ahead: the largest is 1 MB.
const READ_AHEAD_KB: &str = "8192";

/// What a reader of events works with.
#[derive(Debug)]
pub(crate) struct Surroundings {
    pub(crate) ledger: Ledger<DynamoDb>,
    pub(crate) stream: Stream,
    pub(crate) dead_letter_topic: String,
    consumer: Consumer,
    keys: StreamKeys,
    run: RunFile,
}

/// The variables of [`FUNCTION`] that say where its events are.
struct Variables(BTreeMap<String, String>);

impl Variables {
    fn get(&self, name: &'static str) -> Result<&str, OpsFailure> {
        self.optional(name).ok_or(OpsFailure::NoVariable { function: FUNCTION, name })
    }

    fn optional(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }
}

impl Surroundings {
    /// Finds the stack that a command is about.
    pub(crate) async fn find(place: &Place) -> Result<Self, OpsFailure> {
        let run = running(place)?;
        let variables = variables(&run)?;
        let epoch = variables.optional("STREAM_EPOCH").unwrap_or(EPOCH_DEFAULT);
        let stream = Stream {
            cluster: variables.optional("KAFKA_CLUSTER").unwrap_or(&run.cluster_arn).to_owned(),
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
            run,
        })
    }

    /// An id of the event at a place, by the key that mints now: one that was answered for it
    /// before a rotation of keys reads otherwise and means the same.
    pub(crate) fn event_id(&self, place: Coordinates) -> String {
        self.keys.mint(place).to_string()
    }

    /// The place that an id stands for.
    pub(crate) fn place(&self, event_id: &str) -> Option<Coordinates> {
        self.keys.open(event_id.parse().ok()?)
    }

    /// What was done in one partition after a position.
    pub(crate) async fn history(
        &self,
        partition: i32,
        since: Position,
    ) -> Result<History<'_, DynamoDb>, OpsFailure> {
        Ok(self.ledger.history(&self.consumer, &self.stream, partition, since).await?)
    }

    /// How far the function is in one partition.
    pub(crate) async fn fence(&self, partition: i32) -> Result<Option<Fence>, OpsFailure> {
        Ok(self.ledger.fence(&self.consumer, &self.stream, partition).await?)
    }

    /// By partition, what the function's mappings will not deliver again.
    pub(crate) async fn committed(&self) -> Result<BTreeMap<i32, i64>, OpsFailure> {
        let mappings = self.run.mappings().await?.mappings;
        let ours = mappings
            .into_iter()
            .filter(|mapping| mapping.function == FUNCTION && mapping.topic == self.stream.topic);
        let partitions = ours.flat_map(|mapping| mapping.partitions);
        Ok(partitions.filter_map(|read| Some((read.partition, read.committed?))).collect())
    }

    /// A reader of the stack's Kafka.
    pub(crate) fn kafka(&self) -> Result<BaseConsumer, OpsFailure> {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.run.kafka).set("group.id", "millrace-ops");
        config.set("enable.auto.commit", "false").set("enable.partition.eof", "true");
        config.set("queued.max.messages.kbytes", READ_AHEAD_KB);
        Ok(config.create()?)
    }

    /// The offsets that each partition of `topic` holds, from the oldest one kept to the one that
    /// the next record will get.
    pub(crate) async fn offsets(&self, topic: &str) -> Result<Vec<Range<i64>>, OpsFailure> {
        let (kafka, topic) = (self.kafka()?, topic.to_owned());
        let offsets = tokio::task::spawn_blocking(move || read_offsets(&kafka, topic));
        offsets.await.expect("reading offsets does not panic")
    }
}

fn read_offsets(kafka: &BaseConsumer, topic: String) -> Result<Vec<Range<i64>>, OpsFailure> {
    let metadata = kafka.fetch_metadata(Some(&topic), KAFKA_TIMEOUT)?;
    let partitions = metadata.topics().first().map_or(0, |topic| topic.partitions().len());
    if partitions == 0 {
        return Err(OpsFailure::NoTopic { topic });
    }
    let partitions = i32::try_from(partitions).expect("Kafka counts partitions in 32 bits");
    let read = |partition| {
        let (low, end) = kafka.fetch_watermarks(&topic, partition, KAFKA_TIMEOUT)?;
        Ok(low..end)
    };
    (0..partitions).map(read).collect()
}

fn variables(run: &RunFile) -> Result<Variables, OpsFailure> {
    let mut functions = run.plan()?.functions.into_iter();
    let function = functions
        .find(|function| function.name == FUNCTION)
        .ok_or(OpsFailure::NoFunction { template: run.template.clone(), function: FUNCTION })?;
    Ok(Variables(function.environment))
}
