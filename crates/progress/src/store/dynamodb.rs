//! The store on a DynamoDB table with the keys `pk` and `sk` and the time-to-live attribute
//! `expires_at`. Each verb is one call, or as few as the size of what is asked allows.

use std::{ops::RangeInclusive, time::Duration};

use aws_sdk_dynamodb::{
    Client,
    error::SdkError,
    operation::update_item::UpdateItemError,
    types::{
        PutRequest, ReturnValue, ReturnValuesOnConditionCheckFailure, TransactWriteItem,
        WriteRequest,
    },
};
use tokio::time::sleep;

use crate::{
    archive::{BlockName, BlockPart},
    chunk::Chunk,
    fence::{Attempt, Fence},
    keys::{FENCE_SK, PartitionKey, block_pk, block_sk, chunk_sk},
    store::{Begun, Commit, CommitError, Order, Page, Store, StoreError},
};

mod items;
mod transaction;

use items::{Item, late_attribute, number};

/// The most items of one `BatchWriteItem`.
const BATCH_ITEMS_MAX: usize = 25;

/// How often what `BatchWriteItem` left unwritten is sent again: with doubling waits about 6 s.
const BATCH_TRIES_MAX: u32 = 8;

/// The first wait before unwritten items are sent again.
const BATCH_BACKOFF: Duration = Duration::from_millis(25);

/// A table in DynamoDB.
#[derive(Clone, Debug)]
pub struct DynamoDb {
    client: Client,
    table: String,
}

impl DynamoDb {
    /// The table of this name.
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        Self { client, table: table.into() }
    }

    /// The client, for effects and reads of the caller's own.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The table's name.
    pub fn table(&self) -> &str {
        &self.table
    }

    /// Removes the fence of a consumer that is no more. What its chunks tell goes when they expire.
    pub async fn forget(&self, partition: &PartitionKey) -> Result<(), StoreError> {
        let request = self.client.delete_item().table_name(&self.table);
        let request = request.set_key(Some(items::key(partition.as_str(), FENCE_SK)));
        request.send().await.map(drop).map_err(|error| call("remove a fence", error))
    }

    /// Sends one batch of writes until nothing is left of it.
    async fn write(&self, batch: Vec<WriteRequest>) -> Result<(), StoreError> {
        let action = "write archive blocks";
        let mut wait = BATCH_BACKOFF;
        let mut batch = batch;
        for _ in 0..BATCH_TRIES_MAX {
            let request = self.client.batch_write_item().request_items(&self.table, batch);
            let left = request.send().await.map_err(|error| call(action, error))?;
            batch = left
                .unprocessed_items
                .and_then(|mut tables| tables.remove(&self.table))
                .unwrap_or_default();
            if batch.is_empty() {
                return Ok(());
            }
            sleep(wait).await;
            wait *= 2;
        }
        Err(StoreError::Call { action, source: format!("{} items left", batch.len()).into() })
    }
}

impl Store for DynamoDb {
    type Effect = TransactWriteItem;

    async fn begin(
        &self,
        partition: &PartitionKey,
        last: i64,
        now_ms: i64,
    ) -> Result<Begun, StoreError> {
        let sent = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(items::key(partition.as_str(), FENCE_SK)))
            .update_expression("ADD #attempts :one SET #updated = :now")
            .condition_expression("attribute_not_exists(#next) OR #next <= :last")
            .expression_attribute_names("#attempts", "attempts")
            .expression_attribute_names("#updated", "updated_at_ms")
            .expression_attribute_names("#next", "next")
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":now", number(now_ms))
            .expression_attribute_values(":last", number(last))
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        match sent {
            Ok(output) => {
                let fence = items::fence(&output.attributes.unwrap_or_default())?;
                Ok(Begun { fence, counted: true })
            }
            Err(error) => match refused(&error) {
                Some(item) => Ok(Begun { fence: items::fence(item)?, counted: false }),
                None => Err(call("count an attempt", error)),
            },
        }
    }

    async fn begin_late(
        &self,
        partition: &PartitionKey,
        offset: i64,
        begun: bool,
    ) -> Result<Fence, StoreError> {
        let request = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(items::key(partition.as_str(), FENCE_SK)))
            .expression_attribute_names("#late", late_attribute(offset))
            .expression_attribute_names("#attempts", "attempts")
            .update_expression("ADD #late :one, #attempts :back")
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":back", number(-i32::from(begun)))
            .return_values(ReturnValue::AllNew);
        let output = request.send().await.map_err(|error| call("count a late attempt", error))?;
        items::fence(&output.attributes.unwrap_or_default())
    }

    async fn release(
        &self,
        partition: &PartitionKey,
        attempt: Attempt,
        next: i64,
    ) -> Result<(), StoreError> {
        let request = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(items::key(partition.as_str(), FENCE_SK)))
            .update_expression("ADD #count :back")
            .expression_attribute_values(":back", number(-1))
            .expression_attribute_values(":zero", number(0));
        let request = match attempt {
            Attempt::OnTime => {
                let moved = if next == 0 { "attribute_not_exists(#next) OR " } else { "" };
                request
                    .condition_expression(format!("({moved}#next = :next) AND #count > :zero"))
                    .expression_attribute_names("#count", "attempts")
                    .expression_attribute_names("#next", "next")
                    .expression_attribute_values(":next", number(next))
            }
            Attempt::Late(offset) => request
                .condition_expression("#count > :zero")
                .expression_attribute_names("#count", late_attribute(offset)),
        };
        match request.send().await {
            Ok(_) => Ok(()),
            Err(error) if is_refused(&error) => Ok(()),
            Err(error) => Err(call("take back an attempt", error)),
        }
    }

    async fn fence(&self, partition: &PartitionKey) -> Result<Option<Fence>, StoreError> {
        let request = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(items::key(partition.as_str(), FENCE_SK)))
            .consistent_read(true);
        let output = request.send().await.map_err(|error| call("read the fence", error))?;
        output.item.as_ref().map(items::fence).transpose()
    }

    async fn chunks(
        &self,
        partition: &PartitionKey,
        first: RangeInclusive<i64>,
        page: Page,
    ) -> Result<Vec<Chunk>, StoreError> {
        let mut chunks = Vec::new();
        let mut after: Option<Item> = None;
        while chunks.len() < page.limit && !first.is_empty() {
            let left = i32::try_from(page.limit - chunks.len()).unwrap_or(i32::MAX);
            let request = self
                .client
                .query()
                .table_name(&self.table)
                .consistent_read(true)
                .key_condition_expression("pk = :pk AND sk BETWEEN :low AND :high")
                .expression_attribute_values(":pk", text(partition.as_str()))
                .expression_attribute_values(":low", text(chunk_sk(*first.start())))
                .expression_attribute_values(":high", text(chunk_sk(*first.end())))
                .scan_index_forward(page.order == Order::Ascending)
                .limit(left)
                .set_exclusive_start_key(after.take());
            let output = request.send().await.map_err(|error| call("read chunks", error))?;
            for item in output.items() {
                chunks.push(items::chunk(item)?);
            }
            match output.last_evaluated_key {
                Some(key) => after = Some(key),
                None => break,
            }
        }
        Ok(chunks)
    }

    async fn put_blocks(&self, parts: Vec<BlockPart>, expires_at: i64) -> Result<(), StoreError> {
        let mut parts = parts.into_iter().peekable();
        while parts.peek().is_some() {
            let batch = parts
                .by_ref()
                .take(BATCH_ITEMS_MAX)
                .map(|part| {
                    let item = items::part_item(part, expires_at);
                    let put = PutRequest::builder().set_item(Some(item)).build();
                    WriteRequest::builder().put_request(put.expect("it has an item")).build()
                })
                .collect();
            self.write(batch).await?;
        }
        Ok(())
    }

    async fn block(&self, name: &BlockName) -> Result<Option<Vec<u8>>, StoreError> {
        let mut bytes = Vec::new();
        for part in 0..name.parts {
            let request = self
                .client
                .get_item()
                .table_name(&self.table)
                .set_key(Some(items::key(block_pk(&name.id), block_sk(part))))
                .consistent_read(true);
            let output =
                request.send().await.map_err(|error| call("read an archive block", error))?;
            let Some(item) = output.item else { return Ok(None) };
            bytes.extend(items::part_bytes(&item)?);
        }
        Ok(Some(bytes))
    }

    async fn commit(
        &self,
        partition: &PartitionKey,
        commit: Commit<TransactWriteItem>,
    ) -> Result<(), CommitError> {
        let writes = transaction::writes(&self.table, partition, commit);
        // The client gives each call a token of its own, so a try that is repeated because its
        // answer was lost is not applied twice.
        let sent = self.client.transact_write_items().set_transact_items(Some(writes)).send().await;
        sent.map(drop).map_err(transaction::verdict)
    }
}

fn text(value: impl Into<String>) -> aws_sdk_dynamodb::types::AttributeValue {
    aws_sdk_dynamodb::types::AttributeValue::S(value.into())
}

fn call(
    action: &'static str,
    source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> StoreError {
    StoreError::Call { action, source: source.into() }
}

fn is_refused<R>(error: &SdkError<UpdateItemError, R>) -> bool {
    error.as_service_error().is_some_and(UpdateItemError::is_conditional_check_failed_exception)
}

/// The item as it stands, where an update's condition did not hold.
fn refused<R>(error: &SdkError<UpdateItemError, R>) -> Option<&Item> {
    match error.as_service_error()? {
        UpdateItemError::ConditionalCheckFailedException(refusal) => refusal.item(),
        _ => None,
    }
}
