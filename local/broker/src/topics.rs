//! Topics: which exist, with what configuration, and the logs of their partitions.
//!
//! [`catalogue`] is what everybody reads (a snapshot, replaced whole), [`owner`] the one task that
//! changes it, [`store`] the file it is kept in.

pub(crate) mod catalogue;
pub(crate) mod owner;
mod store;

pub(crate) use catalogue::Topic;
pub(crate) use owner::{TopicsHandle, TopicsStart};
pub use store::StoreError;
pub(crate) use store::TopicStore;
