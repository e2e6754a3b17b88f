//! Every status, header and error body that the Invoke API answers.
//!
//! Source: <https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html#API_Invoke_Errors>

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response, StatusCode, header};
use http_body_util::Full;

use crate::function::Reply;
use crate::http_server::{empty, json};
use crate::ids::RequestId;
use crate::invoke_api::stream::frames;
use crate::invoke_api::target::LATEST;

const ERROR_TYPE: HeaderName = HeaderName::from_static("x-amzn-errortype");
const EXECUTED_VERSION: HeaderName = HeaderName::from_static("x-amz-executed-version");
const FUNCTION_ERROR: HeaderName = HeaderName::from_static("x-amz-function-error");
const LOG_RESULT: HeaderName = HeaderName::from_static("x-amz-log-result");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");

const EVENT_STREAM: HeaderValue = HeaderValue::from_static("application/vnd.amazon.eventstream");

/// A request that was in order.
#[derive(Debug)]
pub(super) enum Taken {
    /// `RequestResponse`, with what came of it.
    Ended(Ended),
    /// The same, for a caller that wants it as a stream.
    Streamed(Ended),
    /// `Event`.
    Queued(RequestId),
    /// `DryRun`.
    Allowed(RequestId),
    /// A look at functions.
    Told(serde_json::Value),
}

/// What came of an invocation.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) request: RequestId,
    pub(super) reply: Reply,
    /// The end of its log, where that was wanted.
    pub(super) log: Option<String>,
    /// AWS's name of the limit that would throttle it.
    pub(super) throttle_reason: &'static str,
}

/// Why a request is not taken.
#[derive(Debug)]
pub(super) enum Refused {
    NoSuchPath,
    NoSuchFunction { arn: String },
    TooLarge { bytes_max: usize },
    InvalidContent { message: String },
    InvalidParameter { message: String },
    Throttled { reason: &'static str },
    ShuttingDown,
}

pub(super) fn taken(taken: Taken) -> Response<Full<Bytes>> {
    match taken {
        Taken::Ended(ended) => end(ended),
        Taken::Streamed(ended) => stream(ended),
        Taken::Queued(request) => of_invocation(empty(StatusCode::ACCEPTED), request),
        Taken::Allowed(request) => of_invocation(empty(StatusCode::NO_CONTENT), request),
        Taken::Told(description) => {
            of_request(json(StatusCode::OK, description.to_string()), RequestId::random())
        }
    }
}

fn end(ended: Ended) -> Response<Full<Bytes>> {
    let Ended { request, reply, log, throttle_reason: reason } = ended;
    let mut response = match reply {
        Reply::Succeeded(response) => json(StatusCode::OK, response),
        Reply::FunctionError(document) => {
            let mut response = json(StatusCode::OK, document);
            let unhandled = HeaderValue::from_static("Unhandled");
            response.headers_mut().insert(FUNCTION_ERROR, unhandled);
            response
        }
        Reply::Throttled => return refused(&Refused::Throttled { reason }),
        Reply::ShuttingDown => return refused(&Refused::ShuttingDown),
    };
    if let Some(log) = log {
        let log = HeaderValue::try_from(BASE64_STANDARD.encode(log));
        response.headers_mut().insert(LOG_RESULT, log.expect("base64 is printable ASCII"));
    }
    of_invocation(response, request)
}

fn stream(ended: Ended) -> Response<Full<Bytes>> {
    let log = ended.log.as_ref().map(|log| BASE64_STANDARD.encode(log));
    let Some(frames) = frames(&ended.reply, log) else { return end(ended) };
    let mut response = Response::new(Full::new(frames));
    response.headers_mut().insert(header::CONTENT_TYPE, EVENT_STREAM);
    of_invocation(response, ended.request)
}

fn of_invocation(mut response: Response<Full<Bytes>>, request: RequestId) -> Response<Full<Bytes>> {
    response.headers_mut().insert(EXECUTED_VERSION, HeaderValue::from_static(LATEST));
    of_request(response, request)
}

fn of_request(mut response: Response<Full<Bytes>>, request: RequestId) -> Response<Full<Bytes>> {
    let request = HeaderValue::try_from(request.to_string());
    response.headers_mut().insert(REQUEST_ID, request.expect("a request id is printable ASCII"));
    response
}

pub(super) fn refused(refused: &Refused) -> Response<Full<Bytes>> {
    let (status, error_type, mut body) = describe(refused);
    // What `cargo lambda invoke` shows of any error; the AWS SDKs do not look at these.
    let message = body.get("Message").or_else(|| body.get("message")).cloned();
    body["errorType"] = error_type.into();
    body["errorMessage"] = message.into();
    let mut response = json(status, body.to_string());
    let headers = response.headers_mut();
    headers.insert(ERROR_TYPE, HeaderValue::from_static(error_type));
    if status == StatusCode::TOO_MANY_REQUESTS || status == StatusCode::SERVICE_UNAVAILABLE {
        headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    of_request(response, RequestId::random())
}

/// The spelling of `message` and `Message` is AWS's.
fn describe(refused: &Refused) -> (StatusCode, &'static str, serde_json::Value) {
    let (status, error_type, message) = match refused {
        Refused::NoSuchPath => (
            StatusCode::NOT_FOUND,
            "UnknownOperationException",
            "This is the Lambda endpoint of a local cloud; it serves POST \
             /2015-03-31/functions/{name}/invocations, and GetFunction and ListFunctions"
                .to_owned(),
        ),
        Refused::NoSuchFunction { arn } => {
            let body = serde_json::json!({
                "Type": "User",
                "Message": format!("Function not found: {arn}"),
            });
            return (StatusCode::NOT_FOUND, "ResourceNotFoundException", body);
        }
        Refused::TooLarge { bytes_max } => (
            StatusCode::PAYLOAD_TOO_LARGE,
            "RequestTooLargeException",
            format!(
                "Request must be smaller than {bytes_max} bytes for the InvokeFunction operation"
            ),
        ),
        Refused::InvalidContent { message } => {
            (StatusCode::BAD_REQUEST, "InvalidRequestContentException", message.clone())
        }
        Refused::InvalidParameter { message } => {
            (StatusCode::BAD_REQUEST, "InvalidParameterValueException", message.clone())
        }
        Refused::Throttled { reason } => {
            let body = serde_json::json!({
                "Reason": reason,
                "Type": "User",
                "message": "Rate Exceeded.",
            });
            return (StatusCode::TOO_MANY_REQUESTS, "TooManyRequestsException", body);
        }
        Refused::ShuttingDown => {
            let body = serde_json::json!({
                "Type": "Service",
                "Message": "The host is shutting down",
            });
            return (StatusCode::SERVICE_UNAVAILABLE, "ServiceException", body);
        }
    };
    (status, error_type, serde_json::json!({ "Type": "User", "message": message }))
}
