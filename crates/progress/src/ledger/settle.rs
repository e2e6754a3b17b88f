//! What the records of one transaction leave behind: their chunk, their archive, the figures. Pure.

use std::collections::BTreeMap;

use crate::{
    archive::{self, BlockPart, Kept},
    chunk::Chunk,
    keys::PartitionKey,
    ledger::{Counts, Entry, Verdict},
};

/// The longest reason kept, in bytes.
const REASON_BYTES_MAX: usize = 256;

/// What a chunk says beside what became of its records.
pub(super) struct Terms<'t> {
    pub(super) partition: &'t PartitionKey,
    pub(super) now_ms: i64,
    pub(super) late: bool,
    pub(super) version: u64,
    pub(super) expires_at: i64,
}

/// What is to be written, and what it counts for.
pub(super) struct Settled {
    pub(super) chunk: Chunk,
    pub(super) parts: Vec<BlockPart>,
    pub(super) counts: Counts,
}

/// Turns the verdicts on some records into what is kept of them.
pub(super) fn settle(terms: &Terms<'_>, entries: &[Entry], verdicts: &[Verdict<'_>]) -> Settled {
    let (mut failed, mut skipped) = (BTreeMap::new(), Vec::new());
    let mut kept: Vec<(i64, &Kept<'_>)> = Vec::new();
    for (entry, verdict) in entries.iter().zip(verdicts) {
        match verdict {
            Verdict::Applied(Some(body)) => kept.push((entry.offset, body)),
            Verdict::Applied(None) => {}
            Verdict::Failed(reason) => drop(failed.insert(entry.offset, shorten(reason))),
            Verdict::Skipped => skipped.push(entry.offset),
        }
    }
    let counts = Counts {
        applied: verdicts.len() - failed.len() - skipped.len(),
        failed: failed.len(),
        skipped: skipped.len(),
        already: 0,
    };
    let (blocks, parts) = archive::encode(terms.partition, &kept);
    let chunk = Chunk {
        offsets: entries.iter().map(|entry| entry.offset).collect(),
        checksums: entries.iter().map(|entry| entry.checksum).collect(),
        failed,
        skipped: skipped.into_iter().collect(),
        applied_at_ms: terms.now_ms,
        blocks,
        late: terms.late,
        version: terms.version,
        expires_at: terms.expires_at,
    };
    Settled { chunk, parts, counts }
}

/// Cuts a reason at the limit, between characters.
fn shorten(reason: &str) -> String {
    reason[..reason.floor_char_boundary(REASON_BYTES_MAX)].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_reason_is_cut_between_characters() {
        assert_eq!(shorten("short"), "short");
        let long = "é".repeat(200);
        assert_eq!(shorten(&long), "é".repeat(128));
        let odd = format!("x{long}");
        assert_eq!(shorten(&odd).len(), 255);
    }
}
