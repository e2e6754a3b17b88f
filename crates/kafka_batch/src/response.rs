//! The partial-batch answer that a mapping with `ReportBatchItemFailures` reads.
//! To fail a whole batch a function returns an error instead.

use serde::Serialize;

use crate::batch::Slice;

/// Which records Lambda shall send again; the empty answer means that all are done.
///
/// AWS's current documents call the identifier's field `partition`, and its value is the key of
/// `records` (Lambda Developer Guide, "Configuring error handling controls for Kafka event
/// sources").
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct BatchResponse {
    #[serde(rename = "batchItemFailures")]
    failures: Vec<ItemFailure>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct ItemFailure {
    #[serde(rename = "itemIdentifier")]
    item: ItemIdentifier,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct ItemIdentifier {
    partition: String,
    offset: i64,
}

impl BatchResponse {
    /// Asks for a slice's records from `offset` on again.
    ///
    /// All of them are named, not only the first: whether AWS resumes a partition at the lowest
    /// offset named or sends just the records named, nothing is left out.
    pub fn retry_from(&mut self, slice: &Slice<'_>, offset: i64) {
        let partition = slice.partition_key();
        let missed = slice.records.iter().filter(|record| record.offset >= offset);
        self.failures.extend(missed.map(|record| ItemFailure {
            item: ItemIdentifier { partition: partition.clone(), offset: record.offset },
        }));
    }

    /// Whether every record is done.
    pub fn is_complete(&self) -> bool {
        self.failures.is_empty()
    }
}
