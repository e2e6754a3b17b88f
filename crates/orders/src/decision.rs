//! What is decided about an order, once.

use std::borrow::Cow;

/// The reason of an order for more than there was.
pub const OUT_OF_STOCK: &str = "out of stock";

/// The reason of an order for something that never was there.
pub const UNKNOWN_ITEM: &str = "unknown item";

/// What is decided about an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// All of it is set aside for the one who ordered.
    Reserved,
    /// Nothing of it is, for this reason.
    Failed(Cow<'static, str>),
}

impl Decision {
    /// CloudEvents' type of the event that tells of it.
    pub fn event_type(&self) -> &'static str {
        match self {
            Self::Reserved => "InventoryReserved",
            Self::Failed(_) => "InventoryFailed",
        }
    }

    /// Why it failed.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Reserved => None,
            Self::Failed(reason) => Some(reason),
        }
    }
}
