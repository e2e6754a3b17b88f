//! What a person is told about a mapping's batches, as log lines.

use crate::mapping::Note;

/// Logs a note at the level of what it asks of its reader.
pub(super) fn log(note: &Note) {
    match note {
        Note::RecordTooLarge { partition, offset, size_bytes } => tracing::error!(
            kafka.partition = partition,
            kafka.offset = offset,
            event.size_bytes = size_bytes,
            "A record does not fit into an event and is skipped",
        ),
        Note::InvocationFailed { ranges, failures, retry_in, reason } => tracing::warn!(
            ?ranges,
            failures,
            ?retry_in,
            reason,
            "The function failed; the batch will be tried again",
        ),
        Note::NotInvoked { ranges, retry_in, reason } => tracing::warn!(
            ?ranges,
            ?retry_in,
            reason,
            "The function was not reached; the batch will be tried again",
        ),
        Note::CommitFailed { failures: 1, reason } => {
            tracing::warn!(reason, "Failed to commit offsets; trying again");
        }
        Note::CommitFailed { failures, reason } => {
            tracing::debug!(failures, reason, "Failed to commit offsets again");
        }
    }
}
