//! Which generation of the figures counts, and how another one takes its place: nothing is counted
//! in either while that happens, so that both can be compared at the same place.

use aws_sdk_dynamodb::{
    operation::update_item::{UpdateItemError, builders::UpdateItemFluentBuilder},
    types::{ConditionCheck, ReturnValue, TransactWriteItem},
};
use progress::store::StoreError;

use super::{
    OrderTable,
    attributes::{Item, call, key, number, optional_number, read_number, text},
};

/// The generation that counts before any replay.
pub(super) const FIRST: u32 = 1;

/// The generation that counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Generation {
    /// Its number, from 1.
    pub number: u32,
    /// Until when nothing is counted, in milliseconds since 1970; `None` where it is.
    pub paused_until_ms: Option<i64>,
}

/// A change of generations under way: as long as it is, nothing is counted.
#[derive(Debug)]
pub struct Switch {
    from: u32,
    token: String,
}

impl OrderTable {
    /// The generation that counts.
    pub async fn generation(&self) -> Result<Generation, StoreError> {
        let row = self.get(generation_key(), "read the generation").await?;
        read_generation(&row.unwrap_or_default())
    }

    /// Holds if a generation counts and is not paused: what is counted joins it.
    pub(crate) fn generation_condition(&self, generation: u32) -> TransactWriteItem {
        let first = if generation == FIRST { "attribute_not_exists(generation) OR " } else { "" };
        let condition =
            format!("({first}generation = :generation) AND attribute_not_exists(paused_by)");
        let check = ConditionCheck::builder()
            .table_name(&self.name)
            .set_key(Some(generation_key()))
            .condition_expression(condition)
            .expression_attribute_values(":generation", number(generation))
            .build()
            .expect("it has a table, a key, a condition");
        TransactWriteItem::builder().condition_check(check).build()
    }

    /// A number that no other generation has.
    pub async fn new_generation(&self) -> Result<u32, StoreError> {
        let request = self
            .update(generation_key())
            .update_expression("SET allocated = if_not_exists(allocated, :first) + :one")
            .expression_attribute_values(":first", number(FIRST))
            .expression_attribute_values(":one", number(1))
            .return_values(ReturnValue::AllNew);
        let output = request.send().await;
        let output = output.map_err(|error| call("allocate a generation", error))?;
        read_number(&output.attributes.unwrap_or_default(), "allocated")
    }

    /// Pauses the counting in a generation; `None` where it does not count, or another token pauses it.
    pub async fn pause(
        &self,
        from: u32,
        token: String,
        until_ms: i64,
    ) -> Result<Option<Switch>, StoreError> {
        let first = if from == FIRST { "attribute_not_exists(generation) OR " } else { "" };
        let request = self
            .update(generation_key())
            .update_expression("SET paused_by = :token, paused_until_ms = :until")
            .condition_expression(format!(
                "({first}generation = :from) AND (attribute_not_exists(paused_by) OR paused_by = :token)"
            ))
            .expression_attribute_values(":from", number(from))
            .expression_attribute_values(":token", text(&token))
            .expression_attribute_values(":until", number(until_ms));
        let paused = sent(request, "pause the counting").await?;
        Ok(paused.then_some(Switch { from, token }))
    }

    /// Ends a pause, with generation `to` or, where that is `None`, the one before. Says whether the
    /// pause still held: if not, nothing is switched.
    ///
    /// The client asks again where an answer was lost; then this pause is over, and its generation counts.
    pub async fn end_pause(&self, switch: Switch, to: Option<u32>) -> Result<bool, StoreError> {
        let request = self
            .update(generation_key())
            .update_expression("SET generation = :to REMOVE paused_by, paused_until_ms")
            .condition_expression("paused_by = :token")
            .expression_attribute_values(":to", number(to.unwrap_or(switch.from)))
            .expression_attribute_values(":token", text(switch.token));
        Ok(sent(request, "end the pause of the counting").await?
            || to == Some(self.generation().await?.number))
    }

    /// Ends a pause that lasts longer than it said: whoever paused is gone.
    pub async fn end_stale_pause(&self, now_ms: i64) -> Result<bool, StoreError> {
        let request = self
            .update(generation_key())
            .update_expression("REMOVE paused_by, paused_until_ms")
            .condition_expression("paused_until_ms < :now")
            .expression_attribute_values(":now", number(now_ms));
        sent(request, "end a stale pause of the counting").await
    }

    /// Whether it is this caller's turn to report: the last report is `interval_ms` old.
    pub async fn claim_report(&self, now_ms: i64, interval_ms: i64) -> Result<bool, StoreError> {
        let request = self
            .update(key("analytics", "report"))
            .update_expression("SET reported_at_ms = :now")
            .condition_expression(
                "attribute_not_exists(reported_at_ms) OR reported_at_ms <= :before",
            )
            .expression_attribute_values(":now", number(now_ms))
            .expression_attribute_values(":before", number(now_ms - interval_ms));
        sent(request, "claim the report").await
    }

    pub(super) fn update(&self, key: Item) -> UpdateItemFluentBuilder {
        self.client.update_item().table_name(&self.name).set_key(Some(key))
    }
}

/// Whether the condition of an update held.
async fn sent(request: UpdateItemFluentBuilder, action: &'static str) -> Result<bool, StoreError> {
    match request.send().await {
        Ok(_) => Ok(true),
        Err(error) => match error.as_service_error() {
            Some(UpdateItemError::ConditionalCheckFailedException(_)) => Ok(false),
            _ => Err(call(action, error)),
        },
    }
}

/// The generation as its item tells it, or an empty one where there is none.
pub(super) fn read_generation(row: &Item) -> Result<Generation, StoreError> {
    let number = optional_number(row, "generation")?.unwrap_or(FIRST);
    Ok(Generation { number, paused_until_ms: optional_number(row, "paused_until_ms")? })
}

pub(super) fn generation_key() -> Item {
    key("analytics", "generation")
}
