//! The pollers of a mapping: starts one, and more or fewer as the lag asks for. It decides nothing
//! about records, and how many there should be it asks [`Scaling`].

use std::sync::Arc;
use std::time::Duration;

use invoke::Invoke;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};

use super::member::{Member, Shared};
use super::owner::Control;
use super::{Order, PollerStartError};
use crate::config::MappingConfig;
use crate::destination::Deliverer;
use crate::scaling::{Sample, Scaling};
use crate::status::{Done, MappingStatus, PartitionStatus, Seen};
use crate::system_log::SystemLog;

/// How often the lag is looked at, where there may be more pollers than one. AWS does not say for
/// provisioned pollers; on demand it is a minute.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// How soon it is looked at again while Kafka does not say how far the group is, as at the start.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// How long a question for the progress waits for Kafka: three questions and a commit before them.
const PROGRESS_MAX: Duration = Duration::from_secs(10);

/// The pollers, as they are known outside.
#[derive(Clone, Debug, Default)]
pub(super) struct Members {
    /// Who is asked how far the group is.
    first: Option<mpsc::WeakSender<Control>>,
    working: Vec<watch::Receiver<Seen>>,
    leaving: Vec<watch::Receiver<Seen>>,
    /// What those have done that are gone.
    gone: Done,
}

/// The task that keeps as many pollers as there should be.
pub(super) struct Fleet {
    shared: Shared,
    working: Vec<Member>,
    /// Pollers that stop.
    stopping: JoinSet<()>,
    scaling: Scaling,
    looking: JoinSet<Option<Sample>>,
    look_at: Instant,
    started: Instant,
    next_number: u32,
    ordered: mpsc::Receiver<Order>,
    members: watch::Sender<Members>,
}

impl Fleet {
    /// Starts the first poller.
    pub(super) fn start(
        config: MappingConfig,
        invoke: Arc<dyn Invoke>,
        ordered: mpsc::Receiver<Order>,
    ) -> Result<Self, PollerStartError> {
        let destination = Deliverer::new(&config).map_err(|source| {
            PollerStartError::Destination { topic: config.topic.clone(), source }
        })?;
        let scaling = Scaling::new(config.pollers, config.batch_size);
        let log = SystemLog::open(&config)
            .map_err(|source| PollerStartError::Log { topic: config.topic.clone(), source })?;
        let shared = Shared { config, invoke, destination: destination.map(Arc::new), log };
        let first = Member::start(shared.clone(), 0)?;
        let (members, _) = watch::channel(Members::default());
        let fleet = Self {
            shared,
            working: vec![first],
            stopping: JoinSet::new(),
            scaling,
            looking: JoinSet::new(),
            look_at: Instant::now() + LOOK_AGAIN,
            started: Instant::now(),
            next_number: 1,
            ordered,
            members,
        };
        fleet.publish();
        Ok(fleet)
    }

    pub(super) fn watch(&self) -> watch::Receiver<Members> {
        self.members.subscribe()
    }

    /// Runs until stopped and every poller is out of the group, or has taken too long for it.
    pub(super) async fn run(mut self) {
        loop {
            let looks =
                self.shared.config.enabled && self.scaling.may_change() && self.looking.is_empty();
            tokio::select! {
                order = self.ordered.recv() => match order {
                    Some(Order::Stop) | None => break,
                    Some(order) => self.tell(order).await,
                },
                Some(sample) = self.looking.join_next() => {
                    let sample = sample.ok().flatten();
                    let next = if sample.is_some() { LOOK_EVERY } else { LOOK_AGAIN };
                    self.look_at = Instant::now() + next;
                    if let Some(sample) = sample {
                        self.scale(sample);
                    }
                }
                Some(_stopped) = self.stopping.join_next() => self.publish(),
                () = sleep_until(self.look_at), if looks => {
                    let members = self.members.borrow().clone();
                    self.looking.spawn(async move { Sample::of(&members.progress().await?) });
                }
            }
        }
        for member in self.working.drain(..) {
            self.stopping.spawn(member.shutdown());
        }
        while self.stopping.join_next().await.is_some() {}
    }

    async fn tell(&mut self, order: Order) {
        self.shared.config.enabled = matches!(order, Order::Resume);
        for member in &self.working {
            member.tell(order).await;
        }
    }

    fn scale(&mut self, sample: Sample) {
        let wanted = self.scaling.handle(self.started.elapsed(), sample);
        let before = self.working.len();
        while self.working.len() < wanted {
            match Member::start(self.shared.clone(), self.next_number) {
                Ok(member) => self.working.push(member),
                Err(error) => {
                    tracing::error!(%error, "A further poller does not start");
                    break;
                }
            }
            self.next_number += 1;
        }
        while self.working.len() > wanted.max(1) {
            let Some(member) = self.working.pop() else { break };
            self.stopping.spawn(member.shutdown());
        }
        if self.working.len() != before {
            let (pollers, lag) = (self.working.len(), sample.lag);
            tracing::info!(pollers, before, lag, "The mapping has another number of pollers");
            self.publish();
        }
    }

    /// Tells who the pollers are; those that have ended count for what they counted.
    fn publish(&self) {
        let working: Vec<_> = self.working.iter().map(Member::seen).collect();
        let first = self.working.first().map(Member::controls);
        self.members.send_modify(|members| {
            let before = std::mem::replace(&mut members.working, working);
            members.first = first;
            let left = |seen: &watch::Receiver<Seen>| {
                !members.working.iter().any(|other| other.same_channel(seen))
            };
            members.leaving.extend(before.into_iter().filter(left));
            members.leaving.retain(|seen| {
                let ended = seen.has_changed().is_err();
                if ended {
                    let done = seen.borrow().done;
                    members.gone.add(done);
                }
                !ended
            });
        });
    }
}

impl Members {
    /// How far the group is; `None` while Kafka cannot say.
    pub(super) async fn progress(&self) -> Option<Vec<PartitionStatus>> {
        let (asking, answered) = oneshot::channel();
        self.first.as_ref()?.upgrade()?.send(Control::Progress(asking)).await.ok()?;
        timeout(PROGRESS_MAX, answered).await.ok()?.ok()?
    }

    /// The mapping as a whole.
    pub(super) fn status(
        &self,
        stopped: bool,
        partitions: Option<Vec<PartitionStatus>>,
    ) -> MappingStatus {
        let mut before = self.gone;
        for seen in &self.leaving {
            before.add(seen.borrow().done);
        }
        let working: Vec<Seen> = self.working.iter().map(|seen| *seen.borrow()).collect();
        let status = MappingStatus::of(&working, before);
        match partitions {
            _ if stopped => status.stopped(),
            Some(partitions) => status.with(partitions),
            None => status,
        }
    }
}
