//! The ledger of a load of orders: each order of it decided once, with one outcome, counted; and stock
//! that adds up. Orders are known by the generator's own ids, never by what the functions say.

use std::collections::{BTreeMap, BTreeSet};

use event::Stream;
use load::OutcomeFile;
use orders::{Order, Outcome, RESERVE};
use progress::{Consumer, Edge, Fate, Ledger, Policy, Position};
use serde::Serialize;

use crate::accounts::{Accounts, Drained, Found, Totals};
use crate::failure::OpsFailure;
use crate::load_id::load_id;
use crate::pipeline::{Pipeline, records};

/// What became of a load of orders. `processed` are those reserved, `failed` those that were not.
#[derive(Debug, Serialize)]
pub(crate) struct OrderTotals {
    #[serde(flatten)]
    pub(crate) totals: Totals,
    /// Decided, and no outcome of it on the topic.
    pub(crate) outcomes_missing: u64,
    /// With several outcomes on the topic that differ in number.
    pub(crate) outcomes_twice: u64,
    /// Orders of everybody in the figures.
    pub(crate) counted: u64,
    /// Orders of everybody that were decided.
    pub(crate) decided: u64,
    /// Whether each item's stock is what came without what went.
    pub(crate) stock_adds_up: bool,
}

impl OrderTotals {
    /// Whether everything is accounted for.
    pub(crate) fn holds(&self) -> bool {
        self.totals.holds()
            && self.outcomes_missing + self.outcomes_twice == 0
            && self.counted == self.decided
            && self.stock_adds_up
    }
}

/// A place of an order.
type Spot = (i32, i64);

/// What is known of the orders of one load.
#[derive(Debug, Default)]
struct Books {
    /// The generator's ids, by place.
    ids: BTreeMap<Spot, String>,
    decided: BTreeSet<Spot>,
    /// The numbers of the outcomes of each.
    outcomes: BTreeMap<Spot, BTreeSet<u64>>,
    /// What was reserved of each item, of all orders.
    reserved: BTreeMap<String, u64>,
    /// How many of each item an order asks for.
    asked: BTreeMap<Spot, (String, u32)>,
}

impl Books {
    /// Decided orders without an outcome, and orders with several.
    fn outcomes(&self) -> (u64, u64) {
        let missing = self.decided.iter().filter(|spot| !self.outcomes.contains_key(spot)).count();
        let twice = self.outcomes.values().filter(|numbers| numbers.len() > 1).count();
        (count(missing), count(twice))
    }
}

/// Accounts for the orders of a load.
pub(crate) async fn account(
    pipeline: &Pipeline,
    file: &OutcomeFile,
    drained: Drained,
) -> Result<OrderTotals, OpsFailure> {
    let run = file.header().run.to_string();
    let mut accounts = Accounts::open(run.clone(), file.outcomes());
    let mut books = Books::default();
    read_orders(pipeline, &run, &mut books).await?;
    read_decisions(pipeline, &mut accounts, &mut books).await?;
    read_outcomes(pipeline, &mut books).await?;
    let (outcomes_missing, outcomes_twice) = books.outcomes();
    let generation = pipeline.table().generation().await?.number;
    Ok(OrderTotals {
        totals: accounts.close(drained),
        outcomes_missing,
        outcomes_twice,
        counted: pipeline.table().summary(generation).await?.total_orders,
        decided: decided(pipeline).await?,
        stock_adds_up: stock_adds_up(pipeline, &books).await?,
    })
}

/// Orders of everybody that were decided, those of a topic that was made again since included: they are in the figures.
async fn decided(pipeline: &Pipeline) -> Result<u64, OpsFailure> {
    let partitions = pipeline.offsets(&pipeline.orders.topic).await?.len();
    let mut decided = 0;
    for epoch in 1..=pipeline.orders.epoch {
        let stream = Stream { epoch, ..pipeline.orders.clone() };
        for partition in (0..).take(partitions) {
            let key = Consumer::new(RESERVE).partition(&stream, partition);
            decided += pipeline.table().head(&key).await?.next;
        }
    }
    Ok(decided)
}

async fn read_orders(pipeline: &Pipeline, run: &str, books: &mut Books) -> Result<(), OpsFailure> {
    let topic = &pipeline.orders.topic;
    let held = (0..).zip(pipeline.offsets(topic).await?).collect();
    let mut records = records::read(&pipeline.run.kafka, topic, held)?;
    while let Some(read) = records.recv().await {
        let (partition, record) = read?;
        let (spot, value) = ((partition, record.offset), record.value.unwrap_or_default());
        if let Ok(order) = Order::parse(&value) {
            books.asked.insert(spot, (order.item, order.quantity));
        }
        if let Some(id) = load_id(&value).filter(|id| id.starts_with(run)) {
            books.ids.insert(spot, id.into_owned());
        }
    }
    Ok(())
}

/// What the ledger of the function says of each order.
async fn read_decisions(
    pipeline: &Pipeline,
    accounts: &mut Accounts,
    books: &mut Books,
) -> Result<(), OpsFailure> {
    let ledger = Ledger::new(pipeline.store.clone(), Policy::default(), Edge::system());
    let consumer = Consumer::new(RESERVE);
    for partition in (0..).take(pipeline.offsets(&pipeline.orders.topic).await?.len()) {
        let mut history =
            ledger.history(&consumer, &pipeline.orders, partition, Position::default()).await?;
        while let Some(chunks) = history.next_page().await? {
            for chunk in &chunks {
                for offset in chunk.offsets.iter() {
                    let spot = (partition, offset);
                    let fate = chunk.fate(offset);
                    if let (Some(Fate::Applied), Some((item, quantity))) =
                        (fate, books.asked.get(&spot))
                    {
                        *books.reserved.entry(item.clone()).or_default() += u64::from(*quantity);
                    }
                    let Some(id) = books.ids.get(&spot) else { continue };
                    books.decided.insert(spot);
                    match fate {
                        Some(Fate::Applied) => {
                            accounts.book(id, Found::Processed);
                        }
                        Some(Fate::Failed(reason)) => {
                            accounts.book(id, Found::Failed);
                            accounts.book_reason(reason);
                        }
                        Some(Fate::Skipped) | None => {}
                    }
                }
            }
        }
    }
    Ok(())
}

async fn read_outcomes(pipeline: &Pipeline, books: &mut Books) -> Result<(), OpsFailure> {
    let topic = &pipeline.outcomes.topic;
    let held = (0..).zip(pipeline.offsets(topic).await?).collect();
    let mut records = records::read(&pipeline.run.kafka, topic, held)?;
    while let Some(read) = records.recv().await {
        let (partition, record) = read?;
        let headers = record.headers.iter().map(|header| (&*header.name, &*header.value));
        let Ok((source, outcome)) = Outcome::decode(headers, &record.value.unwrap_or_default())
        else {
            continue;
        };
        let spot = (partition, outcome.offset);
        if source == pipeline.decided(partition).as_str() && books.ids.contains_key(&spot) {
            books.outcomes.entry(spot).or_default().insert(outcome.number);
        }
    }
    Ok(())
}

/// For each item: what there was and came, without what was reserved, is what there is.
async fn stock_adds_up(pipeline: &Pipeline, books: &Books) -> Result<bool, OpsFailure> {
    let items = pipeline.inventory.items().await?;
    Ok(items.iter().all(|(item, stock)| {
        let reserved = books.reserved.get(item).copied().unwrap_or_default();
        stock.adds_up() && stock.reserved == reserved
    }))
}

fn count(number: usize) -> u64 {
    u64::try_from(number).expect("a count fits 64 bits")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decided_order_has_one_outcome_however_often_it_is_published() {
        let spots = [(0, 1), (0, 2), (0, 3)];
        let books = Books {
            decided: spots.into_iter().collect(),
            outcomes: BTreeMap::from([
                (spots[0], BTreeSet::from([7])),
                (spots[1], BTreeSet::from([8, 9])),
            ]),
            ..Books::default()
        };
        assert_eq!(books.outcomes(), (1, 1));
    }

    #[test]
    fn figures_that_lack_orders_do_not_hold() {
        let totals = |counted| OrderTotals {
            totals: Totals::default(),
            outcomes_missing: 0,
            outcomes_twice: 0,
            counted,
            decided: 7,
            stock_adds_up: true,
        };
        assert!(totals(7).holds());
        assert!(!totals(6).holds());
        assert!(!OrderTotals { outcomes_twice: 1, ..totals(7) }.holds());
        assert!(!OrderTotals { stock_adds_up: false, ..totals(7) }.holds());
    }
}
