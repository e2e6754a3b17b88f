//! What the protocol asks of a table: nine verbs, and what their failures mean.
//! Rules do not live here, only what must be atomic.

use std::ops::RangeInclusive;

use crate::{
    archive::BlockPart,
    chunk::Chunk,
    fence::{Advance, Attempt, Fence},
    keys::PartitionKey,
};

mod dynamodb;
pub mod memory;

pub use dynamodb::DynamoDb;

/// The most effects of one transaction: DynamoDB takes 100 items, two are the fence and the chunk.
pub const EFFECTS_MAX: usize = 98;

/// A table with fences, chunks and archive blocks.
///
/// Every read is consistent: it sees all writes that ended before it began.
pub trait Store: Send + Sync {
    /// A caller's own write that joins a transaction.
    type Effect: Clone + Send + Sync;

    /// Counts an attempt on the fence, unless `last` lies behind it, and reads it, in one write.
    fn begin(
        &self,
        partition: &PartitionKey,
        last: i64,
        now_ms: i64,
    ) -> impl Future<Output = Result<Begun, StoreError>> + Send;

    /// Counts an attempt at an offset behind the fence; takes back the one that `begin` counted.
    fn begin_late(
        &self,
        partition: &PartitionKey,
        offset: i64,
        begun: bool,
    ) -> impl Future<Output = Result<Fence, StoreError>> + Send;

    /// Takes back an attempt that ended for a reason no record is to blame for, if the fence still
    /// stands at `next`.
    fn release(
        &self,
        partition: &PartitionKey,
        attempt: Attempt,
        next: i64,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Reads the fence; `None` before the first attempt.
    fn fence(
        &self,
        partition: &PartitionKey,
    ) -> impl Future<Output = Result<Option<Fence>, StoreError>> + Send;

    /// Up to `limit` chunks whose first offset is in the range; fewer only when there are no more.
    fn chunks(
        &self,
        partition: &PartitionKey,
        first: RangeInclusive<i64>,
        page: Page,
    ) -> impl Future<Output = Result<Vec<Chunk>, StoreError>> + Send;

    /// Writes parts of archive blocks. Writing one again changes nothing but `expires_at`.
    fn put_blocks(
        &self,
        parts: Vec<BlockPart>,
        expires_at: i64,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// All bytes of an archive block; `None` when a part is missing.
    fn block(
        &self,
        name: &crate::BlockName,
    ) -> impl Future<Output = Result<Option<Vec<u8>>, StoreError>> + Send;

    /// Writes effects, chunk and fence, all or none, if the fence still has the expected version.
    fn commit(
        &self,
        partition: &PartitionKey,
        commit: Commit<Self::Effect>,
    ) -> impl Future<Output = Result<(), CommitError>> + Send;
}

/// What [`Store::begin`] found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Begun {
    /// The fence, with the attempt in it where one was counted.
    pub fence: Fence,
    /// Whether the attempt was counted.
    pub counted: bool,
}

/// How a range of chunks is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// From which end.
    pub order: Order,
    /// How many at most.
    pub limit: usize,
}

/// From which end a range is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// From the lowest offset on.
    Ascending,
    /// From the highest offset down.
    Descending,
}

/// One transaction.
#[derive(Clone, Debug)]
pub struct Commit<E> {
    /// The caller's writes, at most [`EFFECTS_MAX`].
    pub effects: Vec<E>,
    /// The chunk to add.
    pub chunk: Chunk,
    /// How the fence moves.
    pub advance: Advance,
}

/// A call that gave no answer that can be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The table did not answer, or refused.
    #[error("failed to {action}")]
    Call {
        /// What was to be done.
        action: &'static str,
        /// What the client says.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// An item is not as this crate writes it.
    #[error("attribute `{attribute}` of item `{item}` is not as expected")]
    Damaged {
        /// The item's keys.
        item: String,
        /// The attribute.
        attribute: &'static str,
    },
}

/// A transaction that is not known to have been applied.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// Another consumer was first, or is at it, or the table is too busy. Nothing was written.
    #[error("another transaction was first")]
    Conflict,
    /// The answer was lost: it may have been written.
    #[error("the transaction's outcome is unknown")]
    Unknown(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The condition of one of the caller's effects does not hold. Nothing was written.
    #[error("the condition of effect {index} does not hold")]
    EffectRefused {
        /// Which effect.
        index: usize,
    },
    /// The table will never take this transaction. Nothing was written.
    #[error("the table refuses the transaction")]
    Rejected(#[source] Box<dyn std::error::Error + Send + Sync>),
}
