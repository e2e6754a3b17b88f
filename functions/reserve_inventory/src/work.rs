//! Deciding the orders of one slice for the ledger: stock, outcomes, and the writes of both.

use std::{
    borrow::Cow,
    collections::BTreeSet,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use aws_sdk_dynamodb::types::TransactWriteItem;
use event::StreamKeys;
use kafka_batch::{Record, Slice};
use orders::{Decision, Desk, Head, Inventory, Order, OrderError, Outcome};
use progress::{Judged, PartitionKey, Process, Report, Verdict, store::StoreError};

use crate::{
    book::{Added, Book},
    outbox::Opened,
};

/// Items whose stock one transaction writes: the outbox takes three of the 98 writes that `progress` leaves.
const ITEMS_MAX: usize = 95;

/// One slice and what is needed to decide its orders.
pub(crate) struct Work<'w> {
    slice: &'w Slice<'w>,
    /// The order of each record; `None` for a tombstone.
    orders: Vec<Option<Result<Order, OrderError>>>,
    keys: StreamKeys,
    inventory: &'w Inventory,
    partition: &'w PartitionKey,
    delay: Duration,
    book: Mutex<Book>,
}

impl<'w> Work<'w> {
    /// `delay` is waited for each order.
    pub(crate) fn new(
        slice: &'w Slice<'w>,
        keys: StreamKeys,
        inventory: &'w Inventory,
        opened: &Opened<'w>,
        delay: Duration,
    ) -> Self {
        let order = |record: &Record<'_>| record.value.as_deref().map(Order::parse);
        let orders = slice.records.iter().map(order).collect();
        let (partition, book) = (opened.source, Mutex::new(Book::new(opened.leaving)));
        Self { slice, orders, keys, inventory, partition, delay, book }
    }

    /// What was added to the outbox, as far as that is certain.
    pub(crate) fn added(self, report: &Report<StoreError>) -> Added {
        let alone = report.stop.is_none() && report.counts.already == 0;
        self.book.into_inner().unwrap_or_else(PoisonError::into_inner).added(alone)
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The writes that put outcomes into the outbox.
    fn entry(&self, read: Head, outcomes: Vec<Outcome>) -> Vec<TransactWriteItem> {
        let mut book = self.book();
        let table = self.inventory.table();
        let effects = table.entry_effects(self.partition, read, &outcomes, book.leaving());
        book.judged(read, outcomes);
        effects
    }

    fn items(&self, indexes: impl Iterator<Item = usize>) -> BTreeSet<&str> {
        let orders = indexes.filter_map(|index| self.orders[index].as_ref()?.as_ref().ok());
        orders.map(|order| order.item.as_str()).collect()
    }

    fn outcome(&self, index: usize, order: &Order, number: u64, decision: Decision) -> Outcome {
        let record = &self.slice.records[index];
        let order_id = consume::receipt(&self.keys, self.slice, record);
        Outcome {
            number,
            offset: record.offset,
            order_id: order_id.map_or_else(|| "-".to_owned(), |order_id| order_id.to_string()),
            user_id: order.user_id.clone(),
            item: order.item.clone(),
            quantity: order.quantity,
            placed_at_ms: record.timestamp_ms,
            decision,
        }
    }
}

impl Process<TransactWriteItem> for Work<'_> {
    type Failure = StoreError;

    /// What is read here may be stale by the time of the transaction: that then fails, for its writes are conditional on it.
    async fn process(
        &self,
        indexes: &[usize],
    ) -> Result<Judged<'_, TransactWriteItem>, StoreError> {
        let many = u32::try_from(indexes.len()).unwrap_or(u32::MAX);
        if !self.delay.is_zero() {
            tokio::time::sleep(self.delay * many).await;
        }
        let items = self.items(indexes.iter().copied()).into_iter().map(str::to_owned).collect();
        let (head, stocks) = self.inventory.desk(self.partition, items).await?;
        let mut desk = Desk::new(stocks);
        let (mut number, mut outcomes, mut verdicts) = (head.next, Vec::new(), Vec::new());
        for index in indexes {
            verdicts.push(match &self.orders[*index] {
                None => Verdict::Skipped,
                // The cause would quote the record, which may be anything.
                Some(Err(error)) => Verdict::Failed(Cow::Owned(format!("not an order: {error}"))),
                Some(Ok(order)) => {
                    let decision = desk.decide(order);
                    let verdict = match &decision {
                        Decision::Reserved => Verdict::Applied(None),
                        Decision::Failed(reason) => Verdict::Failed(reason.clone()),
                    };
                    outcomes.push(self.outcome(*index, order, number, decision));
                    number += 1;
                    verdict
                }
            });
        }
        let table = self.inventory.table();
        let mut effects = self.entry(head, outcomes);
        effects.extend(desk.changed().iter().map(|changed| table.stock_effect(changed)));
        Ok(Judged { verdicts, effects })
    }

    fn records_max(&self) -> usize {
        if self.items(0..self.orders.len()).len() <= ITEMS_MAX { usize::MAX } else { ITEMS_MAX }
    }

    /// An order that is given up has an outcome as every other.
    async fn give_up(
        &self,
        index: usize,
        reason: &str,
    ) -> Result<Vec<TransactWriteItem>, StoreError> {
        let Some(Ok(order)) = &self.orders[index] else {
            return Ok(self.entry(Head::default(), Vec::new()));
        };
        let (head, _) = self.inventory.desk(self.partition, Vec::new()).await?;
        let decision = Decision::Failed(Cow::Owned(reason.to_owned()));
        let outcome = self.outcome(index, order, head.next, decision);
        Ok(self.entry(head, vec![outcome]))
    }

    fn committed(&self, is_own: bool) {
        self.book().committed(is_own);
    }
}
