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
    /// finished before.
    pub(super) fn move_apart(&mut self, launch: &Launch) -> ProcessHandle {
        let before = match self.seat.take() {
            Some(Seat::Apart(process)) => {
                let handle = process.handle();
                self.seat = Some(Seat::Apart(process));
                return handle;
            }
            Some(Seat::Inside(poller)) => Some(poller),
            None => None,
        };
        let (launch, name) = (launch.clone(), self.name.clone());
        let process = PollerProcess::start(launch, name, self.enabled, before);
        let handle = process.handle();
        self.seat = Some(Seat::Apart(process));
        handle
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
    detail(name, MappingStatus::unknown(state))
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
    MappingDetail {
        id,
        function,
        topic,
        state,
        state_transition_reason: status.state_transition_reason.to_owned(),
        last_processing_result: status.last_processing_result.to_owned(),
        pollers: status.pollers,
        lag: status.lag,
        partitions: partitions.collect(),
        counts: status.counts,
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
