//! Every status, header and error body that the Invoke API answers.
//!
//! Source: <https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html#API_Invoke_Errors>

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response, StatusCode, header};
use http_body_util::Full;

use crate::function::Reply;
use crate::http_server::{empty, json};
use crate::ids::RequestId;
use crate::invoke_api::target::LATEST;

const ERROR_TYPE: HeaderName = HeaderName::from_static("x-amzn-errortype");
const EXECUTED_VERSION: HeaderName = HeaderName::from_static("x-amz-executed-version");
const FUNCTION_ERROR: HeaderName = HeaderName::from_static("x-amz-function-error");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");

/// A request that was in order.
#[derive(Debug)]
pub(super) enum Taken {
    /// `RequestResponse`, with what came of it.
    Ended(Reply),
    /// `Event`.
    Queued,
    /// `DryRun`.
    Allowed,
}

/// Why a request is not taken.
#[derive(Debug)]
pub(super) enum Refused {
    NoSuchPath,
    NoSuchFunction { name: String },
    TooLarge { bytes_max: usize },
    InvalidContent { message: String },
    InvalidParameter { message: String },
    Throttled,
    ShuttingDown,
}

pub(super) fn taken(taken: Taken, request: RequestId) -> Response<Full<Bytes>> {
    let mut response = match taken {
        Taken::Ended(Reply::Succeeded(response)) => json(StatusCode::OK, response),
        Taken::Ended(Reply::FunctionError(document)) => {
            let mut response = json(StatusCode::OK, document);
            let unhandled = HeaderValue::from_static("Unhandled");
            response.headers_mut().insert(FUNCTION_ERROR, unhandled);
            response
        }
        Taken::Ended(Reply::Throttled) => refused(&Refused::Throttled),
        Taken::Ended(Reply::ShuttingDown) => refused(&Refused::ShuttingDown),
        Taken::Queued => empty(StatusCode::ACCEPTED),
        Taken::Allowed => empty(StatusCode::NO_CONTENT),
    };
    let headers = response.headers_mut();
    headers.insert(EXECUTED_VERSION, HeaderValue::from_static(LATEST));
    let request = HeaderValue::try_from(request.to_string());
    headers.insert(REQUEST_ID, request.expect("a request id is printable ASCII"));
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
    response
}

/// The spelling of `message` and `Message` is AWS's.
fn describe(refused: &Refused) -> (StatusCode, &'static str, serde_json::Value) {
    let (status, error_type, message) = match refused {
        Refused::NoSuchPath => (
            StatusCode::NOT_FOUND,
            "UnknownOperationException",
            "This is the Lambda endpoint of a local cloud; it serves POST \
             /2015-03-31/functions/{name}/invocations"
                .to_owned(),
        ),
        Refused::NoSuchFunction { name } => {
            let body = serde_json::json!({
                "Type": "User",
                "Message": format!("Function not found: {name}"),
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
        Refused::Throttled => {
            let body = serde_json::json!({
                "Reason": "ReservedFunctionConcurrentInvocationLimitExceeded",
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
