//! A table in memory that keeps the same rules: for tests of whoever uses this crate.

use std::{
    collections::BTreeMap,
    ops::RangeInclusive,
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::{
    archive::{BlockName, BlockPart},
    chunk::Chunk,
    fence::{Attempt, Fence},
    keys::PartitionKey,
    store::{Begun, Commit, CommitError, Order, Page, Store, StoreError},
};

/// Fences, chunks, blocks, and how often each effect was applied. An effect is a name.
#[derive(Debug, Default)]
pub struct MemoryStore {
    table: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    fences: BTreeMap<PartitionKey, Fence>,
    chunks: BTreeMap<(PartitionKey, i64), Chunk>,
    blocks: BTreeMap<(String, usize), Vec<u8>>,
    effects: BTreeMap<String, u32>,
}

impl MemoryStore {
    /// How often each effect was applied.
    pub fn effects(&self) -> BTreeMap<String, u32> {
        self.table().effects.clone()
    }

    /// Removes chunks that have expired, as DynamoDB's time to live does.
    pub fn expire(&self, now_s: i64) {
        self.table().chunks.retain(|_, chunk| chunk.expires_at > now_s);
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn commit(
        &mut self,
        partition: &PartitionKey,
        commit: Commit<String>,
    ) -> Result<(), CommitError> {
        let version = self.fences.get(partition).map_or(0, |fence| fence.version);
        let key = (partition.clone(), commit.chunk.first());
        if version != commit.advance.version || self.chunks.contains_key(&key) {
            return Err(CommitError::Conflict);
        }
        let fence = self.fences.entry(partition.clone()).or_default();
        fence.advance(&commit.advance, commit.chunk.expires_at);
        self.chunks.insert(key, commit.chunk);
        for effect in commit.effects {
            *self.effects.entry(effect).or_default() += 1;
        }
        Ok(())
    }
}

impl Store for MemoryStore {
    type Effect = String;

    async fn begin(
        &self,
        partition: &PartitionKey,
        last: i64,
        _now_ms: i64,
    ) -> Result<Begun, StoreError> {
        let mut table = self.table();
        let fence = table.fences.entry(partition.clone()).or_default();
        let counted = fence.next <= last;
        fence.attempts += u32::from(counted);
        Ok(Begun { fence: fence.clone(), counted })
    }

    async fn begin_late(
        &self,
        partition: &PartitionKey,
        offset: i64,
        begun: bool,
    ) -> Result<Fence, StoreError> {
        let mut table = self.table();
        let fence = table.fences.entry(partition.clone()).or_default();
        fence.attempts = fence.attempts.saturating_sub(u32::from(begun));
        *fence.late_attempts.entry(offset).or_default() += 1;
        Ok(fence.clone())
    }

    async fn release(
        &self,
        partition: &PartitionKey,
        attempt: Attempt,
        next: i64,
    ) -> Result<(), StoreError> {
        let mut table = self.table();
        let Some(fence) = table.fences.get_mut(partition) else { return Ok(()) };
        let count = match attempt {
            Attempt::OnTime if fence.next == next => Some(&mut fence.attempts),
            Attempt::OnTime => None,
            Attempt::Late(offset) => fence.late_attempts.get_mut(&offset),
        };
        if let Some(count) = count {
            *count = count.saturating_sub(1);
        }
        Ok(())
    }

    async fn fence(&self, partition: &PartitionKey) -> Result<Option<Fence>, StoreError> {
        Ok(self.table().fences.get(partition).cloned())
    }

    async fn chunks(
        &self,
        partition: &PartitionKey,
        first: RangeInclusive<i64>,
        page: Page,
    ) -> Result<Vec<Chunk>, StoreError> {
        if first.is_empty() {
            return Ok(Vec::new());
        }
        let table = self.table();
        let (low, high) = first.into_inner();
        let found = table.chunks.range((partition.clone(), low)..=(partition.clone(), high));
        let found = found.map(|(_, chunk)| chunk.clone());
        Ok(match page.order {
            Order::Ascending => found.take(page.limit).collect(),
            Order::Descending => found.rev().take(page.limit).collect(),
        })
    }

    async fn put_blocks(&self, parts: Vec<BlockPart>, _expires_at: i64) -> Result<(), StoreError> {
        let mut table = self.table();
        for part in parts {
            table.blocks.insert((part.id, part.part), part.bytes);
        }
        Ok(())
    }

    async fn block(&self, name: &BlockName) -> Result<Option<Vec<u8>>, StoreError> {
        let table = self.table();
        Ok((0..name.parts)
            .map(|part| table.blocks.get(&(name.id.clone(), part)).cloned())
            .try_fold(Vec::new(), |mut bytes, part| {
                bytes.extend(part?);
                Some(bytes)
            }))
    }

    async fn commit(
        &self,
        partition: &PartitionKey,
        commit: Commit<String>,
    ) -> Result<(), CommitError> {
        self.table().commit(partition, commit)
    }
}
