//! Reading everything a consumer did in a partition, from the start or from where one left off.

use event::Stream;

use crate::{
    chunk::Chunk,
    keys::{Consumer, PartitionKey},
    ledger::{Ledger, PAGE_CHUNKS, ReadError},
    plan::SPAN_MAX,
    store::{Order, Page, Store},
};

/// How far a reader has come in a partition. The default is the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Position {
    /// The first offset of the highest chunk seen.
    offset: i64,
    /// The fence's version up to which every chunk was seen.
    version: u64,
}

/// The chunks between two states of the fence, each once.
///
/// Following a consumer means one history after the other, each from the position of the last. A
/// late chunk that lies more than [`SPAN_MAX`] offsets below the position is only seen by a history
/// from the start.
#[derive(Debug)]
pub struct History<'l, S> {
    ledger: &'l Ledger<S>,
    partition: PartitionKey,
    since: Position,
    /// The position after the last page.
    end: Position,
    /// Where the next page starts; `None` after the last.
    cursor: Option<i64>,
}

impl<S: Store> Ledger<S> {
    /// Everything a consumer did in a partition after a position, until now.
    pub async fn history(
        &self,
        consumer: &Consumer,
        stream: &Stream,
        partition: i32,
        since: Position,
    ) -> Result<History<'_, S>, ReadError> {
        let partition = consumer.partition(stream, partition);
        let fence = self.store.fence(&partition).await?;
        let version = fence.map_or(0, |fence| fence.version);
        let cursor = (version > since.version).then_some((since.offset - SPAN_MAX).max(0));
        let end = Position { offset: since.offset, version: version.max(since.version) };
        Ok(History { ledger: self, partition, since, end, cursor })
    }
}

impl<S: Store> History<'_, S> {
    /// The next chunks, in order of their first offsets; `None` when there are no more.
    pub async fn next_page(&mut self) -> Result<Option<Vec<Chunk>>, ReadError> {
        while let Some(low) = self.cursor {
            let page = Page { order: Order::Ascending, limit: PAGE_CHUNKS };
            let mut chunks =
                self.ledger.store.chunks(&self.partition, low..=i64::MAX, page).await?;
            let highest = chunks.last().map(Chunk::first);
            self.cursor = highest.filter(|_| chunks.len() == PAGE_CHUNKS).map(|first| first + 1);
            // A chunk newer than the fence read at the start belongs to the next history.
            chunks.retain(|chunk| {
                self.since.version < chunk.version && chunk.version <= self.end.version
            });
            if let Some(last) = chunks.last() {
                self.end.offset = self.end.offset.max(last.first());
                return Ok(Some(chunks));
            }
        }
        Ok(None)
    }

    /// Where the next history starts, once this one has no more pages.
    pub fn end(&self) -> Position {
        self.end
    }
}
