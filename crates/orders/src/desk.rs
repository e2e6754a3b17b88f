//! Deciding one order after the other on the stock that was read for them. No I/O.

use std::{borrow::Cow, collections::BTreeMap};

use crate::{Decision, OUT_OF_STOCK, Order, Stock, UNKNOWN_ITEM};

/// Stock as it was read, and as orders have changed it.
#[derive(Clone, Debug, Default)]
pub struct Desk {
    /// `None` for an item that nobody has.
    shelves: BTreeMap<String, Option<Shelf>>,
}

#[derive(Clone, Copy, Debug)]
struct Shelf {
    read: Stock,
    now: Stock,
}

/// An item whose stock is to be written, on the condition that it still has the version that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed {
    /// The item.
    pub item: String,
    /// The version that was read.
    pub read: u64,
    /// The stock to write, with the next version.
    pub stock: Stock,
}

impl Desk {
    /// A desk with the stock of every item that the orders to come name.
    pub fn new(stocks: impl IntoIterator<Item = (String, Option<Stock>)>) -> Self {
        let shelf = |read: Stock| Shelf { read, now: read };
        let shelves = stocks.into_iter().map(|(item, stock)| (item, stock.map(shelf)));
        Self { shelves: shelves.collect() }
    }

    /// Decides one order.
    pub fn decide(&mut self, order: &Order) -> Decision {
        let Some(Some(shelf)) = self.shelves.get_mut(&order.item) else {
            return Decision::Failed(Cow::Borrowed(UNKNOWN_ITEM));
        };
        if shelf.now.reserve(order.quantity) {
            Decision::Reserved
        } else {
            Decision::Failed(Cow::Borrowed(OUT_OF_STOCK))
        }
    }

    /// What there is to write.
    pub fn changed(&self) -> Vec<Changed> {
        let shelves = self.shelves.iter();
        let shelves = shelves.filter_map(|(item, shelf)| Some((item, shelf.as_ref()?)));
        let changed = shelves.filter(|(_, shelf)| shelf.now != shelf.read);
        let write = |(item, shelf): (&String, &Shelf)| Changed {
            item: item.clone(),
            read: shelf.read.version,
            stock: Stock { version: shelf.read.version + 1, ..shelf.now },
        };
        changed.map(write).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(item: &str, quantity: u32) -> Order {
        Order { user_id: "u".into(), item: item.into(), quantity }
    }

    #[test]
    fn orders_of_one_item_share_what_there_is() {
        let stock = Stock { version: 7, ..Stock::of(3) };
        let mut desk =
            Desk::new([("pizza".into(), Some(stock)), ("tea".into(), Some(Stock::of(9)))]);
        let orders = [("pizza", 2), ("pizza", 2), ("pizza", 1), ("soup", 1)];
        let decisions = orders.map(|(item, quantity)| desk.decide(&order(item, quantity)));
        let reasons = decisions.each_ref().map(Decision::reason);
        assert_eq!(reasons, [None, Some(OUT_OF_STOCK), None, Some(UNKNOWN_ITEM)]);
        let changed = desk.changed();
        assert_eq!(changed.len(), 1, "nobody ordered tea: {changed:?}");
        assert_eq!((changed[0].read, changed[0].stock.version), (7, 8));
        assert_eq!((changed[0].stock.available, changed[0].stock.reserved), (0, 3));
    }

    #[test]
    fn orders_that_change_nothing_write_nothing() {
        let mut desk = Desk::new([("pizza".into(), Some(Stock::of(1)))]);
        assert_eq!(desk.decide(&order("pizza", 2)).event_type(), "InventoryFailed");
        assert_eq!(desk.changed(), []);
    }
}
