//! The outbox: outcomes that were decided and perhaps not published yet, by the partition that their
//! orders came from. An entry holds the outcomes of one transaction.

use std::collections::HashMap;

use aws_sdk_dynamodb::{
    operation::update_item::UpdateItemError,
    types::{Delete, Put, TransactWriteItem, Update},
};
use progress::{PartitionKey, store::StoreError};

use super::{
    OrderTable,
    attributes::{Item, call, damaged, key, number, read_number, read_text, text},
    inventory::{INVENTORY_PK, Inventory},
};
use crate::{Entry, Head, Outcome, Stock};

const HEAD_SK: &str = "head";

/// What the sort keys of entries start with: `head` sorts behind them.
const ENTRY_PREFIX: &str = "entry/";

/// Entries read at once: a few thousand outcomes, well within what a query returns.
const ENTRIES_MAX: i32 = 32;

impl Inventory {
    /// What orders of these items are decided on: the outbox's head, and the stock of each.
    ///
    /// The items are at most 99, and none is there twice.
    pub async fn desk(
        &self,
        partition: &PartitionKey,
        items: Vec<String>,
    ) -> Result<(Head, Vec<(String, Option<Stock>)>), StoreError> {
        let table = self.table();
        let mut keys: Vec<Item> = items.iter().map(|item| key(INVENTORY_PK, item)).collect();
        keys.push(key(outbox_pk(partition), HEAD_SK));
        let mut head = Head::default();
        let mut rows = HashMap::new();
        for row in table.batch_get(keys, "read stock and outbox").await? {
            if read_text(&row, "pk")? == INVENTORY_PK {
                rows.insert(read_text(&row, "sk")?.to_owned(), row);
            } else {
                head = read_head(&row)?;
            }
        }
        let stock = |item: String| {
            let stock = self.stock_in(&item, rows.get(&item))?;
            Ok((item, stock))
        };
        Ok((head, items.into_iter().map(stock).collect::<Result<_, StoreError>>()?))
    }
}

impl OrderTable {
    /// How far a source's outcomes are.
    pub async fn head(&self, partition: &PartitionKey) -> Result<Head, StoreError> {
        let item = self.get(key(outbox_pk(partition), HEAD_SK), "read the outbox").await?;
        item.as_ref().map_or(Ok(Head::default()), read_head)
    }

    /// Puts outcomes behind those that are there, if `head` still is what was read, and removes the entry with the first
    /// number `leaving`, which is noted as published: up to three writes, and none without outcomes.
    pub fn entry_effects(
        &self,
        partition: &PartitionKey,
        head: Head,
        outcomes: &[Outcome],
        leaving: Option<u64>,
    ) -> Vec<TransactWriteItem> {
        let Some(last) = outcomes.last() else { return Vec::new() };
        let mut row = key(outbox_pk(partition), entry_sk(head.next));
        row.insert("outcomes".into(), text(Outcome::pack(outcomes)));
        let entry = Put::builder()
            .table_name(&self.name)
            .set_item(Some(row))
            .condition_expression("attribute_not_exists(pk)")
            .build()
            .expect("it has a table and an item");
        let update = Update::builder()
            .table_name(&self.name)
            .set_key(Some(key(outbox_pk(partition), HEAD_SK)))
            .update_expression("SET #next = :end")
            .expression_attribute_names("#next", "next")
            .expression_attribute_values(":end", number(last.number + 1));
        let update = if head.next == 0 {
            update.condition_expression("attribute_not_exists(#next)")
        } else {
            update
                .condition_expression("#next = :read")
                .expression_attribute_values(":read", number(head.next))
        };
        let update = update.build().expect("it has a table, a key, an update");
        let mut effects = vec![
            TransactWriteItem::builder().put(entry).build(),
            TransactWriteItem::builder().update(update).build(),
        ];
        effects.extend(leaving.map(|first| self.removal(partition, first)));
        effects
    }

    fn removal(&self, partition: &PartitionKey, first: u64) -> TransactWriteItem {
        let delete = Delete::builder()
            .table_name(&self.name)
            .set_key(Some(key(outbox_pk(partition), entry_sk(first))))
            .build()
            .expect("it has a table and a key");
        TransactWriteItem::builder().delete(delete).build()
    }

    /// How far a source's outcomes are, and some entries from the oldest on: none only where there are none.
    pub async fn outbox(&self, partition: &PartitionKey) -> Result<(Head, Vec<Entry>), StoreError> {
        let request = self
            .client
            .query()
            .table_name(&self.name)
            .consistent_read(true)
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", text(outbox_pk(partition)))
            .limit(ENTRIES_MAX + 1);
        let output = request.send().await.map_err(|error| call("read the outbox", error))?;
        let mut entries = output.items();
        let head = match entries.split_last() {
            // It comes behind all entries: whatever it notes as published, they were read before.
            Some((last, before)) if read_text(last, "sk")? == HEAD_SK => {
                entries = before;
                read_head(last)?
            }
            Some(_) => self.head(partition).await?,
            None => Head::default(),
        };
        let entries = entries.iter().map(read_entry).collect::<Result<_, _>>()?;
        Ok((head, entries))
    }

    /// Notes that every outcome below `end` is published. Never takes back what was noted before.
    pub async fn note_published(
        &self,
        partition: &PartitionKey,
        end: u64,
    ) -> Result<(), StoreError> {
        let request = self
            .client
            .update_item()
            .table_name(&self.name)
            .set_key(Some(key(outbox_pk(partition), HEAD_SK)))
            .update_expression("SET published = :end")
            .condition_expression("attribute_not_exists(published) OR published < :end")
            .expression_attribute_values(":end", number(end));
        match request.send().await {
            Ok(_) => Ok(()),
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(_)) => Ok(()),
                _ => Err(call("note what is published", error)),
            },
        }
    }

    /// Removes an entry whose outcomes are noted as published.
    pub async fn forget(&self, partition: &PartitionKey, entry: &Entry) -> Result<(), StoreError> {
        let request = self.client.delete_item().table_name(&self.name);
        let request = request.set_key(Some(key(outbox_pk(partition), entry_sk(entry.first()))));
        request.send().await.map(drop).map_err(|error| call("remove published outcomes", error))
    }
}

fn read_head(row: &Item) -> Result<Head, StoreError> {
    Ok(Head { next: read_number(row, "next")?, published: read_number(row, "published")? })
}

fn read_entry(row: &Item) -> Result<Entry, StoreError> {
    let outcomes = Outcome::unpack(read_text(row, "outcomes")?);
    let outcomes = outcomes.filter(|outcomes| !outcomes.is_empty());
    Ok(Entry { outcomes: outcomes.ok_or_else(|| damaged(row, "outcomes"))? })
}

fn outbox_pk(partition: &PartitionKey) -> String {
    format!("outbox/{partition}")
}

/// The 20 digits of the largest number keep the order of the text that of the numbers.
fn entry_sk(first: u64) -> String {
    format!("{ENTRY_PREFIX}{first:020}")
}
