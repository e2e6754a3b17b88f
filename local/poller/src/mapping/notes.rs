//! What a person may want to know of a mapping's batches.

use std::time::Duration;

use crate::mapping::answer::Misreading;
use crate::mapping::batch::{Condition, SliceRange};

/// Something to tell, once it happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Note {
    /// The function failed; its records go again, each partition's by themselves.
    InvocationFailed { ranges: Vec<SliceRange>, attempts: u32, retry_in: Duration, reason: String },
    /// The function failed on several records; they go again in two parts.
    Split { range: SliceRange, reason: String },
    /// The function was not reached; the same batch goes again.
    NotInvoked { ranges: Vec<SliceRange>, retry_in: Duration, reason: String },
    /// The function named some records that failed; they go again, or are given up.
    PartlyFailed { range: SliceRange, records: usize, attempts: u32 },
    /// Records are given up, and there is nowhere to send them.
    Dropped { range: SliceRange, records: usize, condition: Condition },
    /// Records were given up and are in the on-failure destination.
    Delivered { range: SliceRange, records: usize, condition: Condition },
    /// Records were given up, and the on-failure destination did not take them.
    NotDelivered { range: SliceRange, records: usize, reason: String },
    /// An earlier poller tried these records; the count goes on.
    Remembered { range: SliceRange, attempts: u32, since_ms: i64 },
    /// AWS reads the function's answer otherwise than it was meant; told once for each kind.
    Misread(Misreading),
    /// A commit failed, for the nth time in a row.
    CommitFailed { failures: u32, reason: String },
}
