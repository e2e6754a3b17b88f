//! Keeps a producer that can reach Kafka. One thread owns the producer and replaces it when it is beyond repair; nobody
//! is given one before Kafka has answered.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI32, Ordering},
        mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError},
    },
    time::Duration,
};

use rdkafka::{
    ClientConfig, ClientContext,
    config::{FromClientConfigAndContext, RDKafkaLogLevel},
    error::KafkaError,
    producer::{FutureProducer, Producer},
    types::RDKafkaErrorCode,
};
use tokio::{sync::watch, time::Instant};

use crate::error::is_fatal;

/// Signals nobody has looked at yet. They repeat themselves: one that finds the queue full can be dropped.
pub(crate) const SIGNALS_MAX: usize = 64;

/// How long a fresh producer tries on its own account, before anybody asks. Covers a Lambda environment's start.
const FIRST_TRY: Duration = Duration::from_secs(5);

/// How long one question to Kafka may take. Short, because a signal to stop waits for it.
const ASK_TIMEOUT: Duration = Duration::from_millis(250);

/// Between two questions.
const ASK_PAUSE: Duration = Duration::from_millis(3);

/// Questions after the first answer. A fresh idempotent producer asks for its id just when the first answer retires the
/// bootstrap connection, and would try again only after 500 ms; every further answer makes it try at once. The first
/// event then takes 14 ms instead of 502. One question was always enough; the others are for slower networks.
const WARM_UP_QUESTIONS: u32 = 8;

/// What the owner of the producer is told.
#[derive(Debug)]
pub(crate) enum Signal {
    /// Somebody waits for a producer, until then.
    Wanted { until: Instant },
    /// No broker is connected, or one does not answer.
    Down,
    /// The producer of that generation is beyond repair.
    Fatal { generation: u64 },
    /// Nobody publishes any more.
    Stop,
}

/// What publishers see.
#[derive(Clone)]
pub(crate) enum Link {
    /// Kafka has not answered since then.
    Away { since: Instant },
    /// Kafka answered, and nothing speaks against it.
    Up { producer: FutureProducer<Context>, generation: u64 },
}

/// How many partitions the topic ever had. From then on the absence of one of them is a passing one, of a broker that
/// has just started, or somebody's deed.
#[derive(Clone, Debug, Default)]
pub(crate) struct PartitionsSeen(Arc<AtomicI32>);

impl PartitionsSeen {
    /// Whether the partition was ever there; any, where none is named.
    pub(crate) fn has(&self, partition: Option<i32>) -> bool {
        partition.unwrap_or(0) < self.0.load(Ordering::Relaxed)
    }

    /// There are at least so many.
    pub(crate) fn at_least(&self, partitions: i32) {
        self.0.fetch_max(partitions, Ordering::Relaxed);
    }
}

/// Passes librdkafka's callbacks on. Called on its polling thread, so it never waits.
#[derive(Clone)]
pub(crate) struct Context {
    signals: SyncSender<Signal>,
    generation: u64,
}

impl ClientContext for Context {
    fn log(&self, level: RDKafkaLogLevel, fac: &str, log_message: &str) {
        match level {
            RDKafkaLogLevel::Emerg
            | RDKafkaLogLevel::Alert
            | RDKafkaLogLevel::Critical
            | RDKafkaLogLevel::Error
            | RDKafkaLogLevel::Warning => {
                tracing::warn!(kafka.facility = fac, "Kafka producer: {log_message}");
            }
            RDKafkaLogLevel::Notice | RDKafkaLogLevel::Info | RDKafkaLogLevel::Debug => {
                tracing::debug!(kafka.facility = fac, "Kafka producer: {log_message}");
            }
        }
    }

    /// Says the same again and again while brokers are away: the owner tells it once, librdkafka's log tells why.
    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(error = %error, kafka.reason = reason, "Kafka producer reported an error");
        if is_fatal(&error) {
            tracing::error!(kafka.reason = reason, "Kafka producer failed for good");
            signal(&self.signals, Signal::Fatal { generation: self.generation });
        } else if error.rdkafka_error_code() == Some(RDKafkaErrorCode::AllBrokersDown) {
            signal(&self.signals, Signal::Down);
        }
    }
}

/// Tells the owner, if its queue has room.
pub(crate) fn signal(signals: &SyncSender<Signal>, signal: Signal) {
    match signals.try_send(signal) {
        Ok(()) | Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {}
    }
}

/// The owner of the producer.
pub(crate) struct Keeper {
    config: ClientConfig,
    /// The topic whose metadata is asked for.
    topic: String,
    signals: Receiver<Signal>,
    /// What each producer's context signals with.
    back: SyncSender<Signal>,
    partitions_seen: PartitionsSeen,
    link: watch::Sender<Link>,
    producer: FutureProducer<Context>,
    generation: u64,
}

impl Keeper {
    /// Creates the first producer; nothing is connected before [`Keeper::run`].
    pub(crate) fn new(
        config: ClientConfig,
        topic: String,
        (back, signals): (SyncSender<Signal>, Receiver<Signal>),
        partitions_seen: PartitionsSeen,
        link: watch::Sender<Link>,
    ) -> Result<Self, KafkaError> {
        let producer = create(&config, &back, 0)?;
        Ok(Self { config, topic, signals, back, partitions_seen, link, producer, generation: 0 })
    }

    /// Runs until told to stop.
    pub(crate) fn run(mut self) {
        let mut next = self.connect(Instant::now() + FIRST_TRY);
        loop {
            let Some(signal) = next.take().or_else(|| self.signals.recv().ok()) else { return };
            match signal {
                Signal::Stop => return,
                Signal::Down => self.disconnect(),
                Signal::Wanted { until } => next = self.connect(until),
                Signal::Fatal { generation } if generation == self.generation => {
                    next = self.replace();
                }
                Signal::Fatal { .. } => {}
            }
        }
    }

    /// Asks until Kafka answers or nobody waits any more. Returns a signal that has to be looked at first.
    fn connect(&mut self, mut until: Instant) -> Option<Signal> {
        if matches!(*self.link.borrow(), Link::Up { .. }) {
            return None;
        }
        while !self.ask() {
            let mut next = self.pause();
            while let Some(signal) = next {
                match signal {
                    Signal::Wanted { until: later } => until = until.max(later),
                    Signal::Down => {}
                    urgent @ (Signal::Stop | Signal::Fatal { .. }) => return Some(urgent),
                }
                next = self.signals.try_recv().ok();
            }
            if Instant::now() >= until {
                return None;
            }
        }
        let up = Link::Up { producer: self.producer.clone(), generation: self.generation };
        self.link.send_replace(up);
        tracing::debug!(producer.generation = self.generation, "Kafka answers");
        for _ in 0..WARM_UP_QUESTIONS {
            match self.pause() {
                None | Some(Signal::Wanted { .. }) => self.ask(),
                other => return other,
            };
        }
        None
    }

    fn disconnect(&self) {
        let since = Instant::now();
        let went_away = self.link.send_if_modified(|link| match link {
            Link::Up { .. } => {
                *link = Link::Away { since };
                true
            }
            Link::Away { .. } => false,
        });
        if went_away {
            tracing::debug!(producer.generation = self.generation, "Kafka is away");
        }
    }

    fn replace(&mut self) -> Option<Signal> {
        self.disconnect();
        self.generation += 1;
        match create(&self.config, &self.back, self.generation) {
            Ok(producer) => {
                tracing::warn!(producer.generation = self.generation, "Kafka producer replaced");
                self.producer = producer;
                self.connect(Instant::now() + FIRST_TRY)
            }
            Err(error) => {
                // The settings were good for the first one, so this is a lack of threads or memory. The next failure
                // of the old producer leads here again.
                self.generation -= 1;
                tracing::error!(error = %error, "Kafka producer could not be replaced");
                None
            }
        }
    }

    fn ask(&self) -> bool {
        let answer = self.producer.client().fetch_metadata(Some(&self.topic), ASK_TIMEOUT);
        let Ok(metadata) = answer else { return false };
        let topics = metadata.topics().iter().filter(|topic| topic.error().is_none());
        let partitions = topics.map(|topic| topic.partitions().len()).max().unwrap_or(0);
        self.partitions_seen.at_least(i32::try_from(partitions).unwrap_or(i32::MAX));
        true
    }

    fn pause(&self) -> Option<Signal> {
        match self.signals.recv_timeout(ASK_PAUSE) {
            Ok(signal) => Some(signal),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => Some(Signal::Stop),
        }
    }
}

fn create(
    config: &ClientConfig,
    back: &SyncSender<Signal>,
    generation: u64,
) -> Result<FutureProducer<Context>, KafkaError> {
    let context = Context { signals: back.clone(), generation };
    FutureProducer::from_config_and_context(config, context)
}
