//! Where the events are: the running stack's addresses, and what its template calls things. Finds
//! them and connects; it reads no event.

use std::collections::BTreeMap;
use std::ops::Range;

use event::{Coordinates, Stream, StreamKeys};
use millrace::{Place, RunFile, running};
use progress::store::DynamoDb;
use progress::{Consumer, Edge, Fence, History, Ledger, Policy, Position};

use crate::failure::OpsFailure;
use crate::topic;
use crate::variables::Variables;

/// The function whose work is read, and the name under which it keeps its progress.
const FUNCTION: &str = "process_events";

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

impl Surroundings {
    /// Finds the stack that a command is about.
    pub(crate) async fn find(place: &Place) -> Result<Self, OpsFailure> {
        let run = running(place)?;
        let variables = Variables::of(&run, FUNCTION)?;
        let stream = variables.stream(&run, "EVENTS_TOPIC", "STREAM_EPOCH")?;
        let table = variables.table(&run).await?;
        Ok(Self {
            ledger: Ledger::new(table, Policy::default(), Edge::system()),
            consumer: Consumer::new(FUNCTION),
            dead_letter_topic: variables.get("DEAD_LETTER_TOPIC")?.to_owned(),
            keys: variables.key_ring()?.for_stream(&stream),
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

    /// The address of the stack's Kafka.
    pub(crate) fn kafka(&self) -> &str {
        &self.run.kafka
    }

    /// The offsets that each partition of `topic` holds.
    pub(crate) async fn offsets(&self, topic: &str) -> Result<Vec<Range<i64>>, OpsFailure> {
        topic::offsets(&self.run.kafka, topic).await
    }
}
