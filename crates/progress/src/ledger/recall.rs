//! What the table still knows of offsets behind the fence. Only reads.

use crate::{
    chunk::Chunk,
    keys::PartitionKey,
    ledger::{Entry, Ledger, PAGE_CHUNKS},
    plan::SPAN_MAX,
    store::{Order, Page, Store, StoreError},
};

/// How many pages a walk over late chunks may take before it gives up. Late chunks are rare, so a
/// walk that long means that something else is wrong.
const WALK_PAGES_MAX: usize = 64;

/// A chunk counts as forgotten this long before it expires, so that one is never relied on while it
/// is being removed, whatever the clocks of two environments say.
const EXPIRY_MARGIN_S: i64 = 3_600;

impl<S: Store> Ledger<S> {
    /// The chunks that cover these entries; where some are not covered, all that might.
    pub(super) async fn overlapping(
        &self,
        partition: &PartitionKey,
        entries: &[Entry],
    ) -> Result<Vec<Chunk>, StoreError> {
        let (Some(first), Some(last)) = (entries.first(), entries.last()) else {
            return Ok(Vec::new());
        };
        let low = (first.offset - SPAN_MAX).max(0);
        let mut high = last.offset;
        let mut chunks: Vec<Chunk> = Vec::new();
        let covered = |chunks: &[Chunk], entry: &Entry| {
            chunks.iter().any(|chunk| chunk.offsets.contains(entry.offset))
        };
        while low <= high && !entries.iter().all(|entry| covered(&chunks, entry)) {
            let page = Page { order: Order::Descending, limit: PAGE_CHUNKS };
            let mut found = self.store.chunks(partition, low..=high, page).await?;
            high = match found.last() {
                Some(lowest) if found.len() == PAGE_CHUNKS => lowest.first() - 1,
                _ => low - 1,
            };
            chunks.append(&mut found);
        }
        Ok(chunks)
    }

    /// Whether a record at an offset that no chunk covers is certain not to have been applied.
    ///
    /// Chunks written on time expire in the order of their offsets, and a late one not before any
    /// that was there when it was written. So if the nearest on-time chunk at or below the offset is
    /// still remembered, everything that could cover the offset is, too.
    pub(super) async fn remembers(
        &self,
        partition: &PartitionKey,
        offset: i64,
    ) -> Result<bool, StoreError> {
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
