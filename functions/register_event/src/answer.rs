//! From what became of a submission to an HTTP response. The only file that knows statuses.

use event::Receipt;
use lambda_http::{
    Body, Response,
    http::{
        HeaderValue, StatusCode,
        header::{CONTENT_TYPE, RETRY_AFTER},
    },
};
use publish::PublishError;
use serde::Serialize;

use crate::request::Refusal;

/// Long enough for a broker to elect a leader, short enough not to be noticed.
const RETRY_AFTER_SECONDS: HeaderValue = HeaderValue::from_static("1");

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

/// The body of every failure: `{"error":{"code","message"}}`, with the place where the body is not JSON.
#[derive(Serialize)]
struct Failed<'a> {
    error: Problem<'a>,
}

#[derive(Serialize)]
struct Problem<'a> {
    code: &'a str,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<usize>,
}

/// What a status is to the caller, the code that programs look at, and whether to try again.
struct Verdict {
    status: StatusCode,
    code: &'static str,
    retry: Retry,
}

enum Retry {
    /// After a second, without risk.
    Safe,
    /// Not as it is, or not without risk.
    No,
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
            response(StatusCode::ACCEPTED, &body)
        }
        Err(failure) => {
            let Verdict { status, code, retry } = verdict(failure);
            let (line, column) = place(failure);
            let error = Problem { code, message: message(failure), line, column };
            let mut response = response(status, &Failed { error });
            if let Retry::Safe = retry {
                response.headers_mut().insert(RETRY_AFTER, RETRY_AFTER_SECONDS);
            }
            response
        }
    }
}

/// Every failure's status.
fn verdict(failure: &Failure) -> Verdict {
    let (status, code, retry) = match failure {
        Failure::Refused(refusal) => match refusal {
            Refusal::MediaType { .. } => {
                (StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", Retry::No)
            }
            Refusal::BodyTooLarge { .. } => {
                (StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", Retry::No)
            }
            Refusal::Json { .. } => (StatusCode::BAD_REQUEST, "invalid_json", Retry::No),
            Refusal::KeyTooLong { .. } => {
                (StatusCode::BAD_REQUEST, "partition_key_too_long", Retry::No)
            }
            Refusal::HeaderText { .. } | Refusal::Attribute(_) => {
                (StatusCode::BAD_REQUEST, "invalid_header", Retry::No)
            }
        },
        Failure::Publish(error) => match error {
            PublishError::TooLarge { .. } => {
                (StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", Retry::No)
            }
            // The topic is ours to create and the permission ours to get: the caller has made no mistake.
            PublishError::UnknownTopic { .. }
            | PublishError::NotAllowed { .. }
            | PublishError::QueueFull
            | PublishError::Away
            | PublishError::NotSent { .. } => {
                (StatusCode::SERVICE_UNAVAILABLE, "not_registered", Retry::Safe)
            }
            PublishError::OutcomeUnknown { .. } => {
                (StatusCode::SERVICE_UNAVAILABLE, "outcome_unknown", Retry::No)
            }
        },
    };
    Verdict { status, code, retry }
}

/// What a caller may know: their own mistakes in full, of ours only the consequence.
fn message(failure: &Failure) -> String {
    match failure {
        Failure::Refused(refusal) => refusal.to_string(),
        Failure::Publish(error) => match error {
            PublishError::TooLarge { .. } => error.to_string(),
            PublishError::UnknownTopic { .. }
            | PublishError::NotAllowed { .. }
            | PublishError::QueueFull
            | PublishError::Away
            | PublishError::NotSent { .. } => "the event was not registered, try again".to_owned(),
            PublishError::OutcomeUnknown { .. } => {
                "outcome unknown: the event may or may not have been registered".to_owned()
            }
        },
    }
}

fn place(failure: &Failure) -> (Option<usize>, Option<usize>) {
    match failure {
        Failure::Refused(Refusal::Json { line, column, .. }) => (Some(*line), Some(*column)),
        Failure::Refused(_) | Failure::Publish(_) => (None, None),
    }
}

fn response(status: StatusCode, body: &impl Serialize) -> Response<Body> {
    let body = serde_json::to_string(body).expect("these bodies are texts and numbers");
    let mut response = Response::new(Body::Text(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
