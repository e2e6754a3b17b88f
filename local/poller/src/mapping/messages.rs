//! What goes into the state machine and what comes out of it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::mapping::BackOff;

/// The next offset to process, by partition.
pub(crate) type Offsets = BTreeMap<i32, i64>;

/// A record, already written as the event will carry it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) offset: i64,
    pub(crate) json: Bytes,
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
    pub(crate) back_off: BackOff,
    pub(crate) buffer: BufferLimits,
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
    Assigned(Vec<(i32, i64)>),
    /// The group takes these partitions back as soon as [`Action::Released`] says so.
    Revoked(Vec<i32>),
    /// Records of one partition, in order.
    Records { partition: i32, records: Vec<Record> },
    /// An invocation ended.
    InvocationEnded { batch: BatchId, ending: Ending },
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
    Succeeded,
    /// The function failed, crashed or ran out of time.
    Failed(String),
    /// Too many invocations are under way.
    Throttled,
    /// The function was not reached for another reason.
    NotInvoked(String),
}

/// Something to do.
#[derive(Debug)]
pub(crate) enum Action {
    Invoke(Arc<Batch>),
    /// Commit these offsets and report [`Input::CommitEnded`]; there is never more than one.
    Commit(Offsets),
    PausePartition(i32),
    ResumePartition(i32),
    /// Nothing of the partitions revoked last will be committed any more: let them go.
    Released,
    Join,
    Leave,
    Log(Note),
}

/// Names one invocation of a mapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct BatchId(pub(crate) u64);

/// The records of one invocation.
#[derive(Clone, Debug)]
pub(crate) struct Batch {
    pub(crate) id: BatchId,
    /// One or more partitions' parts, in order of partition.
    pub(crate) slices: Vec<Slice>,
}

/// One partition's part of a batch; never empty.
#[derive(Clone, Debug)]
pub(crate) struct Slice {
    pub(crate) partition: i32,
    /// Which assignment of the partition it was cut from.
    pub(crate) epoch: u64,
    pub(crate) records: Vec<Record>,
}

impl Slice {
    fn range(&self) -> SliceRange {
        let first = self.records.first().expect("a slice is never empty").offset;
        SliceRange { partition: self.partition, first, last: self.last() }
    }

    pub(crate) fn last(&self) -> i64 {
        self.records.last().expect("a slice is never empty").offset
    }
}

/// The offsets of a slice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SliceRange {
    pub(crate) partition: i32,
    pub(crate) first: i64,
    pub(crate) last: i64,
}

/// Something a person may want to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Note {
    /// A record that no event can hold is passed over.
    RecordTooLarge { partition: i32, offset: i64, size_bytes: usize },
    /// The function failed; the same records go again, each partition's by themselves.
    InvocationFailed { ranges: Vec<SliceRange>, failures: u32, retry_in: Duration, reason: String },
    /// The function was not reached; the same batch goes again.
    NotInvoked { ranges: Vec<SliceRange>, retry_in: Duration, reason: String },
    /// A commit failed, for the nth time in a row.
    CommitFailed { failures: u32, reason: String },
}

impl Note {
    /// The note of a failure, unless none of its partitions is owned any more.
    pub(crate) fn failed(
        slices: &[Slice],
        failures: u32,
        retry_in: Duration,
        reason: String,
    ) -> Option<Action> {
        let ranges: Vec<_> = slices.iter().map(Slice::range).collect();
        (!ranges.is_empty()).then_some(Action::Log(Self::InvocationFailed {
            ranges,
            failures,
            retry_in,
            reason,
        }))
    }

    /// The note of a refusal, unless none of its partitions is owned any more.
    pub(crate) fn not_invoked(
        slices: &[Slice],
        retry_in: Duration,
        reason: String,
    ) -> Option<Action> {
        let ranges: Vec<_> = slices.iter().map(Slice::range).collect();
        (!ranges.is_empty()).then_some(Action::Log(Self::NotInvoked { ranges, retry_in, reason }))
    }
}
