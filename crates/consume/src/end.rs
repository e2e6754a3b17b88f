//! How a slice ended.

use kafka_batch::Slice;
use progress::{ApplyError, Counts, Entry, Report};

/// How a slice ended.
#[derive(Debug, Default)]
pub struct SliceEnd {
    /// The records that are done.
    pub counts: Counts,
    /// Where and why it ended before its end.
    pub(crate) unfinished: Option<Unfinished>,
}

/// Where and why a slice ended before its end.
#[derive(Debug)]
pub(crate) struct Unfinished {
    pub(crate) offset: i64,
    pub(crate) cause: String,
    /// Whether only a person can move it.
    pub(crate) refused: bool,
}

impl SliceEnd {
    /// A slice of which nothing was tried.
    pub fn untouched(slice: &Slice<'_>, error: &(dyn std::error::Error + 'static)) -> Self {
        let offset = slice.records.first().map_or(0, |record| record.offset);
        let cause = telemetry::chain(error).to_string();
        let unfinished = Unfinished { offset, cause, refused: false };
        Self { counts: Counts::default(), unfinished: Some(unfinished) }
    }

    /// A slice of which all must come again, because what belongs to it was not done.
    #[must_use]
    pub fn again(self, slice: &Slice<'_>, error: &(dyn std::error::Error + 'static)) -> Self {
        Self { counts: self.counts, ..Self::untouched(slice, error) }
    }

    /// What the ledger reports.
    pub fn of<F: std::error::Error + 'static>(report: &Report<F>) -> Self {
        let unfinished = report.stop.as_ref().map(|stop| Unfinished {
            offset: stop.offset,
            cause: telemetry::chain(&stop.error).to_string(),
            refused: matches!(stop.error, ApplyError::Plan(_)),
        });
        Self { counts: report.counts, unfinished }
    }
}

/// The records of a slice as the ledger looks at them.
pub fn entries(slice: &Slice<'_>) -> Vec<Entry> {
    let entry = |record: &kafka_batch::Record<'_>| {
        let headers = record.headers.iter().map(|header| (&*header.name, &*header.value));
        let (key, value) = (record.key.as_deref(), record.value.as_deref());
        let checksum = progress::checksum(record.timestamp_ms, key, value, headers);
        Entry { offset: record.offset, checksum }
    };
    slice.records.iter().map(entry).collect()
}
