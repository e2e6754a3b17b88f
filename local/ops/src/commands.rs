//! The commands, one file each.

pub(crate) mod events;
pub(crate) mod ledger;
