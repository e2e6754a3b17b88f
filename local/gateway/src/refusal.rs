//! What the gateway answers itself instead of a function: the only place that knows its error
//! statuses and bodies.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use http::{Response, StatusCode};
use invoke::InvokeError;

/// Why a request got no function's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// No route matches.
    NoRoute,
    /// Request line and headers are too large.
    HeadTooLarge,
    /// The body exceeds API Gateway's limit, or the event made from it Lambda's.
    BodyTooLarge,
    /// The body did not arrive in time.
    BodyTooSlow,
    /// The body ended early or was not HTTP.
    BodyBroken,
    /// The function failed, or its response means nothing.
    FunctionFailed,
    /// Too many invocations are under way.
    Throttled,
    /// The function did not answer in time.
    TimedOut,
}

impl Refusal {
    /// AWS's status and message for it.
    ///
    /// `Throttled` is a choice: reports say 500 or 503 for a Lambda that throttles, and 503 with
    /// `Retry-After` is what a client may try again, for nothing has happened. After `TimedOut` the
    /// function may still do its work. 408 and 431 are HTTP's own; AWS documents neither body.
    fn status_and_message(self) -> (StatusCode, &'static str) {
        match self {
            Self::NoRoute => (StatusCode::NOT_FOUND, r#"{"message":"Not Found"}"#),
            Self::HeadTooLarge => (
                StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
                r#"{"message":"Request Header Fields Too Large"}"#,
            ),
            Self::BodyTooLarge => {
                (StatusCode::PAYLOAD_TOO_LARGE, r#"{"message":"Request Entity Too Large"}"#)
            }
            Self::BodyTooSlow => (StatusCode::REQUEST_TIMEOUT, r#"{"message":"Request Timeout"}"#),
            Self::BodyBroken => (StatusCode::BAD_REQUEST, r#"{"message":"Bad Request"}"#),
            Self::FunctionFailed => {
                (StatusCode::INTERNAL_SERVER_ERROR, r#"{"message":"Internal Server Error"}"#)
            }
            Self::Throttled | Self::TimedOut => {
                (StatusCode::SERVICE_UNAVAILABLE, r#"{"message":"Service Unavailable"}"#)
            }
        }
    }

    /// The whole answer.
    pub(crate) fn into_response(self) -> Response<Bytes> {
        let (status, message) = self.status_and_message();
        let mut response = Response::new(Bytes::from_static(message.as_bytes()));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if self == Self::Throttled {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

impl From<&InvokeError> for Refusal {
    fn from(error: &InvokeError) -> Self {
        match error {
            InvokeError::Throttled { .. } => Self::Throttled,
            InvokeError::TooLarge { .. } => Self::BodyTooLarge,
            InvokeError::UnknownFunction { .. }
            | InvokeError::Refused { .. }
            | InvokeError::Unreachable { .. } => Self::FunctionFailed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(refusal: Refusal, status: u16, body: &str) {
        let response = refusal.into_response();
        assert_eq!(response.status(), status);
        assert_eq!(response.body(), body);
        assert_eq!(response.headers()[CONTENT_TYPE], "application/json");
    }

    #[test]
    fn answers_with_the_statuses_and_bodies_of_aws() {
        check(Refusal::NoRoute, 404, r#"{"message":"Not Found"}"#);
        check(Refusal::HeadTooLarge, 431, r#"{"message":"Request Header Fields Too Large"}"#);
        check(Refusal::BodyTooLarge, 413, r#"{"message":"Request Entity Too Large"}"#);
        check(Refusal::BodyTooSlow, 408, r#"{"message":"Request Timeout"}"#);
        check(Refusal::BodyBroken, 400, r#"{"message":"Bad Request"}"#);
        check(Refusal::FunctionFailed, 500, r#"{"message":"Internal Server Error"}"#);
        check(Refusal::Throttled, 503, r#"{"message":"Service Unavailable"}"#);
        check(Refusal::TimedOut, 503, r#"{"message":"Service Unavailable"}"#);
    }

    #[test]
    fn only_what_certainly_had_no_effect_may_be_tried_again() {
        let asks = |refusal: Refusal| refusal.into_response().headers().contains_key(RETRY_AFTER);
        assert!(asks(Refusal::Throttled));
        assert!(!asks(Refusal::TimedOut));
        assert!(!asks(Refusal::FunctionFailed));
    }

    #[test]
    fn tells_invocation_errors_apart() {
        let function = String::new;
        let refusal = |error: InvokeError| Refusal::from(&error);
        assert_eq!(refusal(InvokeError::Throttled { function: function() }), Refusal::Throttled);
        assert_eq!(
            refusal(InvokeError::TooLarge { size_bytes: 2, limit_bytes: 1 }),
            Refusal::BodyTooLarge
        );
        assert_eq!(
            refusal(InvokeError::UnknownFunction { function: function() }),
            Refusal::FunctionFailed
        );
        assert_eq!(
            refusal(InvokeError::Refused { status: 500, message: String::new() }),
            Refusal::FunctionFailed
        );
        assert_eq!(
            refusal(InvokeError::Unreachable { source: "gone".into() }),
            Refusal::FunctionFailed
        );
    }
}
