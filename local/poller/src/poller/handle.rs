//! Asking a running mapping from another task, without keeping it running.

use tokio::sync::{mpsc, watch};

use super::Order;
use super::fleet::Members;
use crate::status::MappingStatus;

/// Asks a mapping and pauses it; does not keep it running.
#[derive(Clone, Debug)]
pub struct PollerHandle {
    pub(super) orders: mpsc::WeakSender<Order>,
    pub(super) members: watch::Receiver<Members>,
}

impl PollerHandle {
    /// The mapping's state and how far it is behind, as Kafka says; at most a second old.
    pub async fn status(&self) -> MappingStatus {
        let members = self.members.borrow().clone();
        let partitions = members.progress().await;
        // They may be others by now.
        let members = self.members.borrow().clone();
        let stopped = self.members.has_changed().is_err();
        members.status(stopped, partitions)
    }

    /// Stops reading (`Enabled: false`): what is under way ends and is committed, then the group
    /// is left. Returns before that; [`Self::status`] says `Disabled` when it is done.
    pub async fn pause(&self) {
        self.tell(Order::Pause).await;
    }

    /// Reads again, from the committed offsets.
    pub async fn resume(&self) {
        self.tell(Order::Resume).await;
    }

    async fn tell(&self, order: Order) {
        let sent = match self.orders.upgrade() {
            Some(orders) => orders.send(order).await.is_ok(),
            None => false,
        };
        if !sent {
            tracing::debug!("The mapping has stopped already");
        }
    }
}
