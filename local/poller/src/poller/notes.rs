//! What a person is told about a mapping's batches, as log lines.

use crate::mapping::Note;

/// Logs a note at the level of what it asks of its reader.
pub(super) fn log(note: &Note) {
    match note {
        Note::InvocationFailed { ranges, attempts, retry_in, reason } => tracing::warn!(
            ?ranges,
            attempts,
            ?retry_in,
            reason,
            "The function failed on these records",
        ),
        Note::Split { range, reason } => {
            tracing::warn!(
                ?range,
                reason,
                "The function failed; the records go again in two parts"
            );
        }
        Note::NotInvoked { ranges, retry_in, reason } => tracing::warn!(
            ?ranges,
            ?retry_in,
            reason,
            "The function was not reached; the batch will be tried again",
        ),
        Note::PartlyFailed { range, records, attempts } => tracing::warn!(
            ?range,
            records,
            attempts,
            "The function named records that failed; the others are done",
        ),
        Note::Dropped { range, records, condition } => tracing::error!(
            ?range,
            records,
            ?condition,
            "Records are given up and dropped: the mapping has no on-failure destination",
        ),
        Note::Delivered { range, records, condition } => tracing::warn!(
            ?range,
            records,
            ?condition,
            "Records are given up and in the on-failure destination",
        ),
        Note::NotDelivered { range, records, reason } => tracing::error!(
            ?range,
            records,
            reason,
            "Records are given up and dropped: the on-failure destination did not take them",
        ),
        Note::Remembered { range, attempts, since_ms } => tracing::info!(
            ?range,
            attempts,
            since_ms,
            "Records were tried by an earlier poller; the count goes on",
        ),
        Note::Misread(misreading) => {
            tracing::warn!("AWS reads this answer otherwise than it was meant: {misreading}");
        }
        Note::CommitFailed { failures: 1, reason } => {
            tracing::warn!(reason, "Failed to commit offsets; trying again");
        }
        Note::CommitFailed { failures, reason } => {
            tracing::debug!(failures, reason, "Failed to commit offsets again");
        }
    }
}
