//! Batches of Kafka records through the ledger: every slice as far as it goes, whatever becomes of the others, then the
//! answer. What becomes of a record is the function's business, that it happens once is the ledger's.

mod batch;
mod end;
mod limits;
mod record;
mod terms;

pub use crate::{
    batch::{Apply, BatchFailure, handle, serve},
    end::{SliceEnd, entries},
    limits::limits,
    record::{envelope, receipt},
    terms::{Answers, Terms},
};
