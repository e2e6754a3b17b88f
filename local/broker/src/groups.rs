//! Consumer groups of the classic protocol: who is a member, which generation, what was committed.
//!
//! [`group`] holds the rules as a state machine without I/O, [`offsets`] the durable commits, and
//! [`owner`] the one task that drives both. The new group protocol (KIP-848) would be a second
//! state machine beside [`group`].

pub(crate) mod group;
pub(crate) mod handle;
mod member;
pub(crate) mod offsets;
pub(crate) mod offsets_file;
mod owner;
mod roster;

pub(crate) use handle::GroupsHandle;
