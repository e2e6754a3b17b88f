//! A running mapping: what starts it, asks it, pauses it and stops it.

mod handle;
mod notes;
mod owner;

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;
use std::time::Duration;

use filter::{Filters, PatternError};
use invoke::{Invoke, PAYLOAD_BYTES_MAX};
use jiff::Timestamp;
use rdkafka::consumer::Consumer as _;
use rdkafka::error::KafkaError;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{Instrument as _, Span};

pub use self::handle::PollerHandle;
use self::owner::{Control, KafkaSide, Owner, Parts};
use crate::calls::{self, CALLS_MAX};
use crate::config::MappingConfig;
use crate::destination::Deliverer;
use crate::event::EventWriter;
use crate::feed::{self, Consumer, Reader, Rebalance};
use crate::mapping::{BackOff, BufferLimits, Mapping, Membership, Policy, Settings};
use crate::status::{MappingState, MappingStatus};

/// AWS's batching window when none is set:
/// <https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventsourcemapping.html>.
const WINDOW_UNSET: Duration = Duration::from_millis(500);

/// `MaximumRetryAttempts` where it is unlimited and there is an on-failure destination:
/// <https://docs.aws.amazon.com/lambda/latest/dg/kafka-retry-configurations.html>.
const RETRIES_WITH_DESTINATION: u32 = 10;

/// Ten full events, so that a few partitions can each collect one while another is invoked.
const BUFFER_BYTES_MAX: usize = 64 * 1024 * 1024;

/// A partition's share of the buffer, however many there are: a few fetches.
const PARTITION_BYTES_MIN: usize = 256 * 1024;

/// Records of a partition that are buffered beside what fills batches: pausing throws away what
/// was fetched, so it should be rare.
const PARTITION_RECORDS_MIN: usize = 20_000;

/// Batches that a partition may have buffered.
const PARTITION_BATCHES: usize = 4;

/// Runs of records on their way from the reading thread; with a run's own limit, 4 MB.
const FEED_MAX: usize = 16;

/// Requests to a mapping that are not yet taken in; who asks waits.
const CONTROLS_MAX: usize = 8;

/// How long a question for the status waits for Kafka: three questions and a commit before them.
const STATUS_MAX: Duration = Duration::from_secs(10);

/// How long the Kafka client may take to leave the group and close.
const CLOSE_MAX: Duration = Duration::from_secs(5);

/// Why a mapping did not start.
#[derive(Debug, thiserror::Error)]
pub enum PollerStartError {
    /// The Kafka client refused its configuration.
    #[error("failed to make the Kafka client of the mapping of topic `{topic}`")]
    Client {
        /// The topic.
        topic: String,
        /// What the client said.
        #[source]
        source: KafkaError,
    },
    /// The Kafka client refused the topic's name.
    #[error("failed to subscribe to topic `{topic}`")]
    Subscribe {
        /// The topic.
        topic: String,
        /// What the client said.
        #[source]
        source: KafkaError,
    },
    /// A filter is not a pattern.
    #[error("failed to read the filters of the mapping of topic `{topic}`")]
    Filter {
        /// The topic.
        topic: String,
        /// What is wrong with it.
        #[source]
        source: PatternError,
    },
    /// The Kafka client of the on-failure destination refused its configuration.
    #[error("failed to make the Kafka client of the destination of the mapping of topic `{topic}`")]
    Destination {
        /// The topic.
        topic: String,
        /// What the client said.
        #[source]
        source: KafkaError,
    },
    /// The operating system refused a thread.
    #[error("failed to start a thread for the mapping of topic `{topic}`")]
    Thread {
        /// The topic.
        topic: String,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
}

/// A running event source mapping. Dropping it stops it without waiting.
#[derive(Debug)]
pub struct Poller {
    controls: mpsc::Sender<Control>,
    /// Known without asking Kafka.
    state: watch::Receiver<MappingState>,
    tasks: TaskTracker,
    /// Resolves when the reading thread has ended.
    closed: oneshot::Receiver<()>,
}

impl Poller {
    /// Starts the mapping within the current tokio runtime. It does not wait for Kafka: a Kafka
    /// that is away is tried until it is there.
    pub fn start(config: MappingConfig, invoke: Arc<dyn Invoke>) -> Result<Self, PollerStartError> {
        let refused = |source| PollerStartError::Client { topic: config.topic.clone(), source };
        let (consumer, rebalances) = feed::create(&config).map_err(refused)?;
        if config.enabled {
            consumer.subscribe(&[&config.topic]).map_err(|source| PollerStartError::Subscribe {
                topic: config.topic.clone(),
                source,
            })?;
        }
        let span = tracing::info_span!(
            "mapping",
            mapping.id = %config.id,
            function.name = %config.function,
            kafka.topic = %config.topic,
        );
        let stop = CancellationToken::new();
        let stopping = stop.clone().drop_guard();
        let (kafka, closed) = start_threads(&config, consumer, rebalances, stop, &span)?;
        let (controls, asked) = mpsc::channel(CONTROLS_MAX);
        let membership = if config.enabled { Membership::Joined } else { Membership::Left };
        let mapping = Mapping::new(settings(&config), Arc::clone(&kafka.writer), membership);
        let destination = Deliverer::new(&config).map_err(|source| {
            PollerStartError::Destination { topic: config.topic.clone(), source }
        })?;
        let parts = Parts { invoke, destination };
        let owner = Owner::new(config, mapping, parts, kafka, asked);
        let state = owner.watch_state();
        let tasks = TaskTracker::new();
        tasks.spawn(
            async move {
                owner.run().await;
                // Only now: the last to hold the client waits while it closes, and must be one of
                // the threads.
                drop(stopping);
            }
            .instrument(span),
        );
        tasks.close();
        Ok(Self { controls, state, tasks, closed })
    }

    /// What asks this mapping from another task.
    pub fn handle(&self) -> PollerHandle {
        PollerHandle { controls: self.controls.downgrade(), state: self.state.clone() }
    }

    /// As [`PollerHandle::status`].
    pub async fn status(&self) -> MappingStatus {
        self.handle().status().await
    }

    /// As [`PollerHandle::pause`].
    pub async fn pause(&self) {
        self.handle().pause().await;
    }

    /// As [`PollerHandle::resume`].
    pub async fn resume(&self) {
        self.handle().resume().await;
    }

    /// Stops the mapping: invocations under way may end and are committed, within a bound; the
    /// group is left, so that the next start need not wait for a session to time out.
    pub async fn shutdown(self) {
        if self.controls.send(Control::Stop).await.is_err() {
            tracing::debug!("The mapping has stopped already");
        }
        self.tasks.wait().await;
        if timeout(CLOSE_MAX, self.closed).await.is_err() {
            tracing::warn!("The Kafka client takes its time to close; leaving it behind");
        }
    }
}

/// Starts the thread that reads and the one that calls; gives the task's side of them, and what
/// resolves when the first has ended.
fn start_threads(
    config: &MappingConfig,
    consumer: Arc<Consumer>,
    rebalances: Receiver<Rebalance>,
    stop: CancellationToken,
    span: &Span,
) -> Result<(KafkaSide, oneshot::Receiver<()>), PollerStartError> {
    let topic = config.topic.clone();
    let filters = Filters::parse(config.filters.iter().map(String::as_str))
        .map_err(|source| PollerStartError::Filter { topic: topic.clone(), source })?;
    let writer = Arc::new(EventWriter::new(&config.source, &config.bootstrap_servers, &topic));
    let (feed, fed) = mpsc::channel(FEED_MAX);
    let reader = Reader {
        consumer: Arc::clone(&consumer),
        rebalances,
        feed,
        writer: Arc::clone(&writer),
        filters,
        topic: topic.clone(),
        starting_position: config.starting_position,
        stop,
    };
    let (ended, closed) = oneshot::channel();
    let inside = span.clone();
    spawn_thread("read", &topic, move || {
        inside.in_scope(|| reader.run());
        // Nobody may be waiting.
        let _ = ended.send(());
    })?;
    let (calls, to_call) = sync_channel(CALLS_MAX);
    let (replies, replied) = mpsc::channel(CALLS_MAX);
    let (inside, caller, name) = (span.clone(), Arc::clone(&consumer), topic.clone());
    spawn_thread("call", &topic, move || {
        inside.in_scope(|| calls::run(&caller, &name, to_call, &replies));
    })?;
    Ok((KafkaSide { consumer, writer, fed, calls, replied }, closed))
}

fn spawn_thread(
    what: &str,
    topic: &str,
    run: impl FnOnce() + Send + 'static,
) -> Result<(), PollerStartError> {
    thread::Builder::new()
        .name(format!("{what} {topic}"))
        .spawn(run)
        .map(drop)
        .map_err(|source| PollerStartError::Thread { topic: topic.to_owned(), source })
}

fn settings(config: &MappingConfig) -> Settings {
    let batch_size = usize::try_from(config.batch_size.max(1)).expect("a `u32` fits");
    Settings {
        batch_size,
        window: config.window.unwrap_or(WINDOW_UNSET),
        payload_bytes_max: PAYLOAD_BYTES_MAX,
        policy: policy(config),
        started_ms: Timestamp::now().as_millisecond(),
        buffer: BufferLimits {
            bytes_max: BUFFER_BYTES_MAX,
            partition_bytes_min: PARTITION_BYTES_MIN,
            partition_records_max: (PARTITION_BATCHES * batch_size).max(PARTITION_RECORDS_MIN),
        },
    }
}

fn policy(config: &MappingConfig) -> Policy {
    let failures = &config.failures;
    let destination = failures.on_failure.is_some();
    let retries = failures.retries_max.or(destination.then_some(RETRIES_WITH_DESTINATION));
    let delay = failures.retry_delay;
    Policy {
        attempts_max: retries.map(|retries| retries.saturating_add(1)),
        age_max: failures.record_age_max,
        bisect: failures.bisect,
        bisect_counts: failures.bisect_counts,
        partial: failures.partial,
        destination,
        back_off: BackOff { first: delay.first, longest: delay.longest },
    }
}
