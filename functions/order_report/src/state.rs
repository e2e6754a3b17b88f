//! What the table knows of orders, as the handler asks for it.

use backlog::Span;
use event::Stream;
use futures_util::{StreamExt, TryStreamExt, stream};
use orders::{Inventory, RESERVE, Restock, RestockError, Restocked, Stock, Summary};
use progress::{
    Consumer, StatusTable,
    store::{DynamoDb, StoreError},
};

/// Partitions asked for at a time: a topic of any usual size is read in a few round trips.
const PARTITIONS_AT_ONCE: usize = 16;

/// Figures, stock, and how far both consumers are.
#[derive(Debug)]
pub(crate) struct State {
    table: DynamoDb,
    inventory: Inventory,
    orders: Stream,
}

impl State {
    pub(crate) fn new(table: DynamoDb, inventory: Inventory, orders: Stream) -> Self {
        Self { table, inventory, orders }
    }

    /// The generation that counts, and its figures.
    pub(crate) async fn figures(&self) -> Result<(u32, Summary), StoreError> {
        let table = self.inventory.table();
        let generation = table.generation().await?.number;
        Ok((generation, table.summary(generation).await?))
    }

    /// How far the orders are decided.
    pub(crate) fn decided(&self) -> StatusTable {
        StatusTable::of(self.table.clone(), Consumer::new(RESERVE), self.orders.clone())
    }

    /// How many orders of these partitions are decided and not counted in a generation.
    pub(crate) async fn uncounted(
        &self,
        generation: u32,
        spans: &[Span],
    ) -> Result<u64, StoreError> {
        let table = self.inventory.table();
        let consumer = Consumer::new(RESERVE);
        let partitions = spans.iter().map(|span| consumer.partition(&self.orders, span.partition));
        stream::iter(partitions.collect::<Vec<_>>())
            .map(|partition| async move { table.uncounted(generation, &partition).await })
            .buffer_unordered(PARTITIONS_AT_ONCE)
            .try_fold(0, |sum, orders| async move { Ok(sum + orders) })
            .await
    }

    pub(crate) async fn items(&self) -> Result<Vec<(String, Stock)>, StoreError> {
        self.inventory.items().await
    }

    pub(crate) async fn item(&self, name: &str) -> Result<Option<Stock>, StoreError> {
        self.inventory.item(name).await
    }

    pub(crate) async fn restock(&self, restock: Restock<'_>) -> Result<Restocked, RestockError> {
        self.inventory.restock(restock).await
    }
}
