//! The protocol's face: apply a slice, ask for a status, read what was done.

use std::{borrow::Cow, time::Duration};

use tokio::time::Instant;

use crate::{
    archive::Kept,
    edge::Edge,
    plan::PlanError,
    store::{Store, StoreError},
};

mod apply;
mod history;
mod recall;
mod settle;
mod status;

pub use history::{History, Position};
pub use status::{ReadError, Status};

/// How many chunks are read at once when walking.
const PAGE_CHUNKS: usize = 16;

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
    /// How long other consumers may take to show that the attempts counted are theirs, before a
    /// record is given up. Many times what a transaction takes.
    pub give_up_wait: Duration,
    /// The most records in one transaction, at most [`crate::RECORDS_MAX`].
    pub records_max: usize,
}

/// Thirty days, three attempts, two seconds, and as many records as a transaction takes.
impl Default for Policy {
    fn default() -> Self {
        let keep = Duration::from_hours(30 * 24);
        let give_up_wait = Duration::from_secs(2);
        Self { keep, attempts_max: 3, give_up_wait, records_max: crate::RECORDS_MAX }
    }
}

/// Until when a slice is worked on.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// No transaction is begun after this.
    pub last_start: Instant,
    /// Nothing is waited for after this, but for a moment in which the attempt is taken back.
    pub last_wait: Instant,
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

    /// Learns that the last judgement is in the table. `is_own` is false where the answer to the
    /// transaction was lost: another consumer's may look the same. Not called where another consumer was
    /// first.
    fn committed(&self, _is_own: bool) {}

    /// The most records of the slice that one transaction takes, where their effects allow fewer than
    /// [`Policy::records_max`]; at least 1.
    fn records_max(&self) -> usize {
        usize::MAX
    }

    /// Takes leave of a record that was tried too often. It will be failed for this reason, together
    /// with the writes returned.
    fn give_up(
        &self,
        index: usize,
        reason: &str,
    ) -> impl Future<Output = Result<Vec<E>, Self::Failure>> + Send;
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
}
