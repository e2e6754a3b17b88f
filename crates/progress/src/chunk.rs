//! The chunk: what one transaction left behind about its records.

use std::collections::BTreeMap;

use crate::{archive::BlockName, offsets::Offsets};

/// What was done to a run of records of one partition in one transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// The offsets covered, at least one.
    pub offsets: Offsets,
    /// The checksum of each, in order of offset.
    pub checksums: Vec<u32>,
    /// Why records failed, by offset.
    pub failed: BTreeMap<i64, String>,
    /// The records that needed nothing done, such as tombstones.
    pub skipped: Offsets,
    /// When, in milliseconds since 1970.
    pub applied_at_ms: i64,
    /// Where the bodies are.
    pub blocks: Vec<BlockName>,
    /// Whether all of it lay behind the fence already.
    pub late: bool,
    /// The fence's version that the transaction made: unique within the partition.
    pub version: u64,
    /// When the chunk may be forgotten, in seconds since 1970.
    pub expires_at: i64,
}

/// What became of one record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate<'c> {
    /// Its effects are in the table.
    Applied,
    /// It has none, for this reason.
    Failed(&'c str),
    /// It needed none.
    Skipped,
}

impl Chunk {
    /// The lowest offset covered.
    pub fn first(&self) -> i64 {
        self.offsets.first().expect("a chunk covers at least one offset")
    }

    /// What became of the record at an offset; `None` when the chunk does not cover it.
    pub fn fate(&self, offset: i64) -> Option<Fate<'_>> {
        if !self.offsets.contains(offset) {
            None
        } else if let Some(reason) = self.failed.get(&offset) {
            Some(Fate::Failed(reason))
        } else if self.skipped.contains(offset) {
            Some(Fate::Skipped)
        } else {
            Some(Fate::Applied)
        }
    }

    /// The checksum kept for an offset.
    pub(crate) fn checksum(&self, offset: i64) -> Option<u32> {
        self.offsets.rank(offset).and_then(|rank| self.checksums.get(rank)).copied()
    }
}
