//! How much there is of one item, and where it came from and went.

/// The stock of one item.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stock {
    /// What can still be reserved.
    pub available: u64,
    /// What there was at first.
    pub initial: u64,
    /// What came since.
    pub restocked: u64,
    /// What was reserved since.
    pub reserved: u64,
    /// Raised by one by every write, and the condition of each. 0 where nothing was written yet.
    pub version: u64,
}

impl Stock {
    /// The stock of an item that nobody has written yet.
    pub fn of(initial: u64) -> Self {
        Self { available: initial, initial, ..Self::default() }
    }

    /// Takes all of a quantity or nothing of it. Says whether it did.
    pub fn reserve(&mut self, quantity: u32) -> bool {
        let quantity = u64::from(quantity);
        let Some(left) = self.available.checked_sub(quantity) else { return false };
        self.available = left;
        self.reserved += quantity;
        true
    }

    /// Adds a quantity.
    pub fn restock(&mut self, quantity: u32) {
        self.available += u64::from(quantity);
        self.restocked += u64::from(quantity);
    }

    /// Whether what there is is what came without what went.
    pub fn adds_up(&self) -> bool {
        self.initial + self.restocked == self.available + self.reserved
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_gets_all_or_nothing() {
        let mut stock = Stock::of(5);
        assert!(stock.reserve(3));
        assert!(!stock.reserve(3), "two are left");
        assert_eq!((stock.available, stock.reserved), (2, 3));
        assert!(stock.reserve(2));
        assert!(!stock.reserve(1));
        stock.restock(1);
        assert!(stock.reserve(1));
        assert!(stock.adds_up(), "{stock:?}");
        assert_eq!((stock.available, stock.restocked), (0, 1));
    }
}
