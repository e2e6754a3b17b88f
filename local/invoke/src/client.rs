//! Invokes functions over HTTP: our host, `cargo lambda watch`, anything that speaks the Invoke API.
//!
//! It does not retry: whoever asked knows whether that is safe.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use http::{HeaderName, Method, Request, StatusCode, Uri, header, uri::Scheme};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

use crate::{Invoke, InvokeError, Outcome, PAYLOAD_BYTES_MAX};

const FUNCTION_ERROR: HeaderName = HeaderName::from_static("x-amz-function-error");
const ERROR_TYPE: HeaderName = HeaderName::from_static("x-amzn-errortype");
const TRACE_ID: HeaderName = HeaderName::from_static("x-amzn-trace-id");

/// An answer may be a little longer than a payload: AWS allows 100 bytes more, and an endpoint may
/// wrap it.
const ANSWER_BYTES_MAX: usize = PAYLOAD_BYTES_MAX + 64 * 1024;

/// How long a connection may take.
const CONNECT_MAX: Duration = Duration::from_secs(5);

/// Beyond its function's timeout an answer may take this long: an invocation may have to wait for
/// an environment first. An endpoint that takes longer hangs.
const START_MAX: Duration = Duration::from_mins(1);

/// The longest timeout that a function may have, for one whose timeout is not known.
///
/// Source: <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>
const TIMEOUT_MAX: Duration = Duration::from_mins(15);

/// Of an error's body, this much is passed on.
const MESSAGE_CHARS_MAX: usize = 500;

/// Invokes the functions behind one endpoint, over connections that are kept open.
#[derive(Clone, Debug)]
pub struct Client {
    endpoint: Uri,
    http: legacy::Client<HttpConnector, Full<Bytes>>,
    timeouts: Arc<BTreeMap<String, Duration>>,
}

impl Client {
    /// A client of `endpoint`, as `http://127.0.0.1:9000`. Connects when it is first used; a scheme
    /// other than `http` is an [`InvokeError::Unreachable`] then.
    pub fn new(endpoint: Uri) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(CONNECT_MAX));
        let http = legacy::Client::builder(TokioExecutor::new()).build(connector);
        Self { endpoint, http, timeouts: Arc::default() }
    }

    /// The same client, which knows the timeouts of these functions and waits for their answers no
    /// longer than a minute more.
    #[must_use]
    pub fn with_timeouts(self, timeouts: impl IntoIterator<Item = (String, Duration)>) -> Self {
        Self { timeouts: Arc::new(timeouts.into_iter().collect()), ..self }
    }

    async fn post_within(
        &self,
        function: &str,
        payload: Bytes,
        trace: Option<&str>,
    ) -> Result<Outcome, InvokeError> {
        let timeout = self.timeouts.get(function).copied().unwrap_or(TIMEOUT_MAX);
        let answer = self.post(function, payload, trace);
        tokio::time::timeout(timeout + START_MAX, answer).await.map_err(unreachable)?
    }

    async fn post(
        &self,
        function: &str,
        payload: Bytes,
        trace: Option<&str>,
    ) -> Result<Outcome, InvokeError> {
        if payload.len() > PAYLOAD_BYTES_MAX {
            return Err(too_large(payload.len()));
        }
        let size_bytes = payload.len();
        let mut request = Request::builder()
            .method(Method::POST)
            .uri(self.uri(function)?)
            .header(header::CONTENT_TYPE, "application/json");
        if let Some(trace) = trace {
            request = request.header(TRACE_ID, trace);
        }
        let request = request.body(Full::new(payload)).map_err(unreachable)?;
        let response = self.http.request(request).await.map_err(unreachable)?;
        let (parts, body) = response.into_parts();
        let answer = match Limited::new(body, ANSWER_BYTES_MAX).collect().await {
            Ok(answer) => answer.to_bytes(),
            Err(source) if source.is::<LengthLimitError>() => {
                return Err(InvokeError::Refused {
                    status: parts.status.as_u16(),
                    message: format!("an answer of more than {ANSWER_BYTES_MAX} bytes"),
                });
            }
            Err(source) => return Err(InvokeError::Unreachable { source }),
        };
        let is_about_function = parts
            .headers
            .get(ERROR_TYPE)
            .is_none_or(|error_type| error_type.as_bytes().starts_with(b"ResourceNotFound"));
        match parts.status {
            StatusCode::OK if parts.headers.contains_key(FUNCTION_ERROR) => {
                Ok(Outcome::FunctionError(answer))
            }
            StatusCode::OK => Ok(Outcome::Succeeded(answer)),
            StatusCode::TOO_MANY_REQUESTS => {
                Err(InvokeError::Throttled { function: function.to_owned() })
            }
            StatusCode::NOT_FOUND if is_about_function => {
                Err(InvokeError::UnknownFunction { function: function.to_owned() })
            }
            StatusCode::PAYLOAD_TOO_LARGE => Err(too_large(size_bytes)),
            status => {
                let message = String::from_utf8_lossy(&answer);
                let message = message.chars().take(MESSAGE_CHARS_MAX).collect();
                Err(InvokeError::Refused { status: status.as_u16(), message })
            }
        }
    }

    fn uri(&self, function: &str) -> Result<Uri, InvokeError> {
        if self.endpoint.scheme() != Some(&Scheme::HTTP) {
            let endpoint = &self.endpoint;
            let reason =
                format!("`{endpoint}` does not start with `http://`; https is not supported");
            return Err(InvokeError::Unreachable { source: reason.into() });
        }
        let base = self.endpoint.path().trim_end_matches('/');
        let path = format!("{base}/2015-03-31/functions/{function}/invocations");
        let mut parts = self.endpoint.clone().into_parts();
        parts.path_and_query = Some(path.try_into().map_err(unreachable)?);
        Uri::from_parts(parts).map_err(unreachable)
    }
}

impl Invoke for Client {
    fn invoke<'a>(
        &'a self,
        function: &'a str,
        payload: Bytes,
        trace: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Outcome, InvokeError>> {
        self.post_within(function, payload, trace).boxed()
    }
}

fn too_large(size_bytes: usize) -> InvokeError {
    InvokeError::TooLarge { size_bytes, limit_bytes: PAYLOAD_BYTES_MAX }
}

fn unreachable(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> InvokeError {
    InvokeError::Unreachable { source: source.into() }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_answer_is_awaited_for_the_functions_timeout_and_a_minute() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let timeouts = [("short".to_owned(), Duration::from_secs(3))];
        let client = Client::new(endpoint.parse().unwrap()).with_timeouts(timeouts);
        for (function, seconds) in [("short", 63), ("unknown", 960)] {
            let begun = tokio::time::Instant::now();
            let outcome = client.invoke(function, Bytes::new(), None).await;
            assert!(matches!(outcome, Err(InvokeError::Unreachable { .. })), "{outcome:?}");
            assert_eq!(begun.elapsed().as_secs(), seconds);
        }
    }

    #[tokio::test]
    async fn a_trace_travels_in_its_header() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let client = Client::new(endpoint.parse().unwrap());
        let seen = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n{}") {
                request.push(stream.read_u8().await.unwrap());
            }
            String::from_utf8(request).unwrap()
        };
        let invoke = client.invoke("f", Bytes::from_static(b"{}"), Some("Root=1-5-a"));
        let (_, seen) = tokio::join!(invoke, seen);
        assert!(seen.contains("x-amzn-trace-id: Root=1-5-a\r\n"), "{seen}");
    }

    /// What comes of an endpoint that answers `response` to anything.
    async fn outcome_of(response: &str) -> Result<Outcome, InvokeError> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let client = Client::new(endpoint.parse().unwrap());
        let answer = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n{}") {
                request.push(stream.read_u8().await.unwrap());
            }
            let path = b"POST /2015-03-31/functions/f/invocations HTTP/1.1\r\n";
            assert!(request.starts_with(path), "{}", String::from_utf8_lossy(&request));
            stream.write_all(response.as_bytes()).await.unwrap();
            drop(stream);
        };
        let (outcome, ()) =
            tokio::join!(client.invoke("f", Bytes::from_static(b"{}"), None), answer);
        outcome
    }

    fn response(status_and_headers: &str, body: &str) -> String {
        let length = body.len();
        format!("HTTP/1.1 {status_and_headers}\r\ncontent-length: {length}\r\n\r\n{body}")
    }

    #[tokio::test]
    async fn ok_is_an_outcome_of_the_function() {
        let succeeded = outcome_of(&response("200 OK", "1")).await.unwrap();
        assert_eq!(succeeded, Outcome::Succeeded(Bytes::from_static(b"1")));
        let failed = response("200 OK\r\nX-Amz-Function-Error: Unhandled", "{}");
        let failed = outcome_of(&failed).await.unwrap();
        assert_eq!(failed, Outcome::FunctionError(Bytes::from_static(b"{}")));
    }

    #[tokio::test]
    async fn every_refusal_is_told_apart() {
        let outcome = outcome_of(&response("429 Too Many Requests", "{}")).await;
        assert!(matches!(outcome, Err(InvokeError::Throttled { .. })), "{outcome:?}");
        let outcome = outcome_of(&response("413 Content Too Large", "{}")).await;
        assert!(matches!(outcome, Err(InvokeError::TooLarge { .. })), "{outcome:?}");
        let outcome = outcome_of(&response("404 Not Found", "{}")).await;
        assert!(matches!(outcome, Err(InvokeError::UnknownFunction { .. })), "{outcome:?}");
        let elsewhere = response("404 Not Found\r\nx-amzn-ErrorType: Unknown", "no such path");
        let outcome = outcome_of(&elsewhere).await;
        assert!(matches!(outcome, Err(InvokeError::Refused { status: 404, .. })), "{outcome:?}");
        match outcome_of(&response("500 Oh", "why")).await {
            Err(InvokeError::Refused { status: 500, message }) => assert_eq!(message, "why"),
            outcome => panic!("{outcome:?}"),
        }
    }

    #[tokio::test]
    async fn a_lost_answer_is_unreachable() {
        let outcome = outcome_of("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf").await;
        assert!(matches!(outcome, Err(InvokeError::Unreachable { .. })), "{outcome:?}");
    }

    #[tokio::test]
    async fn https_is_refused_with_the_reason() {
        let client = Client::new("https://127.0.0.1:9000".parse().unwrap());
        match client.invoke("f", Bytes::from_static(b"{}"), None).await {
            Err(InvokeError::Unreachable { source }) => {
                assert!(source.to_string().contains("https is not supported"), "{source}");
            }
            outcome => panic!("{outcome:?}"),
        }
    }

    #[tokio::test]
    async fn a_payload_over_the_limit_is_not_sent() {
        let client = Client::new("http://127.0.0.1:1".parse().unwrap());
        let payload = Bytes::from(vec![b' '; PAYLOAD_BYTES_MAX + 1]);
        let outcome = client.invoke("f", payload, None).await;
        assert!(matches!(outcome, Err(InvokeError::TooLarge { .. })), "{outcome:?}");
    }
}
