//! One commit as the writes of a `TransactWriteItems`, and its failures told apart.

use aws_sdk_dynamodb::{
    config::http::HttpResponse,
    error::SdkError,
    operation::transact_write_items::TransactWriteItemsError,
    types::{CancellationReason, Put, TransactWriteItem, Update},
};

use crate::{
    fence::{Advance, Attempt},
    keys::{FENCE_SK, PartitionKey},
    store::{Commit, CommitError, dynamodb::items},
};

use items::{late_attribute, number};

/// Where the caller's effects start in a transaction: after the fence and the chunk.
const EFFECTS_START: usize = 2;

/// The fence, the chunk, and the caller's effects.
pub(super) fn writes(
    table: &str,
    partition: &PartitionKey,
    commit: Commit<TransactWriteItem>,
) -> Vec<TransactWriteItem> {
    let fence = fence_update(table, partition, &commit.advance, commit.chunk.expires_at);
    let chunk = Put::builder()
        .table_name(table)
        .set_item(Some(items::chunk_item(partition, commit.chunk)))
        .condition_expression("attribute_not_exists(pk)")
        .build()
        .expect("it has a table and an item");
    let mut writes = vec![
        TransactWriteItem::builder().update(fence).build(),
        TransactWriteItem::builder().put(chunk).build(),
    ];
    writes.extend(commit.effects);
    writes
}

/// [`crate::Fence`]'s `advance` as an expression.
fn fence_update(table: &str, partition: &PartitionKey, advance: &Advance, horizon: i64) -> Update {
    let mut set =
        vec!["#version = :version", "#next = :next", "#horizon = :horizon", "#now = :now"];
    let (mut add, mut remove) = (Vec::new(), Vec::new());
    let mut update = Update::builder()
        .table_name(table)
        .set_key(Some(items::key(partition.as_str(), FENCE_SK)))
        .expression_attribute_names("#version", "version")
        .expression_attribute_names("#next", "next")
        .expression_attribute_names("#horizon", "horizon")
        .expression_attribute_names("#now", "updated_at_ms")
        .expression_attribute_values(":version", number(advance.version + 1))
        .expression_attribute_values(":next", number(advance.next))
        .expression_attribute_values(":horizon", number(horizon))
        .expression_attribute_values(":now", number(advance.now_ms));
    match (advance.done, advance.then) {
        (Attempt::OnTime, then) => {
            set.push("#attempts = :attempts");
            update = update
                .expression_attribute_names("#attempts", "attempts")
                .expression_attribute_values(":attempts", number(i32::from(then.is_some())));
        }
        (Attempt::Late(offset), then) => {
            remove.push("#done");
            update = update.expression_attribute_names("#done", late_attribute(offset));
            if let Some(then) = then {
                let counter = match then {
                    Attempt::OnTime => "attempts".to_owned(),
                    Attempt::Late(offset) => late_attribute(offset),
                };
                add.push("#then :one");
                update = update
                    .expression_attribute_names("#then", counter)
                    .expression_attribute_values(":one", number(1));
            }
        }
    }
    let update = if advance.version == 0 {
        update.condition_expression("attribute_not_exists(#version)")
    } else {
        update
            .condition_expression("#version = :expected")
            .expression_attribute_values(":expected", number(advance.version))
    };
    let clauses = [("SET", set), ("ADD", add), ("REMOVE", remove)];
    let clauses = clauses.into_iter().filter(|(_, parts)| !parts.is_empty());
    let clauses: Vec<_> =
        clauses.map(|(verb, parts)| format!("{verb} {}", parts.join(", "))).collect();
    update.update_expression(clauses.join(" ")).build().expect("it has a table, a key, an update")
}

/// What a failed call means.
pub(super) fn verdict(error: SdkError<TransactWriteItemsError, HttpResponse>) -> CommitError {
    let Some(service) = error.as_service_error() else {
        return match error {
            SdkError::ConstructionFailure(_) => CommitError::Rejected(error.into()),
            _ => CommitError::Unknown(error.into()),
        };
    };
    match service {
        TransactWriteItemsError::TransactionCanceledException(canceled) => {
            match canceled_for(canceled.cancellation_reasons()) {
                Some(known) => known,
                None => CommitError::Rejected(error.into()),
            }
        }
        TransactWriteItemsError::ProvisionedThroughputExceededException(_)
        | TransactWriteItemsError::RequestLimitExceeded(_)
        | TransactWriteItemsError::ThrottlingException(_) => CommitError::Conflict,
        TransactWriteItemsError::InternalServerError(_)
        | TransactWriteItemsError::TransactionInProgressException(_) => {
            CommitError::Unknown(error.into())
        }
        // Validation errors have no type of their own; everything else with a 4xx is one, too.
        _ if error.raw_response().is_some_and(|answer| answer.status().is_client_error()) => {
            CommitError::Rejected(error.into())
        }
        _ => CommitError::Unknown(error.into()),
    }
}

/// Reads the reasons of a cancellation, which stand in the order of the writes. `None` when one of
/// them says that no repetition can help.
fn canceled_for(reasons: &[CancellationReason]) -> Option<CommitError> {
    let mut refused_effect = None;
    let mut conflict = false;
    for (index, reason) in reasons.iter().enumerate() {
        match reason.code().unwrap_or("None") {
            "None" => {}
            "ConditionalCheckFailed" if index >= EFFECTS_START => {
                refused_effect = refused_effect.or(Some(index - EFFECTS_START));
            }
            "ConditionalCheckFailed"
            | "TransactionConflict"
            | "ProvisionedThroughputExceeded"
            | "ThrottlingError" => conflict = true,
            _ => return None,
        }
    }
    match refused_effect {
        // A fence that moved explains the effect's condition as well.
        _ if conflict => Some(CommitError::Conflict),
        Some(index) => Some(CommitError::EffectRefused { index }),
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::error::ErrorMetadata;

    use super::*;

    fn reasons(codes: &[&str]) -> Vec<CancellationReason> {
        codes.iter().map(|code| CancellationReason::builder().code(*code).build()).collect()
    }

    #[track_caller]
    fn check(codes: &[&str], expected: Option<&str>) {
        let found = canceled_for(&reasons(codes)).map(|error| error.to_string());
        assert_eq!(found.as_deref(), expected, "{codes:?}");
    }

    fn answered(status: u16, code: &str) -> CommitError {
        let error = ErrorMetadata::builder().code(code).build();
        let answer = HttpResponse::new(status.try_into().unwrap(), "".into());
        verdict(SdkError::service_error(TransactWriteItemsError::generic(error), answer))
    }

    #[test]
    fn only_what_the_table_understood_and_refused_was_certainly_not_written() {
        let rejected = answered(400, "ValidationException");
        assert!(matches!(rejected, CommitError::Rejected(_)), "{rejected:?}");
        for status in [500, 503] {
            let unknown = answered(status, "ServiceUnavailable");
            assert!(matches!(unknown, CommitError::Unknown(_)), "{unknown:?}");
        }
    }

    #[test]
    fn a_cancellation_is_read_by_its_reasons() {
        let (conflict, refused) = (
            Some("another transaction was first"),
            Some("the condition of effect 1 does not hold"),
        );
        check(&["ConditionalCheckFailed", "None"], conflict);
        check(&["None", "ConditionalCheckFailed"], conflict);
        check(&["TransactionConflict", "None", "None"], conflict);
        check(&["None", "ThrottlingError"], conflict);
        check(&["None", "None", "None", "ConditionalCheckFailed"], refused);
        check(&["ConditionalCheckFailed", "None", "None", "ConditionalCheckFailed"], conflict);
        check(&["None", "ValidationError"], None);
        check(&["ConditionalCheckFailed", "ItemCollectionSizeLimitExceeded"], None);
    }
}
