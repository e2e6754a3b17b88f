//! One partition's log: segment files, their index, recovery, and the state of its producers.
//!
//! Only [`owner`] knows about tasks; everything below it is plain, synchronous code.

pub(crate) mod owner;
mod partition;
mod producers;
mod records;
mod segment;
pub(crate) mod settings;

pub(crate) use owner::{LogHandle, OwnerContext};
pub(crate) use partition::{Appended, Ends, Found, LocatedBatches, PartitionLog};
pub(crate) use records::Stamp;
