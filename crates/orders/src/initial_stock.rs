//! What there is of items that nobody has ordered or restocked yet: `pizza=100,tea=50`.

use std::collections::BTreeMap;

use crate::order::check_item;

/// The initial stock of items, from the template's parameter.
///
/// It counts for an item until its stock is written for the first time, and never again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InitialStock(BTreeMap<String, u64>);

/// Why a text is no initial stock.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InitialStockError {
    /// An entry is not `item=quantity`.
    #[error("`{entry}` is not an item and a whole number joined by `=`")]
    Entry {
        /// The entry.
        entry: String,
    },
    /// An item stands there twice.
    #[error("`{item}` is there twice")]
    Repeated {
        /// The item.
        item: String,
    },
}

impl InitialStock {
    /// Reads `item=quantity,item=quantity`. An empty text is no stock at all.
    pub fn parse(text: &str) -> Result<Self, InitialStockError> {
        let mut items = BTreeMap::new();
        for entry in text.split(',').map(str::trim).filter(|entry| !entry.is_empty()) {
            let wrong = || InitialStockError::Entry { entry: entry.to_owned() };
            let (item, quantity) = entry.split_once('=').ok_or_else(wrong)?;
            let (item, quantity) = (item.trim(), quantity.trim());
            let quantity: u32 = quantity.parse().ok().ok_or_else(wrong)?;
            if check_item(item).is_some() {
                return Err(wrong());
            }
            if items.insert(item.to_owned(), u64::from(quantity)).is_some() {
                return Err(InitialStockError::Repeated { item: item.to_owned() });
            }
        }
        Ok(Self(items))
    }

    /// What there is of an item at first; `None` where it is none of these.
    pub fn of(&self, item: &str) -> Option<u64> {
        self.0.get(item).copied()
    }

    /// The items with their quantities, in order.
    pub fn items(&self) -> impl Iterator<Item = (&str, u64)> {
        self.0.iter().map(|(item, quantity)| (item.as_str(), *quantity))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_may_have_blanks_around_them() {
        let stock = InitialStock::parse(" pizza=100, ice cream = 5,").unwrap();
        assert_eq!(stock.items().collect::<Vec<_>>(), [("ice cream", 5), ("pizza", 100)]);
        assert_eq!((stock.of("pizza"), stock.of("tea")), (Some(100), None));
        assert_eq!(InitialStock::parse(""), Ok(InitialStock::default()));
    }

    #[test]
    fn what_is_no_stock_is_named() {
        for wrong in ["pizza", "=5", "pizza=-1", "pizza=1.5", "pizza=99999999999"] {
            let error = InitialStock::parse(&format!("tea=1,{wrong}")).unwrap_err();
            assert_eq!(error, InitialStockError::Entry { entry: wrong.to_owned() });
        }
        let error = InitialStock::parse("tea=1,tea=2").unwrap_err();
        assert_eq!(error, InitialStockError::Repeated { item: "tea".to_owned() });
    }
}
