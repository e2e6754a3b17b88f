//! What the table knows. The only file that knows the consumer's name.

use event::{Coordinates, Stream};
use progress::{
    Connection, Consumer, Edge, Ledger, Policy, ReadError, Status, connect, store::DynamoDb,
};

/// The consumer that processes events, as `process_events` calls itself.
const CONSUMER: &str = "process_events";

/// What a consumer remembers.
pub(crate) trait Statuses: Sync {
    /// What became of an event.
    fn status(&self, place: Coordinates) -> impl Future<Output = Result<Status, ReadError>> + Send;

    /// The next offset the consumer has not reached in a partition; `None` before its first attempt.
    fn next(&self, partition: i32) -> impl Future<Output = Result<Option<i64>, ReadError>> + Send;
}

/// The consumer's table.
#[derive(Debug)]
pub(crate) struct Table {
    ledger: Ledger<DynamoDb>,
    consumer: Consumer,
    stream: Stream,
}

impl Table {
    /// Does not talk to the table yet.
    pub(crate) async fn connect(table: String, stream: Stream) -> Self {
        let client = connect(&Connection::Environment).await;
        let table = DynamoDb::new(client, table);
        // A ledger that is only read has no use for a policy.
        let ledger = Ledger::new(table, Policy::default(), Edge::system());
        Self { ledger, consumer: Consumer::new(CONSUMER), stream }
    }
}

impl Statuses for Table {
    async fn status(&self, place: Coordinates) -> Result<Status, ReadError> {
        self.ledger.status(&self.consumer, &self.stream, place).await
    }

    async fn next(&self, partition: i32) -> Result<Option<i64>, ReadError> {
        let fence = self.ledger.fence(&self.consumer, &self.stream, partition).await?;
        Ok(fence.map(|fence| fence.next))
    }
}
