//! From what became of a request to an HTTP response. The only file that knows statuses.

use event::Receipt;
use jiff::Timestamp;
use json_http::{Failure, RequestError, Retry, failed, json};
use lambda_http::{Body, Response, http::StatusCode};
use orders::FieldProblem;
use progress::Status;
use publish::PublishError;
use serde::Serialize;

/// What a request is told.
pub(crate) type Answer = Result<Success, Problem>;

/// What was asked for.
#[derive(Debug)]
pub(crate) enum Success {
    /// Kafka has the order.
    Placed(Receipt),
    /// What became of an order.
    Order { receipt: Receipt, status: Status },
}

/// Why it is not to be had.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Problem {
    /// The caller's mistake.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// The caller's mistake in the fields of an order.
    #[error("the order has wrong fields")]
    Fields(Vec<FieldProblem>),
    /// Ours, or Kafka's.
    #[error(transparent)]
    Publish(#[from] PublishError),
    /// Nobody ever got this order id, or for another stream.
    #[error("order not found")]
    NoSuchOrder,
    /// The table did not tell.
    #[error("the status cannot be read now, try again")]
    StatusUnavailable,
    /// There is no such question.
    #[error("path not found")]
    NoSuchPath,
}

/// `{"order_id","status"}`, with when and why where there is such.
#[derive(Default, Serialize)]
struct OrderBody {
    order_id: String,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reserved_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failed_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

/// The response for an answer.
pub(crate) fn respond(answer: &Answer) -> Response<Body> {
    match answer {
        Ok(Success::Placed(receipt)) => {
            let order_id = receipt.to_string();
            json(
                StatusCode::ACCEPTED,
                &OrderBody { order_id, status: "placed", ..OrderBody::default() },
            )
        }
        Ok(Success::Order { receipt, status }) => {
            json(StatusCode::OK, &order(receipt.to_string(), status))
        }
        Err(problem) => failed(&failure(problem)),
    }
}

fn order(order_id: String, status: &Status) -> OrderBody {
    let body = OrderBody { order_id, ..OrderBody::default() };
    match status {
        Status::Pending => OrderBody { status: "placed", ..body },
        Status::Processed { at_ms } => {
            OrderBody { status: "reserved", reserved_at: time(*at_ms), ..body }
        }
        Status::Failed { reason, at_ms } => OrderBody {
            status: "failed",
            failed_at: time(*at_ms),
            reason: Some(reason.clone()),
            ..body
        },
        Status::Skipped { .. } => OrderBody { status: "skipped", ..body },
        Status::Expired => OrderBody { status: "expired", ..body },
    }
}

/// RFC 3339 in UTC; none for a time that no calendar has.
fn time(at_ms: i64) -> Option<String> {
    Timestamp::from_millisecond(at_ms).ok().map(|at| at.to_string())
}

fn failure(problem: &Problem) -> Failure<'static> {
    let (status, code, retry) = match problem {
        Problem::Request(error) => return error.failure(),
        Problem::Publish(error) => {
            return Failure::unpublished(error, "order", "placed", "not_placed");
        }
        Problem::Fields(_) => (StatusCode::BAD_REQUEST, "invalid_order", Retry::No),
        Problem::NoSuchOrder => (StatusCode::NOT_FOUND, "not_found", Retry::No),
        Problem::StatusUnavailable => {
            (StatusCode::SERVICE_UNAVAILABLE, "status_unavailable", Retry::Safe)
        }
        Problem::NoSuchPath => (StatusCode::NOT_FOUND, "no_such_path", Retry::No),
    };
    let failure = Failure::new(status, code, problem.to_string(), retry);
    let Problem::Fields(problems) = problem else { return failure };
    let fields = problems.iter().map(|problem| (problem.field, problem.problem.clone()));
    Failure { fields: fields.collect(), ..failure }
}
