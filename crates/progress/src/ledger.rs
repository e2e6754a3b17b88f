//! The protocol's face: apply a slice, ask for a status, read what was done.

use std::{borrow::Cow, time::Duration};

use crate::{
    archive::Kept,
    edge::Edge,
    keys::PartitionKey,
    plan::PlanError,
    store::{Order, Page, Store, StoreError},
};

mod apply;
mod history;
mod settle;
mod status;

pub use history::{History, Position};
pub use status::{ReadError, Status};

/// How many chunks are read at once when walking.
const PAGE_CHUNKS: usize = 16;

/// How many pages a walk over late chunks may take before it gives up. Late chunks are rare, so a
/// walk that long means that something else is wrong.
const WALK_PAGES_MAX: usize = 64;

/// A chunk counts as forgotten this long before it expires, so that one is never relied on while it
/// is being removed, whatever the clocks of two environments say.
const EXPIRY_MARGIN_S: i64 = 3_600;

/// What was done to the records of consumers, kept in a [`Store`].
#[derive(Debug)]
pub struct Ledger<S> {
    store: S,
    edge: Edge,
    policy: Policy,
}

/// What a consumer decides about its progress.
#[derive(Clone, Copy, Debug)]
pub struct Policy {
    /// How long chunks and bodies are kept. Longer than the topic keeps its records.
    pub keep: Duration,
    /// Attempts at one record before it is given up; at least 2, because the first may have been
    /// that of a whole slice.
    pub attempts_max: u32,
    /// The most records in one transaction: fewer than [`crate::RECORDS_MAX`] where each has
    /// effects, so that those stay within [`crate::store::EFFECTS_MAX`].
    pub records_max: usize,
}

/// Thirty days, three attempts, and as many records as a transaction takes.
impl Default for Policy {
    fn default() -> Self {
        let keep = Duration::from_hours(30 * 24);
        Self { keep, attempts_max: 3, records_max: crate::RECORDS_MAX }
    }
}

/// A record, as far as the protocol looks at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The record's offset.
    pub offset: i64,
    /// Its [`crate::checksum()`].
    pub checksum: u32,
}

/// What a consumer does with records: the part that is its own.
pub trait Process<E>: Sync {
    /// Why records could not be judged now. They are tried again.
    type Failure: std::error::Error + Send + 'static;

    /// Judges the records with these indexes in the slice, and does what must be done before their
    /// transaction. May be called again for the same records: when another consumer was first, and
    /// after a crash.
    fn process(
        &self,
        indexes: &[usize],
    ) -> impl Future<Output = Result<Judged<'_, E>, Self::Failure>> + Send;

    /// Takes leave of a record that was tried too often. It will be failed for this reason.
    fn give_up(
        &self,
        index: usize,
        reason: &str,
    ) -> impl Future<Output = Result<(), Self::Failure>> + Send;
}

/// The judgement on the records of one transaction.
#[derive(Clone, Debug)]
pub struct Judged<'a, E> {
    /// One for each record, in order.
    pub verdicts: Vec<Verdict<'a>>,
    /// The writes that shall happen together with it.
    pub effects: Vec<E>,
}

/// The judgement on one record.
#[derive(Clone, Debug)]
pub enum Verdict<'a> {
    /// Its effects are those given; its body is archived if there is one to keep.
    Applied(Option<Kept<'a>>),
    /// It can never be applied, for this reason (cut at 256 bytes).
    Failed(Cow<'a, str>),
    /// It needs nothing done.
    Skipped,
}

/// How many records of a slice ended in which way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Applied now.
    pub applied: usize,
    /// Failed now.
    pub failed: usize,
    /// Skipped now.
    pub skipped: usize,
    /// Done before.
    pub already: usize,
}

/// How a slice ended.
#[derive(Debug)]
pub struct Report<F> {
    /// The records that are done.
    pub counts: Counts,
    /// Where and why it stopped before its end.
    pub stop: Option<Stop<F>>,
}

/// An end before the end of the slice.
#[derive(Debug)]
pub struct Stop<F> {
    /// The first record that is not done. Every earlier one is.
    pub offset: i64,
    /// Why.
    pub error: ApplyError<F>,
}

/// Why a slice was not applied to its end. All of it may be delivered again.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError<F> {
    /// The slice must not be applied.
    #[error(transparent)]
    Plan(PlanError),
    /// The consumer could not judge the records now.
    #[error("failed to process the records")]
    Process(#[source] F),
    /// The table could not be asked.
    #[error("failed to reach the table")]
    Store(#[source] StoreError),
    /// The transaction was refused.
    #[error("failed to commit")]
    Commit(#[source] crate::store::CommitError),
    /// The consumer gave more effects than a transaction takes.
    #[error("{count} effects do not fit one transaction")]
    TooManyEffects {
        /// How many it gave.
        count: usize,
    },
    /// Other consumers were always first.
    #[error("another consumer was first {tries} times in a row")]
    Contended {
        /// How often.
        tries: u32,
    },
    /// The invocation's time is nearly over.
    #[error("there is no time left for the rest of the slice")]
    OutOfTime,
}

impl<S: Store> Ledger<S> {
    /// A ledger of one consumer's making.
    pub fn new(store: S, policy: Policy, edge: Edge) -> Self {
        Self { store, edge, policy }
    }

    /// The store underneath.
    pub fn store(&self) -> &S {
        &self.store
    }

    /// Whether a record at an offset that no chunk covers is certain not to have been applied.
    ///
    /// Chunks written on time expire in the order of their offsets, and a late one not before any
    /// that was there when it was written. So if the nearest on-time chunk at or below the offset is
    /// still remembered, everything that could cover the offset is, too.
    async fn remembers(&self, partition: &PartitionKey, offset: i64) -> Result<bool, StoreError> {
        let live_after_s = self.edge.now_ms() / 1_000 + EXPIRY_MARGIN_S;
        let mut top = offset;
        for _ in 0..WALK_PAGES_MAX {
            let page = Page { order: Order::Descending, limit: PAGE_CHUNKS };
            let chunks = self.store.chunks(partition, 0..=top, page).await?;
            if let Some(on_time) = chunks.iter().find(|chunk| !chunk.late) {
                return Ok(on_time.expires_at > live_after_s);
            }
            match chunks.last() {
                Some(lowest) if chunks.len() == PAGE_CHUNKS => top = lowest.first() - 1,
                _ => return Ok(false),
            }
        }
        Ok(false)
    }
}
