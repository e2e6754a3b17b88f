//! The Extensions API as HTTP: paths, headers and errors in front of [`Extensions`].

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use serde::Serialize;
use uuid::Uuid;

use super::extensions::{Extensions, Refused, Registration};
use super::{ascii, error, not_found};
use crate::function::FunctionSpec;
use crate::http_server::{Collected, collect, json};

const NAME: HeaderName = HeaderName::from_static("lambda-extension-name");
const IDENTIFIER: HeaderName = HeaderName::from_static("lambda-extension-identifier");
const ACCEPT_FEATURE: HeaderName = HeaderName::from_static("lambda-extension-accept-feature");
const EVENT_IDENTIFIER: HeaderName = HeaderName::from_static("lambda-extension-event-identifier");

/// A registration is a short list.
const REGISTRATION_BYTES_MAX: usize = 64 * 1024;

/// Answers a call below `/2020-01-01/extension/`.
pub(super) async fn answer(
    extensions: &Extensions,
    spec: &FunctionSpec,
    (parts, path): (&Parts, &str),
    body: Incoming,
) -> Response<Full<Bytes>> {
    match (&parts.method, path) {
        (&Method::POST, "register") => register(extensions, spec, &parts.headers, body).await,
        (&Method::GET, "event/next") => next(extensions, &parts.headers).await,
        (&Method::POST, "init/error" | "exit/error") => {
            let function = &spec.config.name;
            tracing::warn!(function, "An extension reported `{path}`");
            json(StatusCode::ACCEPTED, "{\"status\":\"OK\"}\n")
        }
        _ => not_found(),
    }
}

async fn register(
    extensions: &Extensions,
    spec: &FunctionSpec,
    headers: &HeaderMap,
    body: Incoming,
) -> Response<Full<Bytes>> {
    let body = match collect(body, REGISTRATION_BYTES_MAX).await {
        Ok(Collected::Whole { body, .. }) => body,
        Ok(Collected::TooLarge) | Err(_) => return invalid_format(),
    };
    let registration = if body.is_empty() {
        Registration::for_nothing()
    } else {
        match serde_json::from_slice(&body) {
            Ok(registration) => registration,
            Err(_) => return invalid_format(),
        }
    };
    let name = headers.get(NAME).and_then(|name| name.to_str().ok()).unwrap_or_default();
    if registration.wants_shutdown() {
        let function = &spec.config.name;
        tracing::warn!(
            function,
            "The extension `{name}` registers for SHUTDOWN, which AWS allows to extensions from layers only"
        );
    }
    match extensions.register(name, registration) {
        Ok(id) => registered(spec, headers, id),
        Err(why) => refused(why),
    }
}

fn registered(spec: &FunctionSpec, headers: &HeaderMap, id: Uuid) -> Response<Full<Bytes>> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Registered<'a> {
        #[serde(skip_serializing_if = "Option::is_none")]
        account_id: Option<&'a str>,
        function_name: &'a str,
        function_version: &'a str,
        handler: &'a str,
    }

    let is_asked = headers.get(ACCEPT_FEATURE).is_some_and(|feature| feature == "accountId");
    let registered = Registered {
        account_id: spec.arn.split(':').nth(4).filter(|_| is_asked),
        function_name: &spec.config.name,
        function_version: "$LATEST",
        handler: &spec.config.handler,
    };
    let body = serde_json::to_vec(&registered).expect("texts are always JSON");
    let mut response = json(StatusCode::OK, body);
    response.headers_mut().insert(IDENTIFIER, ascii(id.to_string()));
    response
}

async fn next(extensions: &Extensions, headers: &HeaderMap) -> Response<Full<Bytes>> {
    let Some(id) = headers.get(IDENTIFIER) else {
        let error_type = "Extension.MissingExtensionIdentifier";
        return error(StatusCode::FORBIDDEN, error_type, "Missing extension identifier");
    };
    let Some(id) = id.to_str().ok().and_then(|id| Uuid::try_parse(id).ok()) else {
        let error_type = "Extension.InvalidExtensionIdentifier";
        return error(StatusCode::FORBIDDEN, error_type, "Invalid extension identifier");
    };
    match extensions.next(id).await {
        Ok(event) => {
            let mut response = json(StatusCode::OK, event);
            let id: HeaderValue = ascii(Uuid::new_v4().to_string());
            response.headers_mut().insert(EVENT_IDENTIFIER, id);
            response
        }
        Err(why) => refused(why),
    }
}

fn invalid_format() -> Response<Full<Bytes>> {
    error(StatusCode::BAD_REQUEST, "InvalidRequestFormat", "Invalid request format")
}

fn refused(why: Refused) -> Response<Full<Bytes>> {
    let message = match why {
        Refused::AlreadyRegistered => "An extension of this name is registered",
        Refused::InvalidExtensionName => "Empty extension name",
        Refused::TooManyExtensions => "Extension limit (10) reached",
        Refused::UnknownExtensionIdentifier => "Unknown extension identifier",
    };
    error(StatusCode::FORBIDDEN, &format!("Extension.{why:?}"), message)
}
