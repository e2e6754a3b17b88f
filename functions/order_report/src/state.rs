//! What the table knows of orders, as the handler asks for it.

use event::Stream;
use orders::{ANALYTICS, Inventory, RESERVE, Restock, RestockError, Restocked, Stock, Summary};
use progress::{
    Consumer, StatusTable,
    store::{DynamoDb, StoreError},
};

/// Figures, stock, and the fences of both consumers.
#[derive(Debug)]
pub(crate) struct State {
    table: DynamoDb,
    inventory: Inventory,
    orders: Stream,
    outcomes: Stream,
}

impl State {
    pub(crate) fn new(
        table: DynamoDb,
        inventory: Inventory,
        orders: Stream,
        outcomes: Stream,
    ) -> Self {
        Self { table, inventory, orders, outcomes }
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

    /// How far the outcomes are counted in a generation.
    pub(crate) fn counted(&self, generation: u32) -> StatusTable {
        let consumer = Consumer::of_generation(ANALYTICS, generation);
        StatusTable::of(self.table.clone(), consumer, self.outcomes.clone())
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
