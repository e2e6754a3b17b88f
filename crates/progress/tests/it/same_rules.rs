//! The table in memory and DynamoDB keep the same rules: random calls to both, answers compared.

use aws_sdk_dynamodb::types::TransactWriteItem;
use progress::{
    Advance, Attempt, BlockName, BlockPart, Chunk, Offsets,
    store::{Commit, CommitError, DynamoDb, Order, Page, Store, memory::MemoryStore},
};

use test_table::TestTable;

use crate::support::partition;

const SEEDS: u64 = 12;
const CALLS: u32 = 60;

/// Both tables and the dice.
struct Pair {
    memory: MemoryStore,
    dynamodb: DynamoDb,
    dice: fastrand::Rng,
    /// Shown when an assertion fails.
    place: String,
}

impl Pair {
    async fn step(&mut self) {
        let (at, offset) = (partition(), self.dice.i64(0..12));
        match self.dice.u32(0..7) {
            0 | 1 => {
                let ours = self.memory.begin(&at, offset, 1).await.unwrap();
                assert_eq!(
                    self.dynamodb.begin(&at, offset, 1).await.unwrap(),
                    ours,
                    "{}",
                    self.place
                );
            }
            2 => {
                let begun = self.memory.fence(&at).await.unwrap().is_some_and(|f| f.attempts > 0);
                let ours = self.memory.begin_late(&at, offset, begun).await.unwrap();
                assert_eq!(
                    self.dynamodb.begin_late(&at, offset, begun).await.unwrap(),
                    ours,
                    "{}",
                    self.place
                );
            }
            3 => {
                let attempt = self.attempt(offset);
                self.memory.release(&at, attempt, offset).await.unwrap();
                self.dynamodb.release(&at, attempt, offset).await.unwrap();
            }
            4 => {
                let order = if offset % 2 == 0 { Order::Ascending } else { Order::Descending };
                let page = Page { order, limit: self.dice.usize(1..4) };
                let range = offset..=self.dice.i64(0..12);
                let ours = self.memory.chunks(&at, range.clone(), page).await.unwrap();
                assert_eq!(
                    self.dynamodb.chunks(&at, range, page).await.unwrap(),
                    ours,
                    "{}",
                    self.place
                );
            }
            _ => self.commit(offset).await,
        }
        let ours = self.memory.fence(&at).await.unwrap();
        assert_eq!(self.dynamodb.fence(&at).await.unwrap(), ours, "{}", self.place);
    }

    fn attempt(&mut self, offset: i64) -> Attempt {
        if self.dice.bool() { Attempt::OnTime } else { Attempt::Late(offset) }
    }

    async fn commit(&mut self, offset: i64) {
        let at = partition();
        let fence = self.memory.fence(&at).await.unwrap().unwrap_or_default();
        let stale = u64::from(self.dice.u32(0..5) == 0);
        let done = self.attempt(offset);
        let then = match (done, self.dice.u32(0..3)) {
            (_, 0) => None,
            (Attempt::Late(_), 1) => Some(Attempt::Late(offset + 1)),
            _ => Some(Attempt::OnTime),
        };
        let version = fence.version + stale;
        let next = fence.next.max(offset + 1);
        let advance = Advance { version, next, done, then, now_ms: 5 };
        let chunk = chunk(offset, version + 1);
        let ours = self.memory.commit(
            &at,
            Commit { effects: Vec::new(), chunk: chunk.clone(), advance: advance.clone() },
        );
        let ours = ours.await;
        let commit: Commit<TransactWriteItem> = Commit { effects: Vec::new(), chunk, advance };
        let theirs = self.dynamodb.commit(&at, commit).await;
        match (&ours, &theirs) {
            (Ok(()), Ok(())) | (Err(CommitError::Conflict), Err(CommitError::Conflict)) => {}
            _ => panic!("{}: {ours:?} beside {theirs:?}", self.place),
        }
    }
}

fn chunk(offset: i64, version: u64) -> Chunk {
    let offsets: Offsets = [offset, offset + 2].into_iter().collect();
    Chunk {
        checksums: vec![7, u32::MAX],
        failed: [(offset, "why".to_owned())].into(),
        skipped: [offset + 2].into_iter().collect(),
        applied_at_ms: 1,
        blocks: vec![BlockName { id: "ab".into(), parts: 2 }],
        late: offset % 2 == 0,
        version,
        expires_at: offset,
        offsets,
    }
}

#[tokio::test]
async fn random_calls_have_the_same_answers() {
    for seed in 0..SEEDS {
        let table = TestTable::start().await;
        let dice = fastrand::Rng::with_seed(seed);
        let mut pair = Pair {
            memory: MemoryStore::default(),
            dynamodb: table.store(),
            dice,
            place: String::new(),
        };
        for call in 0..CALLS {
            pair.place = format!("seed {seed}, call {call}");
            pair.step().await;
        }
        table.stop().await;
    }
}

#[tokio::test]
async fn blocks_are_whole_or_missing() {
    let table = TestTable::start().await;
    let (memory, dynamodb) = (MemoryStore::default(), table.store());
    let parts = |count: usize| -> Vec<BlockPart> {
        (0..count).map(|part| BlockPart { id: "ab".into(), part, bytes: vec![1; 300] }).collect()
    };
    memory.put_blocks(parts(30), 1).await.unwrap();
    dynamodb.put_blocks(parts(30), 1).await.unwrap();
    for (parts, expected) in [(30, Some(9_000)), (31, None)] {
        let name = BlockName { id: "ab".into(), parts };
        let ours = memory.block(&name).await.unwrap();
        assert_eq!(ours.as_ref().map(Vec::len), expected);
        assert_eq!(dynamodb.block(&name).await.unwrap(), ours);
    }
    table.stop().await;
}
