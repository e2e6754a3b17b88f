//! The stack's mappings: each polls in this process until it is moved to one of its own, where its
//! poller can be killed as a crash would.

use poller::{MappingState, MappingStatus, Poller, PollerHandle};

use super::poller_process::{Launch, PollerProcess, ProcessHandle};
use crate::status::{MappingDetail, PartitionStatus};

/// A mapping with what tells it apart.
#[derive(Debug)]
pub(super) struct RunningMapping {
    pub(super) name: MappingName,
    /// Where it polls; `None` only while it moves.
    pub(super) seat: Option<Seat>,
    /// Whether it polls at all: it may be paused.
    pub(super) enabled: bool,
}

/// What does not change about a mapping.
#[derive(Clone, Debug)]
pub(crate) struct MappingName {
    pub(crate) id: String,
    pub(crate) function: String,
    pub(crate) topic: String,
}

/// Where a mapping polls.
#[derive(Debug)]
pub(super) enum Seat {
    /// In this process.
    Inside(Poller),
    /// In a process of its own.
    Apart(PollerProcess),
}

/// Asks a mapping for its status from another task.
#[derive(Debug)]
pub(super) enum StatusHandle {
    Inside(MappingName, PollerHandle),
    Apart(MappingName, ProcessHandle),
    Gone(MappingName),
}

impl RunningMapping {
    pub(super) async fn pause(&mut self) {
        self.enabled = false;
        match &self.seat {
            Some(Seat::Inside(poller)) => poller.pause().await,
            Some(Seat::Apart(process)) => process.enable(false),
            None => {}
        }
    }

    pub(super) async fn resume(&mut self) {
        self.enabled = true;
        match &self.seat {
            Some(Seat::Inside(poller)) => poller.resume().await,
            Some(Seat::Apart(process)) => process.enable(true),
            None => {}
        }
    }

    /// Moves the mapping to a process of its own, if it is not there yet: what is under way is
    /// finished before. Returns the process, once it polls.
    pub(super) async fn move_apart(&mut self, launch: &Launch) -> Option<u32> {
        if let Some(Seat::Inside(_)) = self.seat
            && let Some(Seat::Inside(poller)) = self.seat.take()
        {
            poller.shutdown().await;
            let process = PollerProcess::start(launch.clone(), self.name.clone(), self.enabled);
            self.seat = Some(Seat::Apart(process));
        }
        match &mut self.seat {
            Some(Seat::Apart(process)) => process.ready().await,
            Some(Seat::Inside(_)) | None => None,
        }
    }

    /// Kills the mapping's poller, which was moved apart before; another one starts at once. Returns
    /// the process that died.
    pub(super) async fn kill(&mut self) -> Option<u32> {
        match &mut self.seat {
            Some(Seat::Apart(process)) => process.kill().await,
            Some(Seat::Inside(_)) | None => None,
        }
    }

    pub(super) fn status(&self) -> StatusHandle {
        let name = self.name.clone();
        match &self.seat {
            Some(Seat::Inside(poller)) => StatusHandle::Inside(name, poller.handle()),
            Some(Seat::Apart(process)) => StatusHandle::Apart(name, process.handle()),
            None => StatusHandle::Gone(name),
        }
    }

    pub(super) async fn shutdown(self) {
        match self.seat {
            Some(Seat::Inside(poller)) => poller.shutdown().await,
            Some(Seat::Apart(process)) => process.shutdown().await,
            None => {}
        }
    }
}

impl StatusHandle {
    pub(super) async fn detail(self) -> MappingDetail {
        match self {
            Self::Inside(name, poller) => detail(name, poller.status().await),
            Self::Apart(name, process) => match process.status().await {
                Some(detail) => detail,
                // It is starting, or was killed just now.
                None => unknown(name, MappingState::Enabled),
            },
            Self::Gone(name) => unknown(name, MappingState::Stopped),
        }
    }
}

fn unknown(name: MappingName, state: MappingState) -> MappingDetail {
    detail(name, MappingStatus { state, lag: None, partitions: Vec::new() })
}

/// A mapping's status as it is told outside.
pub(crate) fn detail(name: MappingName, status: MappingStatus) -> MappingDetail {
    let partitions = status.partitions.into_iter().map(|partition| PartitionStatus {
        partition: partition.partition,
        committed: partition.committed,
        end: partition.end,
    });
    let MappingName { id, function, topic } = name;
    let state = state_name(status.state).to_owned();
    MappingDetail { id, function, topic, state, lag: status.lag, partitions: partitions.collect() }
}

fn state_name(state: MappingState) -> &'static str {
    match state {
        MappingState::Enabled => "Enabled",
        MappingState::Disabling => "Disabling",
        MappingState::Disabled => "Disabled",
        MappingState::Stopped => "Stopped",
    }
}
