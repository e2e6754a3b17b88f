//! The commands, one file each.

pub(crate) mod drill;
pub(crate) mod events;
pub(crate) mod ledger;
pub(crate) mod replay;
pub(crate) mod stock;
