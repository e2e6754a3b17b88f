//! Lambda's Kafka event as slices in order, and the answers a Kafka function can give.
//! It knows nothing of what the records mean: no envelope, no storage, no async.
//!
//! AWS sends one JSON document per invocation, in which `records` maps `<topic>-<partition>` to a
//! list of records (Lambda Developer Guide, "Process Amazon MSK messages with Lambda" and "Using
//! Lambda with self-managed Apache Kafka"). [`Batch::parse`] turns it into [`Slice`]s, sorted by
//! partition and, inside, by offset, with the base64 decoded. Whoever already has
//! `aws_lambda_events`' `KafkaEvent` uses `Batch::try_from`.
//!
//! A function answers with an error, and the whole batch comes back, or, where the mapping asks for
//! `ReportBatchItemFailures`, with a [`BatchResponse`] that names the records to send again.

mod batch;
mod lambda_events;
mod response;
mod wire;

pub use batch::{Batch, BatchError, Header, Record, Slice, Source};
pub use response::BatchResponse;
