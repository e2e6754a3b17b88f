//! From what became of a submission to an HTTP response. The only file that knows statuses.

use event::Receipt;
use json_http::{Retry, failed, json};
use lambda_http::{Body, Response, http::StatusCode};
use publish::PublishError;
use serde::Serialize;

use crate::request::Refusal;

/// What became of a submission.
pub(crate) type Outcome = Result<Receipt, Failure>;

/// Why an event has no receipt.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The caller's mistake.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Ours, or Kafka's.
    #[error(transparent)]
    Publish(#[from] PublishError),
}

/// The body of a success.
#[derive(Serialize)]
struct Accepted {
    event_id: String,
    status: &'static str,
    message: &'static str,
}

/// The response to a submission.
pub(crate) fn respond(outcome: &Outcome) -> Response<Body> {
    match outcome {
        Ok(receipt) => {
            let body = Accepted {
                event_id: receipt.to_string(),
                status: "pending",
                message: "Event registered successfully",
            };
            json(StatusCode::ACCEPTED, &body)
        }
        Err(Failure::Refused(refusal)) => failed(&refused(refusal)),
        Err(Failure::Publish(error)) => {
            failed(&json_http::Failure::unpublished(error, "event", "registered", "not_registered"))
        }
    }
}

fn refused(refusal: &Refusal) -> json_http::Failure<'static> {
    let code = match refusal {
        Refusal::Request(error) => return error.failure(),
        Refusal::KeyTooLong { .. } => "partition_key_too_long",
        Refusal::HeaderText { .. } | Refusal::Attribute(_) => "invalid_header",
    };
    json_http::Failure::new(StatusCode::BAD_REQUEST, code, refusal.to_string(), Retry::No)
}
