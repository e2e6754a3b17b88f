//! One member of a group: what it offered when it joined, what it waits for, when it counts as dead.

use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

/// Names a request that waits for its answer; the owner of the state machine hands them out.
pub(crate) type Ticket = u64;

/// What a `JoinGroup` request says about the member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Profile {
    pub(crate) client_id: String,
    pub(crate) client_host: String,
    pub(crate) session_timeout: Duration,
    pub(crate) rebalance_timeout: Duration,
    pub(crate) protocol_type: String,
    /// Assignors in the member's order of preference, each with its metadata.
    pub(crate) protocols: Vec<(String, Bytes)>,
}

/// A member the group has taken in.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    pub(crate) profile: Profile,
    /// What the leader assigned to it in this generation.
    pub(crate) assignment: Bytes,
    /// Its `JoinGroup` request, while the rebalance is under way.
    pub(crate) joining: Option<Ticket>,
    /// Its `SyncGroup` request, while the leader has not assigned.
    pub(crate) syncing: Option<Ticket>,
    /// When it counts as dead unless it is heard of.
    pub(crate) expires: Instant,
}

impl Member {
    pub(crate) fn new(profile: Profile, now: Instant) -> Self {
        let expires = now + profile.session_timeout;
        Self { profile, assignment: Bytes::new(), joining: None, syncing: None, expires }
    }

    /// Notes a sign of life.
    pub(crate) fn touch(&mut self, now: Instant) {
        self.expires = now + self.profile.session_timeout;
    }

    /// A member whose request the group itself keeps waiting cannot be heard of, and is alive.
    pub(crate) fn is_waiting(&self) -> bool {
        self.joining.is_some() || self.syncing.is_some()
    }

    /// The metadata it sent for `protocol`.
    pub(crate) fn metadata(&self, protocol: &str) -> Bytes {
        let offered = self.profile.protocols.iter().find(|(name, _)| name == protocol);
        offered.map_or_else(Bytes::new, |(_, metadata)| metadata.clone())
    }

    pub(crate) fn supports(&self, protocol: &str) -> bool {
        self.profile.protocols.iter().any(|(name, _)| name == protocol)
    }
}
