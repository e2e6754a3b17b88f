//! One poller of a mapping: a member of the consumer group, with its threads and its task.

use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::thread;
use std::time::Duration;

use filter::Filters;
use invoke::{Invoke, PAYLOAD_BYTES_MAX};
use jiff::Timestamp;
use rdkafka::consumer::Consumer as _;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{Instrument as _, Span};

use super::owner::{Control, KafkaSide, Owner, Parts};
use super::{CONTROLS_MAX, Order, PollerStartError};
use crate::calls::{self, CALLS_MAX};
use crate::config::MappingConfig;
use crate::destination::Deliverer;
use crate::event::EventWriter;
use crate::feed::{self, Client, Reader};
use crate::mapping::{BackOff, BufferLimits, Limits, Mapping, Membership, Policy, Settings};
use crate::status::Seen;
use crate::system_log::{PollerLog, SystemLog};
use crate::trouble::is_certificate_invalid;

/// AWS's batching window when none is set:
/// <https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventsourcemapping.html>.
const WINDOW_UNSET: Duration = Duration::from_millis(500);

/// `MaximumRetryAttempts` where it is unlimited and there is an on-failure destination:
/// <https://docs.aws.amazon.com/lambda/latest/dg/kafka-retry-configurations.html>.
const RETRIES_WITH_DESTINATION: u32 = 10;

/// What AWS allows one poller, where it is asked for:
/// <https://docs.aws.amazon.com/lambda/latest/dg/kafka-scaling-modes.html>.
const LIMITS: Limits = Limits { invocations_max: 5, bytes_per_s: 5 * 1024 * 1024 };

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

/// How long the Kafka client may take to leave the group and close.
const CLOSE_MAX: Duration = Duration::from_secs(5);

/// A poller that runs. Dropping it stops it without waiting.
#[derive(Debug)]
pub(super) struct Member {
    controls: mpsc::Sender<Control>,
    seen: watch::Receiver<Seen>,
    tasks: TaskTracker,
    /// Resolves when the reading thread has ended.
    closed: oneshot::Receiver<()>,
}

/// What the pollers of a mapping share.
#[derive(Clone)]
pub(super) struct Shared {
    pub(super) config: MappingConfig,
    pub(super) invoke: Arc<dyn Invoke>,
    pub(super) destination: Option<Arc<Deliverer>>,
    pub(super) log: SystemLog,
}

impl Member {
    /// Starts the mapping's poller of this number within the current tokio runtime.
    pub(super) fn start(shared: Shared, number: u32) -> Result<Self, PollerStartError> {
        let Shared { config, invoke, destination, log } = shared;
        let log = log.of_poller(number);
        let topic = || config.topic.clone();
        let refused = |source| {
            if is_certificate_invalid(&source) {
                PollerStartError::Certificate { topic: topic(), source }
            } else {
                PollerStartError::Client { topic: topic(), source }
            }
        };
        let client = feed::create(&config, number).map_err(refused)?;
        if config.enabled {
            let refused = |source| PollerStartError::Subscribe { topic: topic(), source };
            client.consumer.subscribe(&[&config.topic]).map_err(refused)?;
        }
        let span = tracing::info_span!(
            "mapping",
            mapping.id = %config.id,
            mapping.poller = number,
            function.name = %config.function,
            kafka.topic = %config.topic,
        );
        let stop = CancellationToken::new();
        let stopping = stop.clone().drop_guard();
        let (kafka, closed) = start_threads(&config, client, log.clone(), stop, &span)?;
        let (controls, asked) = mpsc::channel(CONTROLS_MAX);
        let membership = if config.enabled { Membership::Joined } else { Membership::Left };
        let mapping = Mapping::new(settings(&config), Arc::clone(&kafka.writer), membership);
        let parts = Parts { invoke, destination, log };
        let owner = Owner::new(config, mapping, parts, kafka, asked);
        let seen = owner.watch();
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
        Ok(Self { controls, seen, tasks, closed })
    }

    /// What asks it from another task.
    pub(super) fn controls(&self) -> mpsc::WeakSender<Control> {
        self.controls.downgrade()
    }

    /// What is known of it without asking; the last of it once it has stopped.
    pub(super) fn seen(&self) -> watch::Receiver<Seen> {
        self.seen.clone()
    }

    pub(super) async fn tell(&self, order: Order) {
        if self.controls.send(Control::Order(order)).await.is_err() {
            tracing::debug!("The poller has stopped already");
        }
    }

    /// Stops it: what is under way may end and is committed, within a bound, and the group is left.
    pub(super) async fn shutdown(self) {
        self.tell(Order::Stop).await;
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
    Client { consumer, rebalances, said }: Client,
    log: PollerLog,
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
        said,
        feed,
        writer: Arc::clone(&writer),
        filters,
        topic: topic.clone(),
        starting_position: config.starting_position,
        log,
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
        limits: config.pollers.limited.then_some(LIMITS),
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
