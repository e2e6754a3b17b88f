//! Asking a running mapping from another task, without keeping it running.

use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::timeout;

use super::STATUS_MAX;
use super::owner::Control;
use crate::mapping::Counts;
use crate::status::{MappingState, MappingStatus};

/// Asks a mapping and pauses it; does not keep it running.
#[derive(Clone, Debug)]
pub struct PollerHandle {
    pub(super) controls: mpsc::WeakSender<Control>,
    /// Known without asking Kafka.
    pub(super) state: watch::Receiver<MappingState>,
}

impl PollerHandle {
    /// The mapping's state and how far it is behind, as Kafka says; at most a second old.
    pub async fn status(&self) -> MappingStatus {
        let (answer, answered) = oneshot::channel();
        self.control(Control::Status(answer)).await;
        match timeout(STATUS_MAX, answered).await {
            Ok(Ok(status)) => status,
            Ok(Err(_stopped)) => MappingStatus::unknown(MappingState::Stopped, Counts::default()),
            Err(_elapsed) => MappingStatus::unknown(*self.state.borrow(), Counts::default()),
        }
    }

    /// Stops reading (`Enabled: false`): what is under way ends and is committed, then the group
    /// is left. Returns before that; [`Self::status`] says `Disabled` when it is done.
    pub async fn pause(&self) {
        self.control(Control::Pause).await;
    }

    /// Reads again, from the committed offsets.
    pub async fn resume(&self) {
        self.control(Control::Resume).await;
    }

    async fn control(&self, control: Control) {
        let sent = match self.controls.upgrade() {
            Some(controls) => controls.send(control).await.is_ok(),
            None => false,
        };
        if !sent {
            tracing::debug!("The mapping has stopped already");
        }
    }
}
