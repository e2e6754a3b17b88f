//! Items of orders in a real table, by its own conditions.

mod generations;
mod outbox;
mod stock;
