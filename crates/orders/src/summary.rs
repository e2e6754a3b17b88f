//! The figures of all sources together, as they are told.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{Source, Tally};

/// The figures of one generation.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// Orders that were decided.
    pub total_orders: u64,
    /// Of these, reserved.
    pub reserved: u64,
    /// Of these, failed.
    pub failed: u64,
    /// How many in 100 failed.
    pub failure_rate: f64,
    /// Between the first order and the last, by when they were placed.
    pub orders_per_minute: f64,
    /// When the first order was placed, RFC 3339.
    pub first_order_at: Option<String>,
    /// When the last order was placed.
    pub last_order_at: Option<String>,
    /// The same by item.
    pub items: BTreeMap<String, ItemSummary>,
    /// Orders placed in each of the last minutes that had some, by RFC 3339.
    pub minutes: BTreeMap<String, u64>,
}

/// The figures of one item.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ItemSummary {
    /// Orders that were decided.
    pub total_orders: u64,
    /// Of these, reserved.
    pub reserved: u64,
    /// Of these, failed.
    pub failed: u64,
    /// How many in 100 failed.
    pub failure_rate: f64,
    /// Between the first order and the last, by when they were placed.
    pub orders_per_minute: f64,
}

impl Summary {
    /// Puts together what was counted of each source and of each item.
    pub(crate) fn of<'s>(
        sources: impl IntoIterator<Item = &'s Source>,
        items: &BTreeMap<String, Tally>,
    ) -> Self {
        let mut tally = Tally::default();
        let mut minutes = BTreeMap::<i64, u64>::new();
        for source in sources {
            tally.merge(&source.tally);
            for (minute, orders) in &source.minutes {
                *minutes.entry(*minute).or_default() += orders;
            }
        }
        let minutes = minutes.into_iter();
        Self {
            total_orders: tally.orders(),
            reserved: tally.reserved,
            failed: tally.failed,
            failure_rate: tally.failure_rate(),
            orders_per_minute: tally.orders_per_minute(),
            first_order_at: tally.first_ms.and_then(time),
            last_order_at: tally.last_ms.and_then(time),
            items: items.iter().map(|(item, tally)| (item.clone(), tally.into())).collect(),
            minutes: minutes
                .filter_map(|(minute, orders)| Some((time(minute * 60_000)?, orders)))
                .collect(),
        }
    }

    /// The names of the fields in which two summaries differ, with both values.
    pub fn differences(&self, other: &Self) -> Vec<String> {
        let fields = |summary: &Self| {
            let fields = serde_json::to_value(summary).expect("texts and numbers are JSON");
            fields.as_object().cloned().unwrap_or_default()
        };
        let (ours, theirs) = (fields(self), fields(other));
        let differ = ours.iter().filter(|(name, value)| theirs.get(*name) != Some(*value));
        let tell = |(name, value): (&String, &serde_json::Value)| {
            format!("{name}: {value} and {}", theirs[name])
        };
        differ.map(tell).collect()
    }
}

impl From<&Tally> for ItemSummary {
    fn from(tally: &Tally) -> Self {
        Self {
            total_orders: tally.orders(),
            reserved: tally.reserved,
            failed: tally.failed,
            failure_rate: tally.failure_rate(),
            orders_per_minute: tally.orders_per_minute(),
        }
    }
}

/// RFC 3339 in UTC; none for a time that no calendar has.
fn time(at_ms: i64) -> Option<String> {
    Timestamp::from_millisecond(at_ms).ok().map(|at| at.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(reserved: u64, minute: i64) -> Source {
        let placed_ms = Some(minute * 60_000);
        Source {
            tally: Tally { reserved, failed: 1, first_ms: placed_ms, last_ms: placed_ms },
            minutes: BTreeMap::from([(minute, reserved + 1)]),
            ..Source::default()
        }
    }

    #[test]
    fn sources_are_put_together() {
        let sources = [source(2, 100), source(4, 103), source(0, 103)];
        let summary = Summary::of(&sources, &BTreeMap::new());
        assert_eq!((summary.total_orders, summary.reserved, summary.failed), (9, 6, 3));
        assert!((summary.orders_per_minute - 3.0).abs() < f64::EPSILON, "{summary:?}");
        assert_eq!(summary.first_order_at.as_deref(), Some("1970-01-01T01:40:00Z"));
        assert_eq!(summary.minutes["1970-01-01T01:43:00Z"], 6);
    }

    #[test]
    fn a_difference_is_told_by_field() {
        let one = Summary { total_orders: 1, reserved: 1, ..Summary::default() };
        assert_eq!(one.differences(&one), Vec::<String>::new());
        let other = Summary { reserved: 0, ..one.clone() };
        assert_eq!(one.differences(&other), ["reserved: 1 and 0"]);
    }
}
