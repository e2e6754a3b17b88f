//! Lambda's API, as far as it is served: invoking functions, and looking at them.
//!
//! It checks and translates; every status it answers is in [`answer`].
//!
//! Sources: <https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html>,
//! <https://docs.aws.amazon.com/lambda/latest/api/API_InvokeWithResponseStream.html>

mod answer;
mod description;
mod destination;
mod event;
mod stream;
mod target;

use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use invoke::PAYLOAD_BYTES_MAX;
use serde::de::IgnoredAny;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::answer::{Ended, Refused, Taken};
use self::description::Page;
use self::event::{EVENT_BYTES_MAX, Events};
use self::target::{Operation, Target};
use crate::function::{Call, FunctionHandle};
use crate::host::Functions;
use crate::http_server::{Collected, Serve, collect};

const INVOCATION_TYPE: HeaderName = HeaderName::from_static("x-amz-invocation-type");
const CLIENT_CONTEXT: HeaderName = HeaderName::from_static("x-amz-client-context");
const LOG_TYPE: HeaderName = HeaderName::from_static("x-amz-log-type");
const TRACE_ID: HeaderName = HeaderName::from_static("x-amzn-trace-id");

/// What an empty body stands for.
const EMPTY_EVENT: Bytes = Bytes::from_static(b"{}");

/// A client context may have this many bytes, as it is sent.
///
/// Source: <https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html#API_Invoke_RequestSyntax>
const CLIENT_CONTEXT_BYTES_MAX: usize = 3_583;

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct InvokeApi {
    functions: Arc<Functions>,
    events: Events,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum InvocationType {
    RequestResponse,
    Event,
    DryRun,
}

impl Serve for InvokeApi {
    async fn answer(self: Arc<Self>, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let (parts, body) = request.into_parts();
        match self.take(&parts, body).await {
            Ok(taken) => answer::taken(taken),
            Err(refused) => answer::refused(&refused),
        }
    }
}

impl InvokeApi {
    pub(crate) fn new(
        functions: Arc<Functions>,
        tasks: TaskTracker,
        stop: CancellationToken,
    ) -> Self {
        let events = Events::new(Arc::clone(&functions), tasks, stop);
        Self { functions, events }
    }

    async fn take(&self, parts: &Parts, body: Incoming) -> Result<Taken, Refused> {
        let operation = Operation::parse(&parts.method, parts.uri.path(), parts.uri.query());
        match operation.ok_or(Refused::NoSuchPath)? {
            Operation::Invoke(target) => self.invoke(&target, parts, body).await,
            Operation::InvokeStreamed(target) => {
                if invocation_type(&parts.headers)? == InvocationType::Event {
                    let message =
                        "X-Amz-Invocation-Type must be RequestResponse or DryRun".to_owned();
                    return Err(Refused::InvalidParameter { message });
                }
                match self.invoke(&target, parts, body).await? {
                    Taken::Ended(ended) => Ok(Taken::Streamed(ended)),
                    taken => Ok(taken),
                }
            }
            Operation::List => {
                let page = Page::parse(parts.uri.query())?;
                Ok(Taken::Told(description::list(&self.functions, &page)))
            }
            Operation::Get(target) => {
                self.function(&target).map(|f| Taken::Told(description::function(f)))
            }
            Operation::GetConfiguration(target) => {
                self.function(&target).map(|f| Taken::Told(description::configuration(&f.spec)))
            }
            Operation::GetConcurrency(target) => {
                self.function(&target).map(|f| Taken::Told(description::concurrency(&f.spec)))
            }
        }
    }

    async fn invoke(
        &self,
        target: &Target,
        parts: &Parts,
        body: Incoming,
    ) -> Result<Taken, Refused> {
        let function = self.function(target)?;
        let invocation_type = invocation_type(&parts.headers)?;
        let bytes_max = match invocation_type {
            InvocationType::Event => EVENT_BYTES_MAX,
            InvocationType::RequestResponse | InvocationType::DryRun => PAYLOAD_BYTES_MAX,
        };
        let payload = payload(body, bytes_max).await?;
        let mut call = Call::new(payload);
        call.trace = text(&parts.headers, &TRACE_ID).map(Box::from);
        call.client_context = client_context(&parts.headers)?;
        let request = call.invocation.request;
        match invocation_type {
            InvocationType::RequestResponse => {
                let (sender, tail) = oneshot::channel();
                call.tail = wants_tail(&parts.headers)?.then_some(sender);
                let (reply, log) = (function.invoke(call).await, tail.await.ok());
                let throttle_reason = function.throttle_reason();
                Ok(Taken::Ended(Ended { request, reply, log, throttle_reason }))
            }
            InvocationType::Event => {
                self.events.deliver(function.clone(), call)?;
                Ok(Taken::Queued(request))
            }
            InvocationType::DryRun => Ok(Taken::Allowed(request)),
        }
    }

    fn function(&self, target: &Target) -> Result<&FunctionHandle, Refused> {
        let function = self.functions.get(&target.name);
        let function = function.filter(|function| target.means(&function.spec.config.aliases));
        function.ok_or_else(|| Refused::NoSuchFunction { arn: self.arn(target) })
    }

    /// Of a function that need not exist: the others tell how ARNs begin here.
    fn arn(&self, target: &Target) -> String {
        let known = self.functions.values().next().map_or("", |function| &function.spec.arn);
        let start = known.rsplit_once(':').map_or("arn:aws:lambda", |(start, _)| start);
        format!("{start}:{}", target.qualified_name())
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn invocation_type(headers: &HeaderMap) -> Result<InvocationType, Refused> {
    match headers.get(INVOCATION_TYPE).map(HeaderValue::as_bytes) {
        None | Some(b"RequestResponse") => Ok(InvocationType::RequestResponse),
        Some(b"Event") => Ok(InvocationType::Event),
        Some(b"DryRun") => Ok(InvocationType::DryRun),
        Some(_) => Err(Refused::InvalidParameter {
            message: "X-Amz-Invocation-Type must be RequestResponse, Event or DryRun".to_owned(),
        }),
    }
}

fn wants_tail(headers: &HeaderMap) -> Result<bool, Refused> {
    match headers.get(LOG_TYPE).map(HeaderValue::as_bytes) {
        None | Some(b"None") => Ok(false),
        Some(b"Tail") => Ok(true),
        Some(_) => Err(Refused::InvalidParameter {
            message: "X-Amz-Log-Type must be None or Tail".to_owned(),
        }),
    }
}

async fn payload(body: Incoming, bytes_max: usize) -> Result<Bytes, Refused> {
    let payload = match collect(body, bytes_max).await {
        Ok(Collected::Whole { body, .. }) => body,
        Ok(Collected::TooLarge) => return Err(Refused::TooLarge { bytes_max }),
        Err(source) => {
            return Err(Refused::InvalidContent { message: source.to_string() });
        }
    };
    if payload.is_empty() {
        return Ok(EMPTY_EVENT);
    }
    match serde_json::from_slice::<IgnoredAny>(&payload) {
        Ok(IgnoredAny) => Ok(payload),
        Err(source) => Err(Refused::InvalidContent {
            message: format!("Could not parse request body into json: {source}"),
        }),
    }
}

/// The runtime gets the decoded text.
fn client_context(headers: &HeaderMap) -> Result<Option<HeaderValue>, Refused> {
    let Some(encoded) = headers.get(CLIENT_CONTEXT) else { return Ok(None) };
    if encoded.len() > CLIENT_CONTEXT_BYTES_MAX {
        return Err(Refused::InvalidParameter {
            message: format!("X-Amz-Client-Context exceeds {CLIENT_CONTEXT_BYTES_MAX} bytes"),
        });
    }
    let decoded = BASE64_STANDARD.decode(encoded).ok();
    let value = decoded.and_then(|decoded| HeaderValue::from_bytes(&decoded).ok());
    value.map(Some).ok_or_else(|| Refused::InvalidParameter {
        message: "X-Amz-Client-Context is not base64 of a JSON text".to_owned(),
    })
}
