//! What goes into the state machine and what comes out of it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::mapping::batch::{Batch, BatchId, Delivery, DeliveryId, Run};
use crate::mapping::notes::Note;
use crate::mapping::policy::Policy;

/// What may be committed of one partition.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Position {
    /// The next offset to process.
    pub(crate) next: i64,
    /// What is remembered of records that are being tried, for whoever reads the partition next:
    /// the commit's metadata.
    pub(crate) memory: String,
}

/// Positions by partition.
pub(crate) type Positions = BTreeMap<i32, Position>;

/// Where a partition starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Start {
    pub(crate) partition: i32,
    pub(crate) position: Position,
}

/// How a mapping cuts batches, retries and buffers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    /// The most records of a batch.
    pub(crate) batch_size: usize,
    /// How long records wait for company.
    pub(crate) window: Duration,
    /// The most bytes of an event.
    pub(crate) payload_bytes_max: usize,
    pub(crate) policy: Policy,
    pub(crate) buffer: BufferLimits,
    /// What AWS allows one poller, where it is asked for.
    pub(crate) limits: Option<Limits>,
    /// The time of day at this mapping's time zero, epoch milliseconds.
    pub(crate) started_ms: i64,
}

/// What one poller may do.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Invocations under way.
    pub(crate) invocations_max: usize,
    /// Bytes of records invoked.
    pub(crate) bytes_per_s: u32,
}

/// How much may be buffered: at the upper bound a partition's fetching pauses, at half of it it
/// resumes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BufferLimits {
    /// Bytes of all partitions together.
    pub(crate) bytes_max: usize,
    /// What each partition may have however many share `bytes_max`.
    pub(crate) partition_bytes_min: usize,
    /// Records of one partition.
    pub(crate) partition_records_max: usize,
}

impl BufferLimits {
    /// One partition's bounds in bytes and records when `partitions` share the buffer, so that a
    /// partition that cannot go on fills its own share and nobody else's.
    pub(crate) fn share(&self, partitions: usize) -> (usize, usize) {
        let bytes = (self.bytes_max / partitions.max(1)).max(self.partition_bytes_min);
        (bytes, self.partition_records_max)
    }
}

/// Something that happened.
#[derive(Debug)]
pub(crate) enum Input {
    /// The group gave us these partitions; records will come from these offsets on.
    Assigned(Vec<Start>),
    /// The group takes these partitions back as soon as [`Action::Released`] says so.
    Revoked(Vec<i32>),
    /// The group has taken these partitions back without waiting any longer.
    Lost(Vec<i32>),
    /// What was read of one partition.
    Read { partition: i32, run: Run },
    /// Kafka answered with so many errors in place of records.
    ReadFailed(u64),
    /// An invocation ended.
    InvocationEnded { batch: BatchId, ending: Ending },
    /// Records were delivered to the on-failure destination, or the text says why not.
    Delivered { delivery: DeliveryId, result: Result<(), String> },
    /// The commit under way ended; the text says why it failed.
    CommitEnded(Result<(), String>),
    /// Stop: finish what is under way, then leave the group.
    Pause,
    /// Join the group (again).
    Resume,
    /// Time has passed.
    Tick,
}

/// How an invocation ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// The function answered this.
    Succeeded(Bytes),
    /// The function failed, crashed or ran out of time.
    Failed(String),
    /// Too many invocations are under way.
    Throttled,
    /// There is no such function.
    NoFunction(String),
    /// The function was not reached for another reason.
    NotInvoked(String),
}

/// Something to do.
#[derive(Debug)]
pub(crate) enum Action {
    Invoke(Arc<Batch>),
    /// Send these records to the on-failure destination and report [`Input::Delivered`].
    Deliver(Arc<Delivery>),
    /// Commit these positions and report [`Input::CommitEnded`]; there is never more than one.
    Commit(Positions),
    PausePartition(i32),
    ResumePartition(i32),
    /// Nothing of the partitions revoked last will be committed any more: let them go.
    Released,
    Join,
    Leave,
    Log(Note),
}
