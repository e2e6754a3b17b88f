//! The task that owns the running parts: answers the control endpoint, and stops the parts in
//! order.

use std::future::Future;
use std::time::Duration;

use broker::Faults;
use futures_util::future::join_all;
use gateway::Gateway;
use host::Host;
use table::Table;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::Addresses;
use super::front::Front;
use super::kafka::Kafka;
use super::mappings::{RunningMapping, StatusHandle};
use super::poller_process::{Launch, ProcessHandle};
use crate::control::{Control, Refusal, Request};
use crate::log_files::LogWriter;
use crate::status::{FunctionStatus, Mappings, Status};

/// How long one part may take to stop. The gateway waits for answers, the pollers for the batch
/// under way, the host for its functions: each bounds itself below this.
const PART_TIMEOUT: Duration = Duration::from_secs(40);

/// The running parts of a stack.
#[derive(Debug)]
pub(super) struct Parts {
    pub(super) gateway: Gateway,
    pub(super) mappings: Vec<RunningMapping>,
    pub(super) host: Option<Host>,
    /// Where the gateway and the host run.
    pub(super) front: Front,
    pub(super) kafka: Kafka,
    /// How a poller gets a process of its own; `None` where this program cannot be one.
    pub(super) launch: Option<Launch>,
    pub(super) table: Table,
    pub(super) logs: LogWriter,
    pub(super) control: Control,
}

/// What the owner's task is given.
#[derive(Debug)]
pub(super) struct Owned {
    pub(super) parts: Parts,
    pub(super) addresses: Addresses,
    pub(super) requests: mpsc::Receiver<Request>,
    /// Cancelled by the control endpoint.
    pub(super) stop: CancellationToken,
}

/// A handle of the owner's task.
#[derive(Debug)]
pub(super) struct Owner {
    stop: CancellationToken,
    closing: CancellationToken,
    task: TaskTracker,
}

impl Owner {
    pub(super) fn start(owned: Owned) -> Self {
        let stop = owned.stop.clone();
        let owner = Self { stop, closing: CancellationToken::new(), task: TaskTracker::new() };
        owner.task.spawn(run(owned, owner.closing.clone()));
        owner.task.close();
        owner
    }

    pub(super) async fn stop_requested(&self) {
        self.stop.cancelled().await;
    }

    pub(super) async fn shutdown(self) {
        self.closing.cancel();
        self.task.wait().await;
    }
}

async fn run(owned: Owned, closing: CancellationToken) {
    let Owned { mut parts, addresses, mut requests, stop: _ } = owned;
    let answers = TaskTracker::new();
    let serving = async {
        loop {
            let back_at = parts.kafka.back_at();
            tokio::select! {
                request = requests.recv() => match request {
                    Some(request) => parts.answer(&addresses, request, &answers).await,
                    None => return,
                },
                () = sleep_until(back_at.unwrap_or_else(Instant::now)), if back_at.is_some() => {
                    parts.kafka.come_back().await;
                }
            }
        }
    };
    closing.run_until_cancelled(serving).await;
    drop(requests);
    parts.shutdown().await;
}

impl Parts {
    /// Answers one request. A caller that no longer waits is no concern of ours.
    ///
    /// What waits for a Kafka that is away, or for a poller's process, is answered by a task among
    /// `answers`.
    async fn answer(&mut self, addresses: &Addresses, request: Request, answers: &TaskTracker) {
        match request {
            Request::Status(reply) => {
                let (mut status, mappings) = (self.status(addresses).await, self.handles());
                answers.spawn(async move {
                    let mappings = join_all(mappings.into_iter().map(StatusHandle::detail)).await;
                    status.mappings = mappings.into_iter().map(Into::into).collect();
                    reply.send(status).ok();
                });
            }
            Request::Mappings(reply) => {
                let mappings = self.handles();
                answers.spawn(async move {
                    let mappings = join_all(mappings.into_iter().map(StatusHandle::detail)).await;
                    reply.send(Mappings { mappings }).ok();
                });
            }
            Request::Pause(id, reply) => {
                let mapping = self.mapping(&id);
                let found = mapping.is_some();
                if let Some(mapping) = mapping {
                    mapping.pause().await;
                }
                reply.send(found).ok();
            }
            Request::Resume(id, reply) => {
                let mapping = self.mapping(&id);
                let found = mapping.is_some();
                if let Some(mapping) = mapping {
                    mapping.resume().await;
                }
                reply.send(found).ok();
            }
            Request::KillEnvironment(function, reply) => {
                let killed = match &self.host {
                    Some(host) => host.kill_environment(&function).await,
                    None => None,
                };
                reply.send(killed).ok();
            }
            Request::MoveApart(id, reply) => {
                let process = self.move_apart(&id);
                answers.spawn(async move { reply.send(ready(process).await).ok() });
            }
            Request::KillPoller(id, reply) => {
                let process = self.move_apart(&id);
                answers.spawn(async move { reply.send(kill(process).await).ok() });
            }
            Request::StopKafka(down, reply) => {
                reply.send(self.stop_kafka(down).await).ok();
            }
            Request::StartKafka(reply) => {
                reply.send(self.start_kafka().await).ok();
            }
            Request::BreakKafka(rule, reply) => {
                reply.send(self.kafka.break_with(rule)).ok();
            }
            Request::KafkaFaults(reply) => {
                reply.send(self.kafka.faults().map(Faults::active)).ok();
            }
            Request::MendKafka(id, reply) => {
                reply.send(self.kafka.mend(id)).ok();
            }
            Request::SlowTable { delay, lasting, reply } => {
                self.table.slow_down(delay, lasting);
                reply.send(()).ok();
            }
        }
    }

    fn mapping(&mut self, id: &str) -> Option<&mut RunningMapping> {
        self.mappings.iter_mut().find(|mapping| mapping.name.id == id)
    }

    fn handles(&self) -> Vec<StatusHandle> {
        self.mappings.iter().map(RunningMapping::status).collect()
    }

    fn move_apart(&mut self, id: &str) -> Result<ProcessHandle, Refusal> {
        let launch = self.launch.clone().ok_or(Refusal::NoProcess)?;
        let mapping = self.mapping(id).ok_or(Refusal::NoMapping)?;
        Ok(mapping.move_apart(&launch))
    }

    async fn stop_kafka(&mut self, down: Duration) -> Result<(), Refusal> {
        match &mut self.kafka {
            Kafka::Elsewhere => Err(Refusal::KafkaElsewhere),
            Kafka::Embedded(embedded) => {
                embedded.stop_for(down).await;
                Ok(())
            }
        }
    }

    async fn start_kafka(&mut self) -> Result<(), Refusal> {
        if matches!(self.kafka, Kafka::Elsewhere) {
            return Err(Refusal::KafkaElsewhere);
        }
        if self.kafka.come_back().await { Ok(()) } else { Err(Refusal::KafkaStays) }
    }

    /// Without the mappings.
    async fn status(&self, addresses: &Addresses) -> Status {
        let functions = match &self.host {
            Some(host) => host.status().await,
            None => Vec::new(),
        };
        let functions = functions.into_iter().map(|function| FunctionStatus {
            name: function.name,
            environments: function.environments,
            in_flight: function.in_flight,
        });
        Status {
            gateway: addresses.gateway.clone(),
            lambda: addresses.lambda.clone(),
            kafka: addresses.kafka.clone(),
            table: addresses.table.clone(),
            control: addresses.control.clone(),
            kafka_embedded: matches!(self.kafka, Kafka::Embedded(_)),
            functions: functions.collect(),
            mappings: Vec::new(),
        }
    }

    async fn shutdown(self) {
        let Self { gateway, mappings, host, front, kafka, launch: _, table, logs, control } = self;
        bounded("the HTTP API", gateway.shutdown()).await;
        let pollers = mappings.into_iter().map(RunningMapping::shutdown);
        bounded("the mappings", join_all(pollers)).await;
        if let Some(host) = host {
            bounded("the functions", host.shutdown()).await;
        }
        drop(front);
        bounded("Kafka", kafka.shutdown()).await;
        bounded("DynamoDB", table.shutdown()).await;
        bounded("the control endpoint", control.shutdown()).await;
        bounded("the log files", logs.finish()).await;
    }
}

async fn ready(process: Result<ProcessHandle, Refusal>) -> Result<u32, Refusal> {
    process?.ready().await.ok_or(Refusal::NoPoller)
}

async fn kill(process: Result<ProcessHandle, Refusal>) -> Result<u32, Refusal> {
    process?.kill().await.ok_or(Refusal::NoPoller)
}

/// Waits for one part to stop, not for ever.
async fn bounded<T>(part: &str, stopping: impl Future<Output = T>) {
    if tokio::time::timeout(PART_TIMEOUT, stopping).await.is_err() {
        tracing::warn!(part, timeout_s = PART_TIMEOUT.as_secs(), "a part did not stop in time");
    }
}
