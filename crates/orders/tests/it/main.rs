//! Items of orders in a real table, by its own conditions.

#![expect(clippy::unwrap_used, reason = "what goes wrong here is a failed test")]

mod generations;
mod outbox;
mod stock;
