//! One partition's log: segment files, their indexes, recovery, and the state of its producers.
//!
//! Only [`owner`] knows about tasks; everything below it is plain, synchronous code. Who appends
//! asks the owner; who reads takes a [`view`] and asks nobody.

pub(crate) mod disk;
mod index;
pub(crate) mod owner;
mod partition;
mod producers;
mod records;
mod recovery;
mod recovery_point;
mod segment;
pub(crate) mod settings;
mod view;

pub(crate) use disk::Storage;
pub(crate) use owner::{LogHandle, LogOwners};
pub(crate) use partition::{Appended, PartitionLog};
pub(crate) use records::Stamp;
pub(crate) use view::{Ends, Found, LocatedBatches, LogView, unreadable};
