//! The task that owns the running parts: answers the control endpoint, and stops the parts in
//! order.

use std::future::Future;
use std::time::Duration;

use broker::Broker;
use futures_util::future::join_all;
use gateway::Gateway;
use host::Host;
use poller::{MappingState, Poller};
use table::Table;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::Addresses;
use crate::control::{Control, Request};
use crate::log_files::LogWriter;
use crate::status::{FunctionStatus, MappingDetail, Mappings, PartitionStatus, Status};

/// How long one part may take to stop. The gateway waits for answers, the pollers for the batch
/// under way, the host for its functions: each bounds itself below this.
const PART_TIMEOUT: Duration = Duration::from_secs(40);

/// The running parts of a stack.
#[derive(Debug)]
pub(super) struct Parts {
    pub(super) gateway: Gateway,
    pub(super) mappings: Vec<RunningMapping>,
    pub(super) host: Option<Host>,
    pub(super) broker: Option<Broker>,
    pub(super) table: Table,
    pub(super) logs: LogWriter,
    pub(super) control: Control,
}

/// A mapping's poller with what tells it apart.
#[derive(Debug)]
pub(super) struct RunningMapping {
    pub(super) id: String,
    pub(super) function: String,
    pub(super) topic: String,
    pub(super) poller: Poller,
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
    let Owned { parts, addresses, mut requests, stop: _ } = owned;
    let serving = async {
        while let Some(request) = requests.recv().await {
            parts.answer(&addresses, request).await;
        }
    };
    closing.run_until_cancelled(serving).await;
    drop(requests);
    parts.shutdown().await;
}

impl Parts {
    /// Answers one request. A caller that no longer waits is no concern of ours.
    async fn answer(&self, addresses: &Addresses, request: Request) {
        match request {
            Request::Status(reply) => {
                reply.send(self.status(addresses).await).ok();
            }
            Request::Mappings(reply) => {
                reply.send(self.mappings().await).ok();
            }
            Request::Pause(id, reply) => {
                let mapping = self.mappings.iter().find(|mapping| mapping.id == id);
                if let Some(mapping) = mapping {
                    mapping.poller.pause().await;
                }
                reply.send(mapping.is_some()).ok();
            }
            Request::Resume(id, reply) => {
                let mapping = self.mappings.iter().find(|mapping| mapping.id == id);
                if let Some(mapping) = mapping {
                    mapping.poller.resume().await;
                }
                reply.send(mapping.is_some()).ok();
            }
            Request::KillEnvironment(function, reply) => {
                let killed = match &self.host {
                    Some(host) => host.kill_environment(&function).await,
                    None => None,
                };
                reply.send(killed).ok();
            }
        }
    }

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
            functions: functions.collect(),
            mappings: self.mappings().await.mappings.into_iter().map(Into::into).collect(),
        }
    }

    async fn mappings(&self) -> Mappings {
        Mappings { mappings: join_all(self.mappings.iter().map(RunningMapping::detail)).await }
    }

    async fn shutdown(self) {
        let Self { gateway, mappings, host, broker, table, logs, control } = self;
        bounded("the HTTP API", gateway.shutdown()).await;
        let pollers = mappings.into_iter().map(|mapping| mapping.poller.shutdown());
        bounded("the mappings", join_all(pollers)).await;
        if let Some(host) = host {
            bounded("the functions", host.shutdown()).await;
        }
        if let Some(broker) = broker {
            bounded("Kafka", broker.shutdown()).await;
        }
        bounded("DynamoDB", table.shutdown()).await;
        bounded("the control endpoint", control.shutdown()).await;
        bounded("the log files", logs.finish()).await;
    }
}

impl RunningMapping {
    async fn detail(&self) -> MappingDetail {
        let status = self.poller.status().await;
        let partitions = status.partitions.into_iter().map(|partition| PartitionStatus {
            partition: partition.partition,
            committed: partition.committed,
            end: partition.end,
        });
        MappingDetail {
            id: self.id.clone(),
            function: self.function.clone(),
            topic: self.topic.clone(),
            state: state_name(status.state).to_owned(),
            lag: status.lag,
            partitions: partitions.collect(),
        }
    }
}

fn state_name(state: MappingState) -> &'static str {
    match state {
        MappingState::Enabled => "Enabled",
        MappingState::Disabling => "Disabling",
        MappingState::Disabled => "Disabled",
        MappingState::Stopped => "Stopped",
    }
}

/// Waits for one part to stop, not for ever.
async fn bounded<T>(part: &str, stopping: impl Future<Output = T>) {
    if tokio::time::timeout(PART_TIMEOUT, stopping).await.is_err() {
        tracing::warn!(part, timeout_s = PART_TIMEOUT.as_secs(), "a part did not stop in time");
    }
}
