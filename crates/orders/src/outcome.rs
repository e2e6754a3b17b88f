//! The event that tells what was decided about an order, as it travels and as the outbox keeps it.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::Decision;

/// Headers that an outcome has on its topic, beside those of CloudEvents.
pub mod header {
    /// Which partition of which stream the order came from: the key of its progress.
    pub const SOURCE: &str = "outcome_source";
    /// The outcome's number among those of its source, from 0 without holes.
    pub const NUMBER: &str = "outcome_number";
    /// The partition that the order lies in.
    pub const ORDER_PARTITION: &str = "order_partition";
    /// The order's offset.
    pub const ORDER_OFFSET: &str = "order_offset";
}

/// What was decided about one order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Its number among those of its source, from 0 without holes.
    pub number: u64,
    /// The order's offset in its partition.
    pub offset: i64,
    /// The order's receipt.
    pub order_id: String,
    /// Who ordered.
    pub user_id: String,
    /// What.
    pub item: String,
    /// How many.
    pub quantity: u32,
    /// When the order was placed, in milliseconds since 1970.
    pub placed_at_ms: i64,
    /// What was decided.
    pub decision: Decision,
}

/// A record that is no outcome.
#[derive(Debug, thiserror::Error)]
pub enum OutcomeError {
    /// A header is absent or is not what it should be.
    #[error("header `{header}` is not there or not a number")]
    Header {
        /// The header's name.
        header: &'static str,
    },
    /// The value is not one.
    #[error("value is not the JSON of an outcome")]
    Value(#[source] serde_json::Error),
    /// The value is of another type of event.
    #[error("event type `{event_type}` is not known")]
    EventType {
        /// The type that it names.
        event_type: String,
    },
}

/// The value of an outcome's record.
#[derive(Serialize, Deserialize)]
struct Body<'a> {
    event_type: Cow<'a, str>,
    order_id: Cow<'a, str>,
    user_id: Cow<'a, str>,
    item: Cow<'a, str>,
    quantity: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Cow<'a, str>>,
    placed_at_ms: i64,
}

/// One outcome of an outbox entry.
#[derive(Serialize, Deserialize)]
struct Kept<'a> {
    number: u64,
    offset: i64,
    #[serde(flatten)]
    body: Body<'a>,
}

impl Outcome {
    /// The record's value.
    pub fn value(&self) -> Vec<u8> {
        serde_json::to_vec(&self.body()).expect("texts and numbers are JSON")
    }

    /// Reads the record of an outcome: its source, and itself.
    pub fn decode<'r>(
        headers: impl IntoIterator<Item = (&'r str, &'r [u8])>,
        value: &[u8],
    ) -> Result<(String, Self), OutcomeError> {
        let (mut source, mut number, mut offset) = (None, None, None);
        for (name, value) in headers {
            let text = str::from_utf8(value).ok();
            match name {
                header::SOURCE => source = text,
                header::NUMBER => number = text.and_then(|text| text.parse().ok()),
                header::ORDER_OFFSET => offset = text.and_then(|text| text.parse().ok()),
                _ => {}
            }
        }
        let lacks = |header| OutcomeError::Header { header };
        let source = source.ok_or(lacks(header::SOURCE))?.to_owned();
        let number = number.ok_or(lacks(header::NUMBER))?;
        let offset = offset.ok_or(lacks(header::ORDER_OFFSET))?;
        let body = serde_json::from_slice(value).map_err(OutcomeError::Value)?;
        Ok((source, Kept { number, offset, body }.outcome()?))
    }

    /// Some outcomes as one text, for the outbox.
    pub(crate) fn pack(outcomes: &[Self]) -> String {
        let kept = outcomes.iter().map(|outcome| Kept {
            number: outcome.number,
            offset: outcome.offset,
            body: outcome.body(),
        });
        serde_json::to_string(&kept.collect::<Vec<_>>()).expect("texts and numbers are JSON")
    }

    /// The outcomes of such a text; `None` for any other.
    pub(crate) fn unpack(text: &str) -> Option<Vec<Self>> {
        let kept: Vec<Kept<'_>> = serde_json::from_str(text).ok()?;
        kept.into_iter().map(|kept| kept.outcome().ok()).collect()
    }

    fn body(&self) -> Body<'_> {
        Body {
            event_type: self.decision.event_type().into(),
            order_id: (&self.order_id).into(),
            user_id: (&self.user_id).into(),
            item: (&self.item).into(),
            quantity: self.quantity,
            reason: self.decision.reason().map(Cow::Borrowed),
            placed_at_ms: self.placed_at_ms,
        }
    }
}

impl Kept<'_> {
    fn outcome(self) -> Result<Outcome, OutcomeError> {
        let Self { number, offset, body } = self;
        let reason = body.reason.map_or_else(String::new, Cow::into_owned);
        let decision = match &*body.event_type {
            "InventoryReserved" => Decision::Reserved,
            "InventoryFailed" => Decision::Failed(Cow::Owned(reason)),
            other => return Err(OutcomeError::EventType { event_type: other.to_owned() }),
        };
        Ok(Outcome {
            number,
            offset,
            order_id: body.order_id.into_owned(),
            user_id: body.user_id.into_owned(),
            item: body.item.into_owned(),
            quantity: body.quantity,
            placed_at_ms: body.placed_at_ms,
            decision,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::OUT_OF_STOCK;

    fn outcome(number: u64, decision: Decision) -> Outcome {
        Outcome {
            number,
            offset: 40,
            order_id: "id".into(),
            user_id: "u \"1\"".into(),
            item: "pizza".into(),
            quantity: 2,
            placed_at_ms: 1_763_740_000_000,
            decision,
        }
    }

    #[test]
    fn an_outcome_comes_back_as_it_went() {
        for decision in [Decision::Reserved, Decision::Failed(OUT_OF_STOCK.into())] {
            let sent = outcome(7, decision);
            let headers = [
                (header::SOURCE, &b"reserve/0"[..]),
                ("x", b"\xff"),
                (header::NUMBER, b"7"),
                (header::ORDER_OFFSET, b"40"),
            ];
            let (source, received) = Outcome::decode(headers, &sent.value()).unwrap();
            assert_eq!((&*source, received), ("reserve/0", sent.clone()));
            for left_out in [header::SOURCE, header::NUMBER, header::ORDER_OFFSET] {
                let some = headers.into_iter().filter(|(name, _)| *name != left_out);
                let error = Outcome::decode(some, &sent.value()).unwrap_err();
                assert!(error.to_string().contains(left_out), "{error}");
            }
        }
    }

    #[test]
    fn the_value_reads_as_the_event_it_is() {
        let value = outcome(7, Decision::Failed(OUT_OF_STOCK.into())).value();
        assert_eq!(
            String::from_utf8(value).unwrap(),
            r#"{"event_type":"InventoryFailed","order_id":"id","user_id":"u \"1\"","item":"pizza","quantity":2,"reason":"out of stock","placed_at_ms":1763740000000}"#
        );
    }

    #[test]
    fn an_entry_of_five_hundred_of_the_longest_outcomes_fits_an_item_of_the_table() {
        let quotes = "\"".repeat(128);
        let longest = |number| Outcome {
            offset: i64::MAX,
            order_id: "0".repeat(36),
            user_id: quotes.clone(),
            item: quotes.clone(),
            quantity: crate::QUANTITY_MAX,
            ..outcome(number, Decision::Failed(crate::UNKNOWN_ITEM.into()))
        };
        let outcomes: Vec<_> = (u64::MAX - 500..u64::MAX).map(longest).collect();
        assert!(Outcome::pack(&outcomes).len() < 399 * 1024);
    }

    #[test]
    fn the_outbox_keeps_numbers_and_order() {
        let outcomes =
            [outcome(3, Decision::Reserved), outcome(4, Decision::Failed(OUT_OF_STOCK.into()))];
        assert_eq!(Outcome::unpack(&Outcome::pack(&outcomes)).unwrap(), outcomes);
        assert_eq!(Outcome::unpack("[{}]"), None);
    }
}
