//! How answers look: JSON, and every failure in one shape.

use std::{borrow::Cow, collections::BTreeMap};

use lambda_http::{
    Body, Response,
    http::{
        HeaderValue, StatusCode,
        header::{CONTENT_TYPE, RETRY_AFTER},
    },
};
use publish::PublishError;
use serde::Serialize;

/// Long enough for a broker to elect a leader, short enough not to be noticed.
pub const RETRY_AFTER_SECONDS: HeaderValue = HeaderValue::from_static("1");

/// A failure as its caller is told.
#[derive(Debug)]
pub struct Failure<'f> {
    /// The status.
    pub status: StatusCode,
    /// What programs look at.
    pub code: &'f str,
    /// What people read.
    pub message: Cow<'f, str>,
    /// Line and column, where the body is not JSON.
    pub place: Option<(usize, usize)>,
    /// What is wrong with each field.
    pub fields: BTreeMap<&'f str, String>,
    /// Whether to try again.
    pub retry: Retry,
}

/// Whether to try again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// After a second, without risk.
    Safe,
    /// Not as it is, or not without risk.
    No,
}

impl<'f> Failure<'f> {
    /// A failure without a place and fields.
    pub fn new(
        status: StatusCode,
        code: &'f str,
        message: impl Into<Cow<'f, str>>,
        retry: Retry,
    ) -> Self {
        let fields = BTreeMap::new();
        Self { status, code, message: message.into(), place: None, fields, retry }
    }

    /// Something that Kafka does not have, or perhaps has: `noun` was not, or may have been, `verb`.
    ///
    /// The caller is told the consequence; why is our business.
    pub fn unpublished(error: &PublishError, noun: &str, verb: &str, code: &'f str) -> Self {
        let status = StatusCode::SERVICE_UNAVAILABLE;
        match error {
            PublishError::TooLarge { .. } => {
                let status = StatusCode::PAYLOAD_TOO_LARGE;
                Self::new(status, "body_too_large", error.to_string(), Retry::No)
            }
            // The topic is ours to create and the permission ours to get: the caller has made no mistake.
            PublishError::UnknownTopic { .. }
            | PublishError::NotAllowed { .. }
            | PublishError::QueueFull
            | PublishError::Away
            | PublishError::NotSent { .. } => {
                let message = format!("the {noun} was not {verb}, try again");
                Self::new(status, code, message, Retry::Safe)
            }
            PublishError::OutcomeUnknown { .. } => {
                let message =
                    format!("outcome unknown: the {noun} may or may not have been {verb}");
                Self::new(status, "outcome_unknown", message, Retry::No)
            }
        }
    }
}

/// The body of every failure: `{"error":{"code","message"}}`, with the place where the body is not JSON
/// and the fields that are wrong.
#[derive(Serialize)]
struct Failed<'f> {
    error: Problem<'f>,
}

#[derive(Serialize)]
struct Problem<'f> {
    code: &'f str,
    message: &'f str,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<usize>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    fields: &'f BTreeMap<&'f str, String>,
}

/// The response to what failed.
pub fn failed(failure: &Failure<'_>) -> Response<Body> {
    let Failure { status, code, message, place, fields, retry } = failure;
    let (line, column) = place.unzip();
    let error = Problem { code, message, line, column, fields };
    let mut response = json(*status, &Failed { error });
    if *retry == Retry::Safe {
        response.headers_mut().insert(RETRY_AFTER, RETRY_AFTER_SECONDS);
    }
    response
}

/// A response with a JSON body.
pub fn json(status: StatusCode, body: &impl Serialize) -> Response<Body> {
    let body = serde_json::to_string(body).expect("these bodies are texts and numbers");
    let mut response = Response::new(Body::Text(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
