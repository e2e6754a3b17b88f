#![doc = include_str!("../README.md")]

mod counting;
mod decision;
mod desk;
mod initial_stock;
mod order;
mod outcome;
mod publication;
mod source;
mod stock;
mod summary;
mod table;
mod tally;

#[cfg(test)]
mod simulation;

pub use crate::{
    counting::{CountError, Counting, counting_policy},
    decision::{Decision, OUT_OF_STOCK, UNKNOWN_ITEM},
    desk::{Changed, Desk},
    initial_stock::{InitialStock, InitialStockError},
    order::{
        FieldProblem, ITEM_BYTES_MAX, ORDER_BYTES_MAX, Order, OrderError, QUANTITY_MAX, check_item,
    },
    outcome::{Outcome, OutcomeError, header},
    publication::{Entry, Head, Publication},
    source::{Source, Taken},
    stock::Stock,
    summary::{ItemSummary, Summary},
    table::{Generation, Inventory, OrderTable, Restock, RestockError, Restocked, Switch},
    tally::Tally,
};

/// The function that decides orders, and the name under which it keeps its progress.
pub const RESERVE: &str = "reserve_inventory";

/// The function that counts outcomes, and the name under which it keeps its progress.
pub const ANALYTICS: &str = "order_analytics";

/// CloudEvents' type of an order on its topic.
pub const ORDER_PLACED: &str = "OrderPlaced";
