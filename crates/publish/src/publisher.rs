//! Publishes one event at a time and says what is certain. Decides nothing about what an event is.

use std::{
    fmt, io,
    sync::mpsc::{SyncSender, sync_channel},
    thread,
    time::Duration,
};

use event::{Coordinates, limits::KAFKA_BATCH_BYTES_MAX};
use rdkafka::{
    ClientConfig,
    error::KafkaError,
    message::{self, OwnedHeaders},
    producer::{FutureProducer, FutureRecord},
};
use tokio::{
    sync::watch,
    time::{Instant, timeout_at},
};

use crate::{
    Connection, PublishError,
    error::{Meanwhile, UnknownOutcome, is_fatal, not_delivered, not_queued},
    link::{Context, Keeper, Link, PartitionsSeen, SIGNALS_MAX, Signal, signal},
};

/// Events waiting in the producer. Each invocation holds one, so this is never the bottleneck; it bounds memory if an
/// outage and many abandoned deadlines come together.
const QUEUE_EVENTS_MAX: u32 = 10_000;

/// Their size, in KiB: half of the smallest useful function memory, 128 MB.
const QUEUE_KIB_MAX: u32 = 65_536;

/// How long one request may stay unanswered before it is sent again on a fresh connection. A frozen environment's
/// connection can be dead without knowing: this leaves time for a second try before a caller gives up.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(4);

/// How long brokers may wait for their replicas. Below [`REQUEST_TIMEOUT`], so that their refusal arrives.
const REPLICAS_TIMEOUT: Duration = Duration::from_secs(3);

/// How long a topic may be missing before events for it fail: time for a topic just created to spread.
const TOPIC_TIMEOUT: Duration = Duration::from_secs(2);

/// How soon partitions that were added to the topic are found. Until then keys stay in the old ones, and an event for a
/// new partition is refused as if there were none; the default is five minutes.
const PARTITIONS_LOOK: Duration = Duration::from_secs(5);

/// How long events wait for a cluster that went away. Enough to connect, authenticate and ask twice; to wait longer
/// would only fill the function's concurrency with events that can be refused without risk.
const AWAY_WAIT_MAX: Duration = Duration::from_secs(3);

/// How long an event waits for a cluster that has been away for longer than that: one try, for an environment that was
/// frozen does not know that Kafka is back.
const AWAY_TRY: Duration = Duration::from_millis(500);

/// How a publisher works.
#[derive(Clone, Debug)]
pub struct PublishConfig {
    /// The cluster.
    pub connection: Connection,
    /// Shown in the brokers' logs and quotas: the function's name.
    pub client_id: String,
    /// The topic that is written to: its metadata is asked for at the start.
    pub topic: String,
    /// How long an event waits for company. Zero unless several invocations share the publisher: a lone one would
    /// only wait.
    pub linger: Duration,
    /// When the producer gives up an event, whoever still waits for it. The longest deadline is a good value.
    pub event_timeout: Duration,
}

impl PublishConfig {
    fn client_config(&self) -> ClientConfig {
        let mut config = self.connection.client_config(&self.client_id);
        config
            .set("acks", "all")
            .set("enable.idempotence", "true")
            // The partitioner of Kafka's own clients.
            .set("partitioner", "murmur2_random")
            .set("linger.ms", self.linger.as_millis().to_string())
            .set("message.timeout.ms", self.event_timeout.as_millis().to_string())
            .set("socket.timeout.ms", REQUEST_TIMEOUT.as_millis().to_string())
            .set("request.timeout.ms", REPLICAS_TIMEOUT.as_millis().to_string())
            .set("topic.metadata.propagation.max.ms", TOPIC_TIMEOUT.as_millis().to_string())
            .set("topic.metadata.refresh.interval.ms", PARTITIONS_LOOK.as_millis().to_string())
            .set("message.max.bytes", KAFKA_BATCH_BYTES_MAX.to_string())
            .set("queue.buffering.max.messages", QUEUE_EVENTS_MAX.to_string())
            .set("queue.buffering.max.kbytes", QUEUE_KIB_MAX.to_string());
        config
    }
}

/// What is to be written. Borrows: the producer makes its own copy.
#[derive(Clone, Debug)]
pub struct Message<'a> {
    /// Where to.
    pub topic: &'a str,
    /// Which partition; `None` lets the key decide (murmur2), and chance where there is no key.
    pub partition: Option<i32>,
    /// Events of one key keep their order.
    pub key: Option<&'a [u8]>,
    /// In order; names may repeat.
    pub headers: Vec<Header<'a>>,
    /// The body; `None` is a tombstone.
    pub value: Option<&'a [u8]>,
}

impl Message<'_> {
    fn size_bytes(&self) -> usize {
        let header_bytes =
            |header: &Header<'_>| header.name.len() + header.value.map_or(0, <[u8]>::len);
        self.key.map_or(0, <[u8]>::len)
            + self.value.map_or(0, <[u8]>::len)
            + self.headers.iter().map(header_bytes).sum::<usize>()
    }
}

/// A record header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header<'a> {
    /// The name.
    pub name: &'a str,
    /// The value, which Kafka allows to be absent.
    pub value: Option<&'a [u8]>,
}

/// Where events go: Kafka, or a test's memory.
pub trait Publish: Sync {
    /// Writes one event, and returns where it is once it is safe there. Returns by the deadline.
    fn publish(
        &self,
        message: Message<'_>,
        deadline: Instant,
    ) -> impl Future<Output = Result<Coordinates, PublishError>> + Send;
}

/// A producer, and the link as it was when an event was handed over to it.
struct Lent {
    producer: FutureProducer<Context>,
    generation: u64,
    link: watch::Receiver<Link>,
}

/// Writes events to Kafka. Share it: all its methods take `&self`.
pub struct Publisher {
    signals: SyncSender<Signal>,
    partitions_seen: PartitionsSeen,
    link: watch::Receiver<Link>,
}

impl Publisher {
    /// Starts a producer and its owner's thread, and begins to connect. Does not wait for Kafka.
    pub fn new(config: &PublishConfig) -> Result<Self, PublisherStartError> {
        let (signals, received) = sync_channel(SIGNALS_MAX);
        let partitions_seen = PartitionsSeen::default();
        let (up, link) = watch::channel(Link::Away { since: Instant::now() });
        let keeper = Keeper::new(
            config.client_config(),
            config.topic.clone(),
            (signals.clone(), received),
            partitions_seen.clone(),
            up,
        )
        .map_err(PublisherStartError::Producer)?;
        thread::Builder::new()
            .name("kafka link".to_owned())
            .spawn(|| keeper.run())
            .map_err(PublisherStartError::Thread)?;
        Ok(Self { signals, partitions_seen, link })
    }

    /// A producer that can reach Kafka as far as anybody knows. An event is only handed over after that: so an outage
    /// leaves few events in doubt, and refuses the others for certain.
    async fn producer(&self, deadline: Instant) -> Result<Lent, PublishError> {
        let mut link = self.link.clone();
        let seen = link.borrow_and_update().clone();
        let since = match seen {
            Link::Up { producer, generation } => return Ok(Lent { producer, generation, link }),
            Link::Away { since } => since,
        };
        let until = patience_ends(since, Instant::now(), deadline);
        signal(&self.signals, Signal::Wanted { until });
        let is_up = |link: &Link| matches!(link, Link::Up { .. });
        let seen = match timeout_at(until, link.wait_for(is_up)).await {
            Ok(Ok(seen)) => seen.clone(),
            // The owner's thread is gone, or nothing came in time.
            Ok(Err(_)) | Err(_) => return Err(PublishError::Away),
        };
        match seen {
            Link::Up { producer, generation } => Ok(Lent { producer, generation, link }),
            Link::Away { .. } => Err(PublishError::Away),
        }
    }

    /// Tells the producer's owner what a failure says about the producer.
    fn note(&self, error: &KafkaError, generation: u64) {
        let told = if is_fatal(error) { Signal::Fatal { generation } } else { Signal::Down };
        signal(&self.signals, told);
    }
}

/// An event is safe once all in-sync replicas have it.
impl Publish for Publisher {
    async fn publish(
        &self,
        message: Message<'_>,
        deadline: Instant,
    ) -> Result<Coordinates, PublishError> {
        let Lent { producer, generation, link } = self.producer(deadline).await?;
        if Instant::now() >= deadline {
            // Nobody would wait for the answer: refusing is certain, handing over is not.
            return Err(PublishError::Away);
        }
        let (topic, size_bytes) = (message.topic, message.size_bytes());
        let place_was_there = self.partitions_seen.has(message.partition);
        let delivery = producer.send_result(record(&message)).map_err(|(error, _)| {
            if is_fatal(&error) {
                signal(&self.signals, Signal::Fatal { generation });
            }
            not_queued(topic, size_bytes, error)
        })?;
        let unknown = |source| PublishError::OutcomeUnknown { topic: topic.to_owned(), source };
        match timeout_at(deadline, delivery).await {
            Ok(Ok(Ok(delivered))) => {
                self.partitions_seen.at_least(delivered.partition.saturating_add(1));
                Coordinates::new(delivered.partition, delivered.offset)
                    .map_err(|error| unknown(UnknownOutcome::NoPlace(error)))
            }
            Ok(Ok(Err((error, _)))) => {
                // Looked at first: what is told next changes it.
                let went_away = link.has_changed().unwrap_or(true);
                let meanwhile = Meanwhile { went_away, place_was_there };
                self.note(&error, generation);
                Err(not_delivered(topic, size_bytes, error, meanwhile))
            }
            Ok(Err(_cancelled)) => Err(unknown(UnknownOutcome::Replaced)),
            Err(_elapsed) => {
                signal(&self.signals, Signal::Down);
                Err(unknown(UnknownOutcome::Deadline))
            }
        }
    }
}

/// The owner's thread ends by itself; what is still in the producer is given up.
impl Drop for Publisher {
    fn drop(&mut self) {
        signal(&self.signals, Signal::Stop);
    }
}

impl fmt::Debug for Publisher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let up = matches!(*self.link.borrow(), Link::Up { .. });
        f.debug_struct("Publisher").field("up", &up).finish_non_exhaustive()
    }
}

/// Until when an event waits for a cluster that has been away since `since`.
fn patience_ends(since: Instant, now: Instant, deadline: Instant) -> Instant {
    deadline.min((since + AWAY_WAIT_MAX).max(now + AWAY_TRY))
}

fn record<'a>(message: &Message<'a>) -> FutureRecord<'a, [u8], [u8]> {
    let headers = message
        .headers
        .iter()
        .fold(OwnedHeaders::new_with_capacity(message.headers.len()), |headers, header| {
            headers.insert(message::Header { key: header.name, value: header.value })
        });
    FutureRecord {
        topic: message.topic,
        partition: message.partition,
        payload: message.value,
        key: message.key,
        timestamp: None,
        headers: Some(headers),
    }
}

/// A publisher that could not start.
#[derive(Debug, thiserror::Error)]
pub enum PublisherStartError {
    /// librdkafka refused a setting.
    #[error("failed to create a kafka producer")]
    Producer(#[source] KafkaError),
    /// No thread was to be had.
    #[error("failed to start the producer's thread")]
    Thread(#[source] io::Error),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longer_kafka_is_away_the_sooner_events_are_refused() {
        let since = Instant::now();
        let deadline = since + Duration::from_mins(1);
        let wait = |away| patience_ends(since, since + away, deadline) - (since + away);
        assert_eq!(wait(Duration::ZERO), AWAY_WAIT_MAX);
        assert_eq!(wait(Duration::from_secs(2)), Duration::from_secs(1));
        assert_eq!(wait(Duration::from_secs(30)), AWAY_TRY);
    }

    #[test]
    fn nobody_waits_beyond_the_deadline() {
        let now = Instant::now();
        let deadline = now + Duration::from_millis(100);
        assert_eq!(patience_ends(now, now, deadline), deadline);
    }
}
