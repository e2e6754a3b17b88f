//! What a slice still needs: which records are new, which were done, and how they are cut into
//! transactions. Pure: what the table holds comes in as values.

use crate::{
    chunk::Chunk,
    fence::{Attempt, Fence},
    ledger::Entry,
};

/// The widest chunk, in offsets from its first to its last.
///
/// Whatever covers an offset therefore starts at most this far below it, so that one bounded query
/// finds it, however late chunks interleave.
pub const SPAN_MAX: i64 = 10_000;

/// The most records in one transaction. With every record failed for a reason of the full length
/// and no two offsets adjacent, their chunk still fits an item of 400 KB.
pub const RECORDS_MAX: usize = 1_000;

/// A slice that must not be applied.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// The table knows another record at this offset.
    #[error(
        "the record at offset {offset} is not the one that was applied there: if the topic was recreated, raise its epoch by one"
    )]
    StreamChanged {
        /// The offset.
        offset: i64,
    },
    /// The chunks that would tell whether this record was applied are gone.
    #[error(
        "offset {offset} is older than what is remembered, so it may have been applied: move the mapping forward, replay into a new generation, or raise the topic's epoch by one if it was recreated"
    )]
    TooOld {
        /// The offset.
        offset: i64,
    },
}

/// Records that go into one transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unit {
    /// Their indexes in the slice, ascending, at least one.
    pub(crate) indexes: Vec<usize>,
    /// On which counter attempts at it are counted.
    pub(crate) attempt: Attempt,
}

/// The indexes of the records that no chunk covers. `chunks` are all that may overlap the slice.
pub(crate) fn uncovered(
    fence: &Fence,
    chunks: &[Chunk],
    entries: &[Entry],
) -> Result<Vec<usize>, PlanError> {
    let mut indexes = Vec::new();
    for (index, entry) in entries.iter().enumerate() {
        let known = if entry.offset < fence.next {
            chunks.iter().find_map(|chunk| chunk.checksum(entry.offset))
        } else {
            None
        };
        match known {
            None => indexes.push(index),
            Some(checksum) if checksum == entry.checksum => {}
            Some(_) => return Err(PlanError::StreamChanged { offset: entry.offset }),
        }
    }
    Ok(indexes)
}

/// Cuts records into transactions. One never mixes records before and behind the fence.
pub(crate) fn cut(
    fence: &Fence,
    entries: &[Entry],
    indexes: &[usize],
    records_max: usize,
) -> Vec<Unit> {
    let mut units: Vec<Unit> = Vec::new();
    for &index in indexes {
        let offset = entries[index].offset;
        let late = offset < fence.next;
        let joined = units.last_mut().filter(|unit| {
            let first = entries[unit.indexes[0]].offset;
            matches!(unit.attempt, Attempt::Late(_)) == late
                && unit.indexes.len() < records_max.min(RECORDS_MAX)
                && offset - first < SPAN_MAX
        });
        if let Some(unit) = joined {
            unit.indexes.push(index);
        } else {
            let attempt = if late { Attempt::Late(offset) } else { Attempt::OnTime };
            units.push(Unit { indexes: vec![index], attempt });
        }
    }
    units
}

#[cfg(test)]
mod tests;
