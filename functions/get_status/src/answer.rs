//! From an answer to an HTTP response. The only file that knows statuses.

use event::Receipt;
use jiff::Timestamp;
use json_http::{Failure, RETRY_AFTER_SECONDS, Retry, json};
use lambda_http::{
    Body, Response,
    http::{StatusCode, header::RETRY_AFTER},
};
use progress::Status;
use serde::Serialize;

/// What a request is told.
#[derive(Debug)]
pub(crate) enum Answer {
    /// What became of an event.
    Event { receipt: Receipt, status: Status },
    /// Nobody ever got this event id, or for another stream.
    NoSuchEvent,
    /// The table did not tell.
    StatusUnavailable,
    /// How the system is.
    System(System),
    /// The process is up.
    Up,
    /// There is no such question.
    NoSuchPath,
}

/// How the system is.
#[derive(Debug)]
pub(crate) struct System {
    pub(crate) kafka_reachable: bool,
    pub(crate) table_reachable: bool,
    pub(crate) lag: Lag,
}

/// How many records wait.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Lag {
    Unknown,
    Records(i64),
}

/// `{"event_id","status"}`, with when and why where there is such.
#[derive(Default, Serialize)]
struct EventBody {
    event_id: String,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    processed_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failed_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    skipped_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

/// `lag` is null while it cannot be known.
#[derive(Serialize)]
struct SystemBody {
    status: &'static str,
    kafka: &'static str,
    table: &'static str,
    lag: Option<i64>,
}

#[derive(Serialize)]
struct UpBody {
    status: &'static str,
}

/// The response for an answer.
pub(crate) fn respond(answer: &Answer) -> Response<Body> {
    match answer {
        Answer::Event { receipt, status } => json(StatusCode::OK, &event_body(*receipt, status)),
        Answer::NoSuchEvent => failed(StatusCode::NOT_FOUND, "not_found", "event not found"),
        Answer::StatusUnavailable => failed(
            StatusCode::SERVICE_UNAVAILABLE,
            "status_unavailable",
            "the status cannot be read now, try again",
        ),
        Answer::System(system) => {
            let well = system.kafka_reachable && system.table_reachable;
            let status = if well { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
            let mut response = json(status, &system_body(system, well));
            if !well {
                response.headers_mut().insert(RETRY_AFTER, RETRY_AFTER_SECONDS);
            }
            response
        }
        Answer::Up => json(StatusCode::OK, &UpBody { status: "healthy" }),
        Answer::NoSuchPath => failed(StatusCode::NOT_FOUND, "no_such_path", "path not found"),
    }
}

fn event_body(receipt: Receipt, status: &Status) -> EventBody {
    let event_id = receipt.to_string();
    match status {
        Status::Pending => EventBody { event_id, status: "pending", ..EventBody::default() },
        Status::Processed { at_ms } => EventBody {
            event_id,
            status: "processed",
            processed_at: time(*at_ms),
            ..EventBody::default()
        },
        Status::Failed { reason, at_ms } => EventBody {
            event_id,
            status: "failed",
            failed_at: time(*at_ms),
            reason: Some(reason.clone()),
            ..EventBody::default()
        },
        Status::Skipped { at_ms } => EventBody {
            event_id,
            status: "skipped",
            skipped_at: time(*at_ms),
            ..EventBody::default()
        },
        Status::Expired => EventBody { event_id, status: "expired", ..EventBody::default() },
    }
}

/// RFC 3339 in UTC; none for a time that no calendar has.
fn time(at_ms: i64) -> Option<String> {
    Timestamp::from_millisecond(at_ms).ok().map(|at| at.to_string())
}

fn system_body(system: &System, well: bool) -> SystemBody {
    let reachable = |yes| if yes { "reachable" } else { "unreachable" };
    SystemBody {
        status: if well { "healthy" } else { "unhealthy" },
        kafka: reachable(system.kafka_reachable),
        table: reachable(system.table_reachable),
        lag: match system.lag {
            Lag::Unknown => None,
            Lag::Records(records) => Some(records),
        },
    }
}

fn failed(status: StatusCode, code: &'static str, message: &'static str) -> Response<Body> {
    let retry = if status == StatusCode::SERVICE_UNAVAILABLE { Retry::Safe } else { Retry::No };
    json_http::failed(&Failure::new(status, code, message, retry))
}
