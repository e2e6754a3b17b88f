//! What the table keeps of orders beside their progress. Each verb is one call, or as few as the
//! size of what is asked allows; what may be written when is decided elsewhere.

use aws_sdk_dynamodb::Client;
use progress::store::DynamoDb;

mod attributes;
mod counts;
mod generation;
mod inventory;
mod old;
mod outbox;
mod read;

pub use self::{
    generation::{Generation, Switch},
    inventory::{Inventory, Restock, RestockError, Restocked},
};

/// The table that a function's progress is in, with the items that are about orders.
#[derive(Clone, Debug)]
pub struct OrderTable {
    client: Client,
    name: String,
}

impl OrderTable {
    /// The same table that the progress is in: effects join its transactions.
    pub fn of(store: &DynamoDb) -> Self {
        Self { client: store.client().clone(), name: store.table().to_owned() }
    }
}
