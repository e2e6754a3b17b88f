//! Reading the table: one item, some, all of a `pk`.

use std::time::Duration;

use aws_sdk_dynamodb::types::KeysAndAttributes;
use progress::store::StoreError;
use tokio::time::sleep;

use super::{
    OrderTable,
    attributes::{Item, call, text},
};

/// How often keys that `BatchGetItem` left out are asked for again.
const READ_TRIES_MAX: u32 = 6;

/// The first wait before that; it doubles.
const READ_BACKOFF: Duration = Duration::from_millis(20);

impl OrderTable {
    /// One item, as all writes that ended before left it.
    pub(super) async fn get(
        &self,
        key: Item,
        action: &'static str,
    ) -> Result<Option<Item>, StoreError> {
        let request = self.client.get_item().table_name(&self.name).set_key(Some(key));
        let output = request.consistent_read(true).send().await;
        Ok(output.map_err(|error| call(action, error))?.item)
    }

    /// Every item of a `pk`, in order.
    pub(super) async fn query(
        &self,
        pk: &str,
        action: &'static str,
    ) -> Result<Vec<Item>, StoreError> {
        let mut items = Vec::new();
        let mut after = None;
        loop {
            let request = self.client.query().table_name(&self.name).consistent_read(true);
            let request = request
                .key_condition_expression("pk = :pk")
                .expression_attribute_values(":pk", text(pk))
                .set_exclusive_start_key(after.take());
            let output = request.send().await.map_err(|error| call(action, error))?;
            items.extend(output.items.unwrap_or_default());
            match output.last_evaluated_key {
                Some(key) => after = Some(key),
                None => return Ok(items),
            }
        }
    }

    /// The items that are there, of at most 100 keys; in any order.
    pub(super) async fn batch_get(
        &self,
        keys: Vec<Item>,
        action: &'static str,
    ) -> Result<Vec<Item>, StoreError> {
        let (mut keys, mut rows, mut wait) = (keys, Vec::new(), READ_BACKOFF);
        for _ in 0..READ_TRIES_MAX {
            let asked = KeysAndAttributes::builder().set_keys(Some(keys)).consistent_read(true);
            let asked = asked.build().expect("it has keys");
            let request = self.client.batch_get_item().request_items(&self.name, asked);
            let output = request.send().await.map_err(|error| call(action, error))?;
            let found = output.responses.and_then(|mut tables| tables.remove(&self.name));
            rows.extend(found.unwrap_or_default());
            let left = output.unprocessed_keys.and_then(|mut tables| tables.remove(&self.name));
            match left {
                Some(left) if !left.keys.is_empty() => keys = left.keys,
                _ => return Ok(rows),
            }
            sleep(wait).await;
            wait *= 2;
        }
        Err(call(action, format!("{} items left", keys.len())))
    }
}
