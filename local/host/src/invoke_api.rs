//! The Invoke API: `POST /2015-03-31/functions/{name}/invocations`.
//!
//! It checks and translates; every status it answers is in [`answer`].
//!
//! Source: <https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html>

mod answer;
mod event;
mod target;

use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use invoke::PAYLOAD_BYTES_MAX;
use serde::de::IgnoredAny;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::answer::{Refused, Taken};
use self::event::{EVENT_BYTES_MAX, Events};
use self::target::Target;
use crate::function::{Call, FunctionHandle};
use crate::host::Functions;
use crate::http_server::{Collected, Serve, collect};
use crate::ids::RequestId;

const INVOCATION_TYPE: HeaderName = HeaderName::from_static("x-amz-invocation-type");
const CLIENT_CONTEXT: HeaderName = HeaderName::from_static("x-amz-client-context");
const TRACE_ID: HeaderName = HeaderName::from_static("x-amzn-trace-id");

/// What an empty body stands for.
const EMPTY_EVENT: Bytes = Bytes::from_static(b"{}");

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
    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        match self.invoke(request).await {
            Ok((taken, request)) => answer::taken(taken, request),
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
        Self { functions, events: Events::new(tasks, stop) }
    }

    async fn invoke(&self, request: Request<Incoming>) -> Result<(Taken, RequestId), Refused> {
        let (parts, body) = request.into_parts();
        let target =
            Target::parse(parts.uri.path(), parts.uri.query()).ok_or(Refused::NoSuchPath)?;
        if parts.method != Method::POST {
            return Err(Refused::NoSuchPath);
        }
        let function = self.function(&target)?;
        let invocation_type = invocation_type(&parts.headers)?;
        let bytes_max = match invocation_type {
            InvocationType::Event => EVENT_BYTES_MAX,
            InvocationType::RequestResponse | InvocationType::DryRun => PAYLOAD_BYTES_MAX,
        };
        let payload = payload(body, bytes_max).await?;
        let mut call = Call::new(payload);
        call.trace_id = parts.headers.get(TRACE_ID).cloned();
        call.client_context = client_context(&parts.headers)?;
        let request = call.invocation.request;
        let taken = match invocation_type {
            InvocationType::RequestResponse => Taken::Ended(function.invoke(call).await),
            InvocationType::Event => {
                self.events.deliver(function.clone(), call)?;
                Taken::Queued
            }
            InvocationType::DryRun => Taken::Allowed,
        };
        Ok((taken, request))
    }

    fn function(&self, target: &Target) -> Result<&FunctionHandle, Refused> {
        let function = self.functions.get(&target.name).filter(|_| target.is_latest());
        function.ok_or_else(|| Refused::NoSuchFunction { name: target.qualified_name() })
    }
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
    let decoded = BASE64_STANDARD.decode(encoded).ok();
    let value = decoded.and_then(|decoded| HeaderValue::from_bytes(&decoded).ok());
    value.map(Some).ok_or_else(|| Refused::InvalidParameter {
        message: "X-Amz-Client-Context is not base64 of a JSON text".to_owned(),
    })
}
