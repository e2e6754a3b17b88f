//! The DynamoDB API, served from one SQLite file: `dynoxide-rs` with the tables of a plan in it.
//!
//! What it gives: a write that was answered survives `kill -9` of the process. A power cut may cost
//! the last transactions, never the file: SQLite's write-ahead log, synchronised at checkpoints
//! (`journal_mode=WAL`, `synchronous=NORMAL`). One request at a time touches the file.
//!
//! Functions never depend on this crate; they speak DynamoDB to `AWS_ENDPOINT_URL_DYNAMODB`.

mod front;
mod schema;
mod table;

pub use crate::schema::TableConfig;
pub use crate::table::{Table, TableStartError};
