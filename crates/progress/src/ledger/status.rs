//! What became of one record: the answer for whoever holds a receipt.

use event::{Coordinates, Stream};

use crate::{
    archive::{self, ArchiveError, ArchivedRecord},
    chunk::{Chunk, Fate},
    fence::Fence,
    keys::{Consumer, PartitionKey},
    ledger::Ledger,
    plan::SPAN_MAX,
    store::{Order, Page, Store, StoreError},
};

/// How many chunks the first look takes. The newest at or below an offset nearly always covers it;
/// two more pass over late ones.
const LOOK_CHUNKS: usize = 3;

/// What became of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// Not processed yet.
    Pending,
    /// Its effects are in the table.
    Processed {
        /// Since when, in milliseconds since 1970.
        at_ms: i64,
    },
    /// It cannot be processed.
    Failed {
        /// Why.
        reason: String,
        /// Since when, in milliseconds since 1970.
        at_ms: i64,
    },
    /// It needed nothing done.
    Skipped {
        /// Since when, in milliseconds since 1970.
        at_ms: i64,
    },
    /// It was reached so long ago that nothing is remembered, or it lies before the consumer's start.
    Expired,
}

/// A question the table could not answer.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The table could not be asked.
    #[error("failed to read the table")]
    Store(#[from] StoreError),
    /// An archive block cannot be read.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// A chunk names a block that is not there.
    #[error("archive block `{block}` is missing")]
    BlockMissing {
        /// The block's name.
        block: String,
    },
}

impl<S: Store> Ledger<S> {
    /// What became of a record: one read for a processed one, two for a pending one.
    pub async fn status(
        &self,
        consumer: &Consumer,
        stream: &Stream,
        place: Coordinates,
    ) -> Result<Status, ReadError> {
        let partition = consumer.partition(stream, place.partition());
        let offset = place.offset();
        let mut top = offset;
        let mut limit = LOOK_CHUNKS;
        loop {
            let page = Page { order: Order::Descending, limit };
            let range = (offset - SPAN_MAX + 1).max(0)..=top;
            let chunks = self.store.chunks(&partition, range, page).await?;
            if let Some(status) = chunks.iter().find_map(|chunk| status_in(chunk, offset)) {
                return Ok(status);
            }
            // Asked after the chunks: what the fence has passed in between may be missing above.
            if top == offset && !self.passed(&partition, offset).await? {
                return Ok(Status::Pending);
            }
            match chunks.last() {
                Some(lowest) if chunks.len() == limit => top = lowest.first() - 1,
                _ => break,
            }
            limit = super::PAGE_CHUNKS;
        }
        let remembered = self.remembers(&partition, offset).await?;
        Ok(if remembered { Status::Pending } else { Status::Expired })
    }

    /// How far a consumer is in a partition; `None` before its first attempt.
    pub async fn fence(
        &self,
        consumer: &Consumer,
        stream: &Stream,
        partition: i32,
    ) -> Result<Option<Fence>, ReadError> {
        Ok(self.store.fence(&consumer.partition(stream, partition)).await?)
    }

    /// The archived bodies of a chunk, in order of offset.
    pub async fn bodies(&self, chunk: &Chunk) -> Result<Vec<ArchivedRecord>, ReadError> {
        let mut records = Vec::new();
        for name in &chunk.blocks {
            let Some(bytes) = self.store.block(name).await? else {
                return Err(ReadError::BlockMissing { block: name.to_string() });
            };
            records.extend(archive::decode(&name.id, &bytes)?);
        }
        Ok(records)
    }

    async fn passed(&self, partition: &PartitionKey, offset: i64) -> Result<bool, StoreError> {
        let fence = self.store.fence(partition).await?;
        Ok(fence.is_some_and(|fence| offset < fence.next))
    }
}

fn status_in(chunk: &Chunk, offset: i64) -> Option<Status> {
    let at_ms = chunk.applied_at_ms;
    chunk.fate(offset).map(|fate| match fate {
        Fate::Applied => Status::Processed { at_ms },
        Fate::Failed(reason) => Status::Failed { reason: reason.to_owned(), at_ms },
        Fate::Skipped => Status::Skipped { at_ms },
    })
}
