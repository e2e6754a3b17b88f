//! Records that cannot be processed, written among a load's own and remembered by their places, so
//! that a ledger finds every one of them and takes none for the load's.

use std::path::Path;
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt as _};
use load::RunId;
use poller::Identity;
use rdkafka::config::FromClientConfigAndContext as _;
use rdkafka::producer::{FutureProducer, FutureRecord};
use tokio::fs::File;
use tokio::io::AsyncWriteExt as _;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::access::KafkaClient;

use super::carrier::CarryError;
use super::poison_file::{Place, PoisonFile, line};
use super::spec::Share;

/// Records on their way at a time; beyond, the next ones wait.
const UNDER_WAY_MAX: usize = 100;

/// How long a record may be on its way: longer than Kafka is away.
const DELIVERY_MAX: Duration = Duration::from_mins(1);

/// Quiet: where Kafka is away on purpose, the person knows.
type Producer = FutureProducer<Identity>;

/// Writes poison while a load runs.
pub(super) struct Poisoner {
    producer: Producer,
    topics: Vec<String>,
    share: Share,
    run: RunId,
    file: File,
}

impl Poisoner {
    pub(super) async fn new(
        kafka: KafkaClient,
        topics: Vec<String>,
        share: Share,
        folder: &Path,
        run: RunId,
    ) -> Result<Self, CarryError> {
        let KafkaClient { mut config, identity } = kafka;
        config.set("enable.idempotence", "true");
        config.set("message.timeout.ms", DELIVERY_MAX.as_millis().to_string());
        let producer =
            Producer::from_config_and_context(&config, identity).map_err(CarryError::Producer)?;
        tokio::fs::create_dir_all(folder).await.map_err(CarryError::Poison)?;
        let file = File::create(PoisonFile::path(folder, run)).await.map_err(CarryError::Poison)?;
        Ok(Self { producer, topics, share, run, file })
    }

    /// Keeps its share of `sent` until stopped; then waits for what is on its way. Says how many
    /// records Kafka has.
    pub(super) async fn run(
        mut self,
        mut sent: watch::Receiver<u64>,
        stop: CancellationToken,
    ) -> Result<u64, CarryError> {
        let (mut begun, mut there) = (0_u64, 0);
        let mut in_turn = self.topics.clone().into_iter().cycle();
        let producer = self.producer.clone();
        let mut under_way = FuturesUnordered::new();
        loop {
            let due = self.share.of(*sent.borrow_and_update());
            while begun < due
                && under_way.len() < UNDER_WAY_MAX
                && let Some(topic) = in_turn.next()
            {
                let value = format!("poison {}-{begun}", self.run);
                under_way.push(produce(&producer, topic, value));
                begun += 1;
            }
            tokio::select! {
                Some(place) = under_way.next(), if !under_way.is_empty() => {
                    there += self.remember(place).await?;
                }
                changed = sent.changed(), if begun >= due => if changed.is_err() { break },
                () = stop.cancelled() => break,
            }
        }
        while let Some(place) = under_way.next().await {
            there += self.remember(place).await?;
        }
        self.file.flush().await.map_err(CarryError::Poison)?;
        Ok(there)
    }

    async fn remember(&mut self, place: Option<Place>) -> Result<u64, CarryError> {
        let Some(place) = place else { return Ok(0) };
        self.file.write_all(line(&place).as_bytes()).await.map_err(CarryError::Poison)?;
        Ok(1)
    }
}

/// The record's place; `None` where nobody can know whether it is there.
async fn produce(producer: &Producer, topic: String, value: String) -> Option<Place> {
    let record = FutureRecord::<(), _>::to(&topic).payload(&value);
    match producer.send(record, DELIVERY_MAX).await {
        Ok(delivery) if delivery.offset >= 0 => {
            Some(Place { topic, partition: delivery.partition, offset: delivery.offset })
        }
        Ok(_) => None,
        Err((error, _)) => {
            tracing::warn!(%error, "Poison was not taken");
            None
        }
    }
}
