//! Stock in the table: read, written on condition, restocked once for each restock's id.

use std::time::Duration;

use aws_sdk_dynamodb::{
    operation::transact_write_items::TransactWriteItemsError,
    types::{Put, TransactWriteItem, Update},
};
use jiff::Timestamp;
use progress::store::StoreError;
use tokio::time::sleep;

use super::{
    OrderTable,
    attributes::{Item, call, key, number, read_number, read_text},
};
use crate::{Changed, InitialStock, Stock};

/// The `pk` of every item's stock.
pub(super) const INVENTORY_PK: &str = "inventory";

/// How often a restock that lost against orders is tried again.
const RESTOCK_TRIES_MAX: u32 = 8;

/// How long a restock's id is remembered at least; the table's TTL removes it later.
const RESTOCK_KEEP: Duration = Duration::from_hours(90 * 24);

/// The first wait before that; each further one is longer by it.
const RESTOCK_BACKOFF: Duration = Duration::from_millis(15);

/// The stock of every item: what the table has, else what there is at first.
#[derive(Clone, Debug)]
pub struct Inventory {
    table: OrderTable,
    initial: InitialStock,
}

/// A delivery of one item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Restock<'r> {
    /// What came.
    pub item: &'r str,
    /// The caller's own id of the delivery: it counts once, however often it is told within 90 days.
    pub id: &'r str,
    /// How many.
    pub quantity: u32,
}

/// What became of a restock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Restocked {
    /// The stock behind it.
    pub stock: Stock,
    /// Whether it was counted before.
    pub repeated: bool,
}

/// A restock that was not counted.
#[derive(Debug, thiserror::Error)]
pub enum RestockError {
    /// The id stands for another quantity.
    #[error("restock `{id}` of `{item}` was one of {quantity}")]
    Different {
        /// The item.
        item: String,
        /// The restock's id.
        id: String,
        /// The quantity it was counted with.
        quantity: u32,
    },
    /// Orders were always first.
    #[error("the stock of `{item}` changed {tries} times in between")]
    Contended {
        /// The item.
        item: String,
        /// How often it was tried.
        tries: u32,
    },
    /// The table did not answer, so it may have been counted: telling it again is safe.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Inventory {
    /// The stock in `table`, and `initial` for what is not there.
    pub fn new(table: OrderTable, initial: InitialStock) -> Self {
        Self { table, initial }
    }

    /// The stock of an item as the table's item or its absence tells it.
    pub(super) fn stock_in(
        &self,
        name: &str,
        item: Option<&Item>,
    ) -> Result<Option<Stock>, StoreError> {
        match item {
            Some(item) => stock(item).map(Some),
            None => Ok(self.initial.of(name).map(Stock::of)),
        }
    }

    /// The table underneath.
    pub fn table(&self) -> &OrderTable {
        &self.table
    }

    /// The stock of one item; `None` for one that nobody has.
    pub async fn item(&self, name: &str) -> Result<Option<Stock>, StoreError> {
        self.stock_in(name, self.row(name).await?.as_ref())
    }

    /// The stock of every item, in order.
    pub async fn items(&self) -> Result<Vec<(String, Stock)>, StoreError> {
        let rows = self.table.query(INVENTORY_PK, "read the inventory").await?;
        let mut items = Vec::with_capacity(rows.len());
        for row in &rows {
            items.push((read_text(row, "sk")?.to_owned(), stock(row)?));
        }
        for (name, quantity) in self.initial.items() {
            if let Err(place) = items.binary_search_by(|(known, _)| known.as_str().cmp(name)) {
                items.insert(place, (name.to_owned(), Stock::of(quantity)));
            }
        }
        Ok(items)
    }

    /// Counts a delivery, once. An item that nobody had is there from then on.
    pub async fn restock(&self, restock: Restock<'_>) -> Result<Restocked, RestockError> {
        for tries in 1..=RESTOCK_TRIES_MAX {
            if let Some(quantity) = self.counted(restock).await? {
                return self.repeated(restock, quantity).await;
            }
            let row = self.row(restock.item).await?;
            let mut stock = self.stock_in(restock.item, row.as_ref())?.unwrap_or_default();
            stock.restock(restock.quantity);
            if self.write(restock, row.is_some(), stock).await? {
                return Ok(Restocked { stock, repeated: false });
            }
            sleep(RESTOCK_BACKOFF * tries).await;
        }
        let item = restock.item.to_owned();
        Err(RestockError::Contended { item, tries: RESTOCK_TRIES_MAX })
    }

    async fn repeated(
        &self,
        restock: Restock<'_>,
        quantity: u32,
    ) -> Result<Restocked, RestockError> {
        if quantity != restock.quantity {
            let (item, id) = (restock.item.to_owned(), restock.id.to_owned());
            return Err(RestockError::Different { item, id, quantity });
        }
        let stock = self.item(restock.item).await?.unwrap_or_default();
        Ok(Restocked { stock, repeated: true })
    }

    async fn row(&self, name: &str) -> Result<Option<Item>, StoreError> {
        self.table.get(key(INVENTORY_PK, name), "read the stock").await
    }

    /// The quantity with which a restock was counted before.
    async fn counted(&self, restock: Restock<'_>) -> Result<Option<u32>, StoreError> {
        let item = self.table.get(restock_key(restock), "read a restock").await?;
        item.map(|item| read_number(&item, "quantity")).transpose()
    }

    /// Writes restock and stock together. Says whether it did: not when another write was first.
    async fn write(
        &self,
        restock: Restock<'_>,
        there: bool,
        stock: Stock,
    ) -> Result<bool, StoreError> {
        let mut record = restock_key(restock);
        record.insert("quantity".into(), number(restock.quantity));
        let keep_s = i64::try_from(RESTOCK_KEEP.as_secs()).expect("90 days");
        record.insert("expires_at".into(), number(Timestamp::now().as_second() + keep_s));
        let record = Put::builder()
            .table_name(&self.table.name)
            .set_item(Some(record))
            .condition_expression("attribute_not_exists(pk)")
            .build()
            .expect("it has a table and an item");
        let record = TransactWriteItem::builder().put(record).build();
        let shelf = if there {
            self.table.addition(restock)
        } else {
            let stock = Stock { version: 1, ..stock };
            self.table.stock_effect(&Changed { item: restock.item.to_owned(), read: 0, stock })
        };
        let request = self.table.client.transact_write_items();
        match request.transact_items(record).transact_items(shelf).send().await {
            Ok(_) => Ok(true),
            Err(error) => match error.as_service_error() {
                Some(TransactWriteItemsError::TransactionCanceledException(_)) => Ok(false),
                _ => Err(call("restock", error)),
            },
        }
    }
}

impl OrderTable {
    /// Writes stock if it still has the version that was read.
    pub fn stock_effect(&self, changed: &Changed) -> TransactWriteItem {
        let Changed { item, read, stock } = changed;
        let mut row = key(INVENTORY_PK, item);
        row.insert("available".into(), number(stock.available));
        row.insert("initial".into(), number(stock.initial));
        row.insert("restocked".into(), number(stock.restocked));
        row.insert("reserved".into(), number(stock.reserved));
        row.insert("version".into(), number(stock.version));
        let put = Put::builder().table_name(&self.name).set_item(Some(row));
        let put = if *read == 0 {
            put.condition_expression("attribute_not_exists(pk)")
        } else {
            put.condition_expression("#version = :read")
                .expression_attribute_names("#version", "version")
                .expression_attribute_values(":read", number(*read))
        };
        let put = put.build().expect("it has a table and an item");
        TransactWriteItem::builder().put(put).build()
    }

    /// Adds to stock that is there, whatever it is.
    fn addition(&self, restock: Restock<'_>) -> TransactWriteItem {
        let update = Update::builder()
            .table_name(&self.name)
            .set_key(Some(key(INVENTORY_PK, restock.item)))
            .update_expression("ADD available :more, restocked :more, #version :one")
            .condition_expression("attribute_exists(pk)")
            .expression_attribute_names("#version", "version")
            .expression_attribute_values(":more", number(restock.quantity))
            .expression_attribute_values(":one", number(1))
            .build()
            .expect("it has a table, a key, an update");
        TransactWriteItem::builder().update(update).build()
    }
}

fn stock(row: &Item) -> Result<Stock, StoreError> {
    Ok(Stock {
        available: read_number(row, "available")?,
        initial: read_number(row, "initial")?,
        restocked: read_number(row, "restocked")?,
        reserved: read_number(row, "reserved")?,
        version: read_number(row, "version")?,
    })
}

fn restock_key(restock: Restock<'_>) -> Item {
    key(format!("restock/{}", restock.item), restock.id)
}
