//! The Runtime API and the Extensions API, as one environment's process sees them.
//!
//! It translates between HTTP and the function's messages, and keeps no state of its own.
//!
//! Source: <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>

mod extension_calls;
mod extensions;

use std::future;
use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use tokio::sync::{mpsc, oneshot};

use self::extensions::{EventType, InvokeEvent, Tracing};
pub(crate) use self::extensions::{Extensions, ShutdownReason};
use crate::failure::{RESPONSE_BYTES_MAX, error_document, response_too_large};
use crate::function::{Answer, FunctionSpec, Message, Polled, Receipt, Reply, Work};
use crate::http_server::{Collected, Serve, collect, json};
use crate::ids::{EnvironmentId, RequestId};
use crate::pool::Refusal;

const REQUEST_ID: HeaderName = HeaderName::from_static("lambda-runtime-aws-request-id");
const INVOCATION_ID: HeaderName = HeaderName::from_static("lambda-runtime-invocation-id");
const DEADLINE_MS: HeaderName = HeaderName::from_static("lambda-runtime-deadline-ms");
const FUNCTION_ARN: HeaderName = HeaderName::from_static("lambda-runtime-invoked-function-arn");
const TRACE_ID: HeaderName = HeaderName::from_static("lambda-runtime-trace-id");
const CLIENT_CONTEXT: HeaderName = HeaderName::from_static("lambda-runtime-client-context");
const RESPONSE_MODE: HeaderName = HeaderName::from_static("lambda-runtime-function-response-mode");
const ERROR_TYPE: HeaderName = HeaderName::from_static("lambda-runtime-function-error-type");
const ERROR_BODY: HeaderName = HeaderName::from_static("lambda-runtime-function-error-body");

/// The APIs of one environment.
#[derive(Debug)]
pub(crate) struct RuntimeApi {
    spec: Arc<FunctionSpec>,
    extensions: Extensions,
    function_arn: HeaderValue,
    environment: EnvironmentId,
    messages: mpsc::Sender<Message>,
}

/// What a runtime says about an invocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Response,
    Error,
}

impl Serve for RuntimeApi {
    async fn answer(self: Arc<Self>, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let (parts, body) = request.into_parts();
        let path = parts.uri.path();
        if let Some(path) = path.strip_prefix("/2018-06-01/runtime/") {
            return match (&parts.method, path) {
                (&Method::GET, "invocation/next") => self.next().await,
                (&Method::POST, "init/error") => self.init_error(body).await,
                (&Method::POST, path) => match invocation_of(path) {
                    Some((id, verdict)) => self.invocation(&parts, id, verdict, body).await,
                    None => not_found(),
                },
                _ => not_found(),
            };
        }
        if let Some(path) = path.strip_prefix("/2020-01-01/extension/") {
            let called = (&parts, path);
            return extension_calls::answer(&self.extensions, &self.spec, called, body).await;
        }
        match (&parts.method, path) {
            (&Method::PUT, "/2022-07-01/telemetry") => telemetry_not_supported("Telemetry"),
            (&Method::PUT, "/2020-08-15/logs") => telemetry_not_supported("Logs"),
            _ => not_found(),
        }
    }

    /// A runtime that dies has said what it has said.
    fn counts_unanswered(method: &Method) -> bool {
        method == Method::POST
    }
}

impl RuntimeApi {
    pub(crate) fn new(
        spec: &Arc<FunctionSpec>,
        environment: EnvironmentId,
        messages: mpsc::Sender<Message>,
    ) -> Self {
        let function_arn = HeaderValue::try_from(&spec.arn)
            .unwrap_or_else(|_| HeaderValue::from_static("arn:aws:lambda"));
        let (spec, extensions) = (Arc::clone(spec), Extensions::default());
        Self { spec, extensions, function_arn, environment, messages }
    }

    pub(crate) fn extensions(&self) -> &Extensions {
        &self.extensions
    }

    /// Waits as long as it takes: a runtime takes anything else for an invocation or an error.
    async fn next(&self) -> Response<Full<Bytes>> {
        let environment = self.environment;
        self.extensions.idle().await;
        match self.ask(|reply| Message::Next { environment, reply }).await {
            Some(Polled::Work(work)) => {
                self.tell_extensions(&work);
                self.work_response(work)
            }
            Some(Polled::Refused) => {
                invalid_state("Next called before the invocation was answered")
            }
            // The environment is about to be ended.
            None => future::pending().await,
        }
    }

    /// Of Managed Instances, whose environments run several invocations at a time, they hear nothing.
    fn tell_extensions(&self, work: &Work) {
        let is_one_at_a_time = self.spec.config.environment_concurrency <= 1;
        if is_one_at_a_time && self.extensions.watch_invocations() {
            self.extensions.invoked(&InvokeEvent {
                event_type: EventType::Invoke,
                deadline_ms: work.deadline_epoch_ms,
                request_id: work.invocation.request.to_string(),
                invoked_function_arn: &self.spec.arn,
                tracing: Tracing {
                    r#type: "X-Amzn-Trace-Id",
                    value: work.trace_id.to_str().unwrap_or_default(),
                },
            });
        }
    }

    fn work_response(&self, work: Work) -> Response<Full<Bytes>> {
        let mut response = json(StatusCode::OK, work.payload);
        let headers = response.headers_mut();
        headers.insert(REQUEST_ID, ascii(work.invocation.request.to_string()));
        headers.insert(INVOCATION_ID, ascii(work.invocation.to_string()));
        headers.insert(DEADLINE_MS, work.deadline_epoch_ms.into());
        headers.insert(FUNCTION_ARN, self.function_arn.clone());
        headers.insert(TRACE_ID, work.trace_id);
        if let Some(client_context) = work.client_context {
            headers.insert(CLIENT_CONTEXT, client_context);
        }
        response
    }

    async fn init_error(&self, body: Incoming) -> Response<Full<Bytes>> {
        let Ok(Collected::Whole { body: document, .. }) = collect(body, RESPONSE_BYTES_MAX).await
        else {
            return error(
                StatusCode::BAD_REQUEST,
                "TruncatedHTTPRequest",
                "HTTP request truncated",
            );
        };
        let environment = self.environment;
        match self.ask(|reply| Message::InitError { environment, document, reply }).await {
            Some(true) => accepted(),
            Some(false) | None => invalid_state("The environment is not in its init phase"),
        }
    }

    async fn invocation(
        &self,
        parts: &Parts,
        request_id: &str,
        verdict: Verdict,
        body: Incoming,
    ) -> Response<Full<Bytes>> {
        let Some(request) = RequestId::parse(request_id) else { return invalid_request_id() };
        match parts.headers.get(RESPONSE_MODE).map(HeaderValue::as_bytes) {
            None | Some(b"streaming") => {}
            Some(_) => {
                let message = "Invalid function response mode";
                return error(StatusCode::BAD_REQUEST, "InvalidFunctionResponseMode", message);
            }
        }
        let (reply, is_too_large) = match collect(body, RESPONSE_BYTES_MAX).await {
            Ok(Collected::Whole { body, trailers }) => {
                (reply(verdict, body, trailers.as_ref()), false)
            }
            Ok(Collected::TooLarge) => (Reply::FunctionError(response_too_large()), true),
            Err(_) => {
                let message = "HTTP request truncated";
                return error(StatusCode::BAD_REQUEST, "TruncatedHTTPRequest", message);
            }
        };
        let echoed = parts.headers.get(INVOCATION_ID).cloned();
        let is_echoed = echoed.is_some();
        let (environment, answer) = (self.environment, Answer { request, echoed, reply });
        let receipt = self.ask(|reply| Message::Answer { environment, answer, reply }).await;
        match receipt {
            Some(Receipt::Accepted) if is_too_large => error(
                StatusCode::PAYLOAD_TOO_LARGE,
                "RequestEntityTooLarge",
                &format!("Exceeded maximum allowed payload size ({RESPONSE_BYTES_MAX} bytes)."),
            ),
            Some(Receipt::Accepted) => accepted(),
            Some(Receipt::Refused(refusal)) => refused(refusal, is_echoed),
            None => refused(Refusal::Late, is_echoed),
        }
    }

    /// `None` once the function's task is gone, or will not answer any more.
    async fn ask<T>(&self, message: impl FnOnce(oneshot::Sender<T>) -> Message) -> Option<T> {
        let (reply, answer) = oneshot::channel();
        self.messages.send(message(reply)).await.ok()?;
        answer.await.ok()
    }
}

/// `invocation/{id}/response` and `invocation/{id}/error`.
fn invocation_of(path: &str) -> Option<(&str, Verdict)> {
    let (id, call) = path.strip_prefix("invocation/")?.split_once('/')?;
    match call {
        "response" => Some((id, Verdict::Response)),
        "error" => Some((id, Verdict::Error)),
        _ => None,
    }
}

/// A streamed response that fails on its way says so in trailers.
fn reply(verdict: Verdict, body: Bytes, trailers: Option<&HeaderMap>) -> Reply {
    let error_type = trailers.and_then(|trailers| trailers.get(ERROR_TYPE));
    match (verdict, error_type) {
        (Verdict::Error, _) => Reply::FunctionError(body),
        (Verdict::Response, None) => Reply::Succeeded(body),
        (Verdict::Response, Some(error_type)) => {
            let document = trailers
                .and_then(|trailers| trailers.get(ERROR_BODY))
                .and_then(|document| BASE64_STANDARD.decode(document).ok())
                .map(Bytes::from);
            Reply::FunctionError(document.unwrap_or_else(|| {
                error_document(&String::from_utf8_lossy(error_type.as_bytes()), "")
            }))
        }
    }
}

fn refused(refusal: Refusal, is_echoed: bool) -> Response<Full<Bytes>> {
    match refusal {
        Refusal::Repeated => invalid_state("The invocation was answered before"),
        Refusal::Unknown if !is_echoed => invalid_request_id(),
        Refusal::Unknown | Refusal::Late => {
            let message = "Invocation timed out or its id is stale";
            error(StatusCode::GONE, "InvokeTimeout", message)
        }
    }
}

/// As in AWS's own emulator: accepted, and without effect.
fn telemetry_not_supported(api: &str) -> Response<Full<Bytes>> {
    let message = format!("{api} API is not supported");
    error(StatusCode::ACCEPTED, &format!("{api}.NotSupported"), &message)
}

fn accepted() -> Response<Full<Bytes>> {
    json(StatusCode::ACCEPTED, "{\"status\":\"OK\"}\n")
}

fn not_found() -> Response<Full<Bytes>> {
    error(StatusCode::NOT_FOUND, "NotFound", "The Runtime API has no such path")
}

fn invalid_request_id() -> Response<Full<Bytes>> {
    error(StatusCode::BAD_REQUEST, "InvalidRequestID", "Invalid request ID")
}

fn invalid_state(message: &str) -> Response<Full<Bytes>> {
    error(StatusCode::FORBIDDEN, "InvalidStateTransition", message)
}

fn error(status: StatusCode, error_type: &str, message: &str) -> Response<Full<Bytes>> {
    json(status, error_document(error_type, message))
}

fn ascii(text: String) -> HeaderValue {
    text.try_into().expect("an identifier is printable ASCII")
}
