//! The task that owns a mapping: turns what happened into the state machine's inputs and carries
//! out its actions. It decides nothing about records.

use std::collections::HashMap;
use std::error::Error as _;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::time::Duration;

use bytes::Bytes;
use invoke::{Invoke, InvokeError, Outcome};
use jiff::Timestamp;
use rdkafka::consumer::Consumer as _;
use rdkafka::error::KafkaResult;
use rdkafka::topic_partition_list::TopicPartitionList;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::{self, JoinSet};
use tokio::time::{Instant, sleep_until};

use crate::calls::{Call, Reply};
use crate::config::{MappingConfig, SystemLogLevel};
use crate::destination::Deliverer;
use crate::event::EventWriter;
use crate::feed::{Consumer, Feed};
use crate::mapping::{Action, Batch, BatchId, Delivery, DeliveryId, Ending, Input, Mapping};
use crate::poller::{Order, notes};
use crate::status::{PartitionStatus, Seen};
use crate::system_log::{Offsets, PollerLog};
use crate::trouble::Trouble;

/// How long what Kafka said about progress is repeated rather than asked again.
const PROGRESS_FRESH: Duration = Duration::from_secs(1);

/// How long a stop waits for invocations under way, their commit and the group. Records of an
/// invocation cut off here are delivered again.
const STOP_MAX: Duration = Duration::from_secs(15);

/// How often the log gets offsets, as on AWS.
const LOG_EVERY: Duration = Duration::from_mins(1);

/// How much of a function's error a log line carries.
const REASON_CHARS_MAX: usize = 512;

/// A request to a poller.
#[derive(Debug)]
pub(super) enum Control {
    /// How far is the group? `None` while Kafka cannot say.
    Progress(oneshot::Sender<Option<Vec<PartitionStatus>>>),
    Order(Order),
}

/// The task's share of the Kafka client, and its ends of the channels to the client's threads.
pub(super) struct KafkaSide {
    pub(super) consumer: Arc<Consumer>,
    pub(super) writer: Arc<EventWriter>,
    pub(super) fed: mpsc::Receiver<Feed>,
    pub(super) calls: SyncSender<Call>,
    pub(super) replied: mpsc::Receiver<Reply>,
}

/// What the task works with.
pub(super) struct Parts {
    pub(super) invoke: Arc<dyn Invoke>,
    pub(super) destination: Option<Arc<Deliverer>>,
    pub(super) log: PollerLog,
}

/// Everything the task hears of.
enum Happened {
    Fed(Option<Feed>),
    Replied(Option<Reply>),
    Asked(Option<Control>),
    InvocationEnded(BatchId, Ending),
    Delivered(DeliveryId, Result<(), String>),
    Woke,
}

/// The task's state.
pub(super) struct Owner {
    mapping: Mapping,
    /// Why its topic is not read.
    trouble: Option<Trouble>,
    started: Instant,
    topic: String,
    function: Arc<str>,
    invoke: Arc<dyn Invoke>,
    kafka: KafkaSide,
    asked: mpsc::Receiver<Control>,
    invocations: JoinSet<Ending>,
    batches: HashMap<task::Id, BatchId>,
    destination: Option<Arc<Deliverer>>,
    deliveries: JoinSet<Result<(), String>>,
    delivering: HashMap<task::Id, DeliveryId>,
    /// Rebalances that wait for [`Action::Released`].
    releases: Vec<SyncSender<()>>,
    progress: Progress,
    log: PollerLog,
    /// When the log gets offsets again, where it wants them.
    log_at: Option<Instant>,
    seen: watch::Sender<Seen>,
    stop_at: Option<Instant>,
}

/// What Kafka said about progress, and who wants to know.
#[derive(Default)]
struct Progress {
    known: Option<(Instant, Vec<PartitionStatus>)>,
    /// Kafka is being asked.
    under_way: bool,
    /// The log wants to know.
    for_log: bool,
    asking: Vec<oneshot::Sender<Option<Vec<PartitionStatus>>>>,
}

impl Owner {
    pub(super) fn new(
        config: MappingConfig,
        mapping: Mapping,
        parts: Parts,
        kafka: KafkaSide,
        asked: mpsc::Receiver<Control>,
    ) -> Self {
        let (seen, _) = watch::channel(Seen::of(&mapping, None));
        Self {
            mapping,
            trouble: None,
            started: Instant::now(),
            topic: config.topic,
            function: Arc::from(config.function),
            invoke: parts.invoke,
            kafka,
            asked,
            invocations: JoinSet::new(),
            batches: HashMap::new(),
            destination: parts.destination,
            deliveries: JoinSet::new(),
            delivering: HashMap::new(),
            releases: Vec::new(),
            progress: Progress::default(),
            log_at: parts.log.has(SystemLogLevel::Debug).then(|| Instant::now() + LOG_EVERY),
            log: parts.log,
            seen,
            stop_at: None,
        }
    }

    /// The poller's state and its counts as they change.
    pub(super) fn watch(&self) -> watch::Receiver<Seen> {
        self.seen.subscribe()
    }

    /// Runs until stopped and out of the group, or until the stop has taken too long.
    pub(super) async fn run(mut self) {
        while !self.is_finished() {
            let happened = self.next().await;
            self.take_in(happened);
            let now = Seen::of(&self.mapping, self.trouble);
            self.seen.send_if_modified(|before| std::mem::replace(before, now) != now);
        }
    }

    fn is_finished(&self) -> bool {
        self.stop_at.is_some_and(|stop_at| self.mapping.is_out() || stop_at <= Instant::now())
    }

    async fn next(&mut self) -> Happened {
        let wakeup = self.mapping.next_wakeup().map(|at| self.started + at);
        let wakeup = [wakeup, self.stop_at, self.log_at].into_iter().flatten().min();
        tokio::select! {
            // Outcomes first: they free partitions and memory.
            biased;
            Some(ended) = self.invocations.join_next_with_id() => {
                let (id, ending) = match ended {
                    Ok(ended) => ended,
                    Err(error) => (error.id(), Ending::Failed("the invocation panicked".to_owned())),
                };
                let batch = self.batches.remove(&id).expect("every invocation has a batch");
                Happened::InvocationEnded(batch, ending)
            }
            Some(delivered) = self.deliveries.join_next_with_id() => {
                let (id, result) = match delivered {
                    Ok(delivered) => delivered,
                    Err(error) => (error.id(), Err("the delivery panicked".to_owned())),
                };
                let delivery = self.delivering.remove(&id).expect("every delivery has an id");
                Happened::Delivered(delivery, result)
            }
            reply = self.kafka.replied.recv() => Happened::Replied(reply),
            control = self.asked.recv(), if self.stop_at.is_none() => Happened::Asked(control),
            fed = self.kafka.fed.recv() => Happened::Fed(fed),
            () = sleep_until(wakeup.unwrap_or_else(Instant::now)), if wakeup.is_some() => {
                Happened::Woke
            }
        }
    }

    fn take_in(&mut self, happened: Happened) {
        let input = match happened {
            Happened::Fed(Some(Feed::Read { partition, run })) => Input::Read { partition, run },
            Happened::Fed(Some(Feed::Failed(errors))) => Input::ReadFailed(errors),
            Happened::Fed(Some(Feed::Trouble(trouble))) => {
                self.trouble = trouble;
                return;
            }
            Happened::Fed(Some(Feed::Lost(partitions))) => Input::Lost(partitions),
            Happened::Fed(Some(Feed::Assigned(starts))) => Input::Assigned(starts),
            Happened::Fed(Some(Feed::Revoked { partitions, released })) => {
                self.releases.push(released);
                Input::Revoked(partitions)
            }
            Happened::InvocationEnded(batch, ending) => Input::InvocationEnded { batch, ending },
            Happened::Delivered(delivery, result) => Input::Delivered { delivery, result },
            Happened::Replied(Some(Reply::Commit(result))) => Input::CommitEnded(result),
            Happened::Replied(Some(Reply::Progress(partitions))) => {
                return self.answer(partitions);
            }
            Happened::Asked(Some(Control::Progress(asking))) => return self.tell_progress(asking),
            Happened::Asked(Some(Control::Order(Order::Pause))) => Input::Pause,
            Happened::Asked(Some(Control::Order(Order::Resume))) => Input::Resume,
            Happened::Asked(Some(Control::Order(Order::Stop)) | None) => {
                self.stop_at = Some(Instant::now() + STOP_MAX);
                Input::Pause
            }
            // A thread is gone: a bug, but not one to go round in circles about.
            Happened::Fed(None) | Happened::Replied(None) => {
                tracing::error!("The mapping's Kafka threads have ended; the mapping stops");
                self.stop_at = Some(Instant::now());
                return;
            }
            Happened::Woke => {
                self.ask_for_log();
                Input::Tick
            }
        };
        let now = self.started.elapsed();
        self.mapping.set_clock(now, Timestamp::now().as_millisecond());
        for action in self.mapping.handle(now, input) {
            self.act(action);
        }
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::Invoke(batch) => self.invoke(batch),
            Action::Deliver(delivery) => self.deliver(delivery),
            Action::Commit(positions) => self.call(Call::Commit(positions)),
            Action::PausePartition(partition) => {
                self.told("pause a partition", self.with(partition, Consumer::pause));
            }
            Action::ResumePartition(partition) => {
                self.told("resume a partition", self.with(partition, Consumer::resume));
            }
            Action::Released => {
                for release in self.releases.drain(..) {
                    // Who waited may have given up.
                    let _ = release.try_send(());
                }
            }
            Action::Join => {
                self.told("join the group", self.kafka.consumer.subscribe(&[&self.topic]));
            }
            Action::Leave => self.kafka.consumer.unsubscribe(),
            Action::Log(note) => notes::log(&note, &self.log),
        }
    }

    fn invoke(&mut self, batch: Arc<Batch>) {
        let (id, writer, invoke) =
            (batch.id, Arc::clone(&self.kafka.writer), Arc::clone(&self.invoke));
        let function = Arc::clone(&self.function);
        let handle = self.invocations.spawn(async move {
            let slices = batch.slices.iter();
            let payload = writer.write(slices.map(|s| (s.partition, &*s.records)));
            drop(batch);
            ending(invoke.invoke(&function, payload, None).await)
        });
        self.batches.insert(handle.id(), id);
    }

    fn deliver(&mut self, delivery: Arc<Delivery>) {
        let id = delivery.id;
        let destination = self.destination.clone();
        let handle = self.deliveries.spawn(async move {
            match destination {
                Some(destination) => destination.deliver(&delivery).await,
                None => Err("the mapping has no destination".to_owned()),
            }
        });
        self.delivering.insert(handle.id(), id);
    }

    fn call(&self, call: Call) {
        if self.kafka.calls.try_send(call).is_err() {
            tracing::error!("The thread that calls Kafka has ended");
        }
    }

    fn with(
        &self,
        partition: i32,
        tell: impl FnOnce(&Consumer, &TopicPartitionList) -> KafkaResult<()>,
    ) -> KafkaResult<()> {
        let mut list = TopicPartitionList::with_capacity(1);
        list.add_partition(&self.topic, partition);
        tell(&self.kafka.consumer, &list)
    }

    fn told(&self, what: &str, result: KafkaResult<()>) {
        if let Err(error) = result {
            tracing::error!(%error, kafka.topic = self.topic, "Failed to {what}");
        }
    }

    fn tell_progress(&mut self, asking: oneshot::Sender<Option<Vec<PartitionStatus>>>) {
        let fresh = self.progress.known.as_ref().filter(|(at, _)| at.elapsed() < PROGRESS_FRESH);
        if let Some((_, partitions)) = fresh {
            reply(asking, Some(partitions.clone()));
            return;
        }
        self.progress.asking.retain(|asking| !asking.is_closed());
        self.progress.asking.push(asking);
        self.ask();
    }

    fn ask(&mut self) {
        if !self.progress.under_way {
            self.progress.under_way = true;
            self.call(Call::Progress);
        }
    }

    fn ask_for_log(&mut self) {
        if self.log_at.is_some_and(|at| at <= Instant::now()) {
            self.log_at = Some(Instant::now() + LOG_EVERY);
            self.progress.for_log = true;
            self.ask();
        }
    }

    fn log_offsets(&self, partitions: &[PartitionStatus]) {
        for (partition, read_to, next) in self.mapping.offsets() {
            let status = partitions.iter().find(|status| status.partition == partition);
            if let Some(PartitionStatus { committed: Some(committed), end: Some(end), .. }) = status
            {
                let (consumed, processed) = (read_to - 1, next - 1);
                let (end, committed) = (*end, *committed);
                self.log.offsets(partition, Offsets { end, consumed, processed, committed });
            }
        }
    }

    fn answer(&mut self, partitions: Option<Vec<PartitionStatus>>) {
        if std::mem::take(&mut self.progress.for_log) {
            self.log_offsets(partitions.as_deref().unwrap_or_default());
        }
        for asking in self.progress.asking.drain(..) {
            reply(asking, partitions.clone());
        }
        self.progress.under_way = false;
        self.progress.known = partitions.map(|partitions| (Instant::now(), partitions));
    }
}

fn reply(
    asking: oneshot::Sender<Option<Vec<PartitionStatus>>>,
    partitions: Option<Vec<PartitionStatus>>,
) {
    if asking.send(partitions).is_err() {
        tracing::debug!("Who asked for the progress has given up");
    }
}

fn ending(result: Result<Outcome, InvokeError>) -> Ending {
    match result {
        Ok(Outcome::Succeeded(answer)) => Ending::Succeeded(answer),
        Ok(Outcome::FunctionError(document)) => Ending::Failed(excerpt(&document)),
        Err(InvokeError::Throttled { .. }) => Ending::Throttled,
        Err(error @ InvokeError::UnknownFunction { .. }) => Ending::NoFunction(error.to_string()),
        Err(error) => {
            let source = error.source().map(|source| format!(": {source}")).unwrap_or_default();
            Ending::NotInvoked(format!("{error}{source}"))
        }
    }
}

/// The beginning of a function's error document.
fn excerpt(document: &Bytes) -> String {
    String::from_utf8_lossy(document).chars().take(REASON_CHARS_MAX).collect()
}
