//! What a person is told about a mapping's batches, as log lines.

use crate::mapping::Note;
use crate::system_log::PollerLog;

/// Logs a note at the level of what it asks of its reader, and what went wrong in the mapping's log.
pub(super) fn log(note: &Note, log: &PollerLog) {
    if let Some((code, message)) = trouble(note) {
        log.warn(code, &message);
    }
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

/// What goes into the mapping's log, with a word for what it is: AWS shows only those of its Kafka
/// client.
fn trouble(note: &Note) -> Option<(&'static str, String)> {
    Some(match note {
        Note::InvocationFailed { ranges, reason, .. } => {
            ("FunctionError", format!("{ranges:?}: {reason}"))
        }
        Note::Split { range, reason } => ("FunctionError", format!("{range:?}: {reason}")),
        Note::NotInvoked { ranges, reason, .. } => ("InvokeError", format!("{ranges:?}: {reason}")),
        Note::PartlyFailed { range, records, .. } => {
            ("BatchItemFailures", format!("{records} records of {range:?}"))
        }
        Note::Dropped { range, records, condition } => {
            ("DroppedEvents", format!("{records} records of {range:?}: {condition:?}"))
        }
        Note::NotDelivered { range, reason, .. } => {
            ("OnFailureDestinationDeliveryError", format!("{range:?}: {reason}"))
        }
        Note::Misread(misreading) => ("BatchItemFailures", misreading.to_string()),
        Note::CommitFailed { reason, .. } => ("CommitError", reason.clone()),
        Note::Delivered { .. } | Note::Remembered { .. } => return None,
    })
}
