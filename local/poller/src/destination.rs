//! Delivers records that were given up to the on-failure destination: a topic of the same Kafka, or
//! a folder that stands for SQS, SNS or S3.
//!
//! A Kafka that is away is waited for; what it refuses for good is an error, and the records count
//! as dropped, as on AWS.

mod document;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rdkafka::config::FromClientConfigAndContext as _;
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::producer::{FutureProducer, FutureRecord};
use tokio::task::spawn_blocking;
use tokio::time::sleep;
use uuid::Uuid;

use self::document::{Document, Source};
use crate::access::Identity;
use crate::config::{Destination, MappingConfig, Service};
use crate::event::EventWriter;
use crate::mapping::{Delivery, Record};

/// How long one attempt to produce may take before Kafka counts as away.
const PRODUCE_MAX_MS: &str = "30000";

/// How long a Kafka that is away is left alone.
const AGAIN: Duration = Duration::from_secs(1);

type Producer = FutureProducer<Identity>;

/// Delivers for one mapping.
pub(crate) struct Deliverer {
    source: Arc<Source>,
    to: Outlet,
}

enum Outlet {
    Topic { producer: Producer, topic: String },
    Folder { service: Service, folder: PathBuf },
}

/// A message that a topic is to take.
struct Message {
    key: Option<Vec<u8>>,
    payload: String,
}

impl Deliverer {
    /// The deliverer of the mapping's destination, where it has one.
    pub(crate) fn new(config: &MappingConfig) -> KafkaResult<Option<Self>> {
        let Some(on_failure) = &config.failures.on_failure else { return Ok(None) };
        let to = match &on_failure.destination {
            Destination::Topic(topic) => {
                Outlet::Topic { producer: producer(config)?, topic: topic.clone() }
            }
            Destination::Folder { service, folder } => {
                Outlet::Folder { service: *service, folder: folder.clone() }
            }
        };
        let writer = EventWriter::new(&config.source, &config.bootstrap_servers, &config.topic);
        let source = Source {
            mapping: config.id.clone(),
            function_arn: on_failure.function_arn.clone(),
            cluster: config.source.clone(),
            bootstrap_servers: config.bootstrap_servers.clone(),
            writer,
        };
        Ok(Some(Self { source: Arc::new(source), to }))
    }

    /// Delivers; the text says why the destination did not take it.
    pub(crate) async fn deliver(&self, delivery: &Arc<Delivery>) -> Result<(), String> {
        match &self.to {
            Outlet::Topic { producer, topic } => {
                for record in delivery.records.iter() {
                    let message = self.message(delivery, record);
                    produce(producer, topic, &message).await.map_err(|e| e.to_string())?;
                }
                Ok(())
            }
            Outlet::Folder { service, folder } => {
                let (source, delivery) = (Arc::clone(&self.source), Arc::clone(delivery));
                let (service, folder) = (*service, folder.clone());
                let writing = spawn_blocking(move || write(&source, service, &folder, &delivery));
                match writing.await {
                    Ok(written) => written.map_err(|error| error.to_string()),
                    Err(error) => Err(error.to_string()),
                }
            }
        }
    }

    fn message(&self, delivery: &Delivery, record: &Record) -> Message {
        let document = Document {
            source: &self.source,
            delivery,
            at: Timestamp::now(),
            request_id: Uuid::new_v4(),
        };
        Message { key: document::key(record), payload: document.of_record(record) }
    }
}

fn producer(config: &MappingConfig) -> KafkaResult<Producer> {
    let mut client = config.access.client(&config.bootstrap_servers);
    client
        .set("client.id", format!("mapping-{}-on-failure", config.id))
        .set("enable.idempotence", "true")
        .set("message.timeout.ms", PRODUCE_MAX_MS)
        .set("reconnect.backoff.max.ms", "1000")
        .set("linger.ms", "0");
    Producer::from_config_and_context(&client, config.access.identity())
}

/// Produces a message, however long Kafka is away.
async fn produce(producer: &Producer, topic: &str, message: &Message) -> KafkaResult<()> {
    loop {
        let mut record = FutureRecord::<[u8], str>::to(topic).payload(&message.payload);
        if let Some(key) = &message.key {
            record = record.key(key);
        }
        match producer.send(record, Duration::ZERO).await {
            Ok(_) => return Ok(()),
            Err((error, _)) if is_passing(&error) => {
                tracing::warn!(%error, topic, "The on-failure topic is away; trying again");
                sleep(AGAIN).await;
            }
            Err((error, _)) => return Err(error),
        }
    }
}

/// Whether the same may work later.
fn is_passing(error: &KafkaError) -> bool {
    matches!(
        error.rdkafka_error_code(),
        Some(
            RDKafkaErrorCode::QueueFull
                | RDKafkaErrorCode::MessageTimedOut
                | RDKafkaErrorCode::BrokerTransportFailure
                | RDKafkaErrorCode::AllBrokersDown
                | RDKafkaErrorCode::RequestTimedOut
                | RDKafkaErrorCode::NotEnoughReplicas
                | RDKafkaErrorCode::LeaderNotAvailable
                | RDKafkaErrorCode::NotLeaderForPartition
        )
    )
}

/// Writes the document beside its place and moves it there, so that nobody sees a part of it.
fn write(source: &Source, service: Service, folder: &Path, delivery: &Delivery) -> io::Result<()> {
    let document = Document { source, delivery, at: Timestamp::now(), request_id: Uuid::new_v4() };
    let (name, text) = match service {
        Service::Sqs | Service::Sns => (document.file_name(), document.of_batch()),
        Service::S3 => (document.object_key(), document.of_batch_with_payload()),
    };
    let path = folder.join(name);
    let parent = path.parent().unwrap_or(folder);
    std::fs::create_dir_all(parent)?;
    let beside = path.with_extension("part");
    std::fs::write(&beside, text)?;
    std::fs::rename(&beside, &path)
}
