//! Records, the batches that are invoked with them, and what is sent to the on-failure destination.

use std::sync::Arc;

use bytes::Bytes;

/// A record, already written as the event will carry it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) offset: i64,
    /// When it was written, epoch milliseconds; 0 where nobody knows.
    pub(crate) timestamp_ms: i64,
    pub(crate) json: Bytes,
}

/// What was read of one partition at one go, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) records: Vec<Record>,
    /// How many further records the filters kept back.
    pub(crate) filtered_out: u64,
    /// The offset after the last one read, kept back or not.
    pub(crate) next: i64,
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
    pub(crate) records: Arc<[Record]>,
}

impl Batch {
    pub(crate) fn records(&self) -> usize {
        self.slices.iter().map(|slice| slice.records.len()).sum()
    }

    pub(crate) fn ranges(&self) -> Vec<SliceRange> {
        self.slices.iter().map(|s| SliceRange::of(s.partition, &s.records)).collect()
    }
}

/// The offsets of a slice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SliceRange {
    pub(crate) partition: i32,
    pub(crate) first: i64,
    pub(crate) last: i64,
}

impl SliceRange {
    pub(crate) fn of(partition: i32, records: &[Record]) -> Self {
        let (first, last) = ends(records);
        Self { partition, first, last }
    }
}

/// The first and the last offset of records, of which there is at least one.
pub(crate) fn ends(records: &[Record]) -> (i64, i64) {
    let first = records.first().expect("there is at least one record");
    (first.offset, records.last().expect("there is at least one record").offset)
}

/// Why records are given up, in the words of the document that the destination gets.
///
/// Source: <https://docs.aws.amazon.com/lambda/latest/dg/kafka-on-failure.html>
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Condition {
    /// `MaximumRetryAttempts` are used up.
    RetriesExhausted,
    /// Older than `MaximumRecordAgeInSeconds`.
    TooOld,
    /// No event can hold it.
    TooLarge,
}

/// Names one delivery of a mapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct DeliveryId(pub(crate) u64);

/// Records of one partition on their way to the on-failure destination.
#[derive(Clone, Debug)]
pub(crate) struct Delivery {
    pub(crate) id: DeliveryId,
    pub(crate) partition: i32,
    pub(crate) epoch: u64,
    pub(crate) records: Arc<[Record]>,
    pub(crate) condition: Condition,
    /// How often they were invoked and failed.
    pub(crate) attempts: u32,
    /// Whether the function failed as a whole, rather than naming these records.
    pub(crate) function_error: bool,
}
