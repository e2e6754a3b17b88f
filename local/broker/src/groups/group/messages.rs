//! What a group is told and what it says: inputs, answers, and the limits it keeps.

use std::time::Duration;

use bytes::Bytes;
use kafka_protocol::error::ResponseError;

use crate::groups::member::{Profile, Ticket};

/// Limits and timing that all groups share.
#[derive(Clone, Copy, Debug)]
pub(crate) struct GroupRules {
    /// `group.min.session.timeout.ms`.
    pub(crate) session_timeout_min: Duration,
    /// `group.max.session.timeout.ms`.
    pub(crate) session_timeout_max: Duration,
    /// `group.initial.rebalance.delay.ms`: how long the first member waits for others.
    pub(crate) initial_rebalance_delay: Duration,
    /// `group.max.size`.
    pub(crate) members_max: usize,
}

/// Something that happened to a group.
#[derive(Clone, Debug)]
pub(crate) enum Input {
    /// A `JoinGroup` request.
    Join {
        ticket: Ticket,
        /// Empty for a member that has none yet.
        member_id: String,
        /// The id that a new member gets: chance is the caller's.
        fresh_id: String,
        /// Since `JoinGroup` v4 a new member is first told its id (KIP-394).
        id_first: IdFirst,
        profile: Profile,
    },
    /// A `SyncGroup` request; only the leader's carries assignments.
    Sync { ticket: Ticket, member: Claim, assignments: Vec<(String, Bytes)> },
    /// A Heartbeat request.
    Heartbeat { ticket: Ticket, member: Claim },
    /// A `LeaveGroup` request for one member.
    Leave { ticket: Ticket, member_id: String },
    /// An `OffsetCommit` request asks whether it may.
    Commit { ticket: Ticket, member: Claim },
    /// Time passed.
    Tick,
}

/// Whether a new member must first come back with the id it is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IdFirst {
    Required,
    NotRequired,
}

/// Who a request says it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Claim {
    pub(crate) member_id: String,
    /// -1 for a commit from outside any generation.
    pub(crate) generation: i32,
    /// Protocol type and name, where a `SyncGroup` names them.
    pub(crate) protocol_type: Option<String>,
    pub(crate) protocol: Option<String>,
}

/// An answer to give.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    Joined {
        ticket: Ticket,
        result: Result<Joined, ResponseError>,
        member_id: String,
    },
    Synced {
        ticket: Ticket,
        result: Result<Synced, ResponseError>,
    },
    /// To Heartbeat, Leave and Commit.
    Done {
        ticket: Ticket,
        result: Result<(), ResponseError>,
    },
}

/// What a member learns when a generation begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Joined {
    pub(crate) generation: i32,
    pub(crate) protocol_type: String,
    pub(crate) protocol: String,
    pub(crate) leader: String,
    /// Everybody with their metadata for the leader, nobody for the others.
    pub(crate) members: Vec<(String, Bytes)>,
}

/// What a member learns when the leader has assigned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Synced {
    pub(crate) protocol_type: String,
    pub(crate) protocol: String,
    pub(crate) assignment: Bytes,
}
