//! What a consumer remembers, for whoever only asks.

use event::{Coordinates, Stream};

use crate::{
    Connection, Consumer, Edge, Ledger, Policy, ReadError, Status, connect, store::DynamoDb,
};

/// What a consumer remembers.
pub trait Statuses: Sync {
    /// What became of an event.
    fn status(&self, place: Coordinates) -> impl Future<Output = Result<Status, ReadError>> + Send;

    /// The next offset the consumer has not reached in a partition; `None` before its first attempt.
    fn next(&self, partition: i32) -> impl Future<Output = Result<Option<i64>, ReadError>> + Send;
}

/// A consumer's table, that is only read.
#[derive(Debug)]
pub struct StatusTable {
    ledger: Ledger<DynamoDb>,
    consumer: Consumer,
    stream: Stream,
}

impl StatusTable {
    /// The table that the SDK's own variables lead to. Does not talk to it yet.
    pub async fn connect(table: String, consumer: Consumer, stream: Stream) -> Self {
        let table = DynamoDb::new(connect(&Connection::Environment).await, table);
        Self::of(table, consumer, stream)
    }

    /// A table that is connected already.
    pub fn of(table: DynamoDb, consumer: Consumer, stream: Stream) -> Self {
        // A ledger that is only read has no use for a policy.
        let ledger = Ledger::new(table, Policy::default(), Edge::system());
        Self { ledger, consumer, stream }
    }
}

impl Statuses for StatusTable {
    async fn status(&self, place: Coordinates) -> Result<Status, ReadError> {
        self.ledger.status(&self.consumer, &self.stream, place).await
    }

    async fn next(&self, partition: i32) -> Result<Option<i64>, ReadError> {
        let fence = self.ledger.fence(&self.consumer, &self.stream, partition).await?;
        Ok(fence.map(|fence| fence.next))
    }
}
