//! A request as the function sees it: payload format 2.0, written as text.
//!
//! Pure: the time and the ids are arguments. It borrows everything it can from the request and builds
//! no JSON tree, because it runs once for every request.
//!
//! Source: <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html>

mod body;
mod fields;

use std::borrow::Cow;
use std::net::IpAddr;

use bytes::Bytes;
use http::header::{HOST, HeaderMap, USER_AGENT};
use http::request::Parts;
use http::uri::Authority;
use jiff::Timestamp;
use percent_encoding::percent_decode_str;
use serde::Serialize;

use crate::config::ApiConfig;
use crate::event::body::Body;
use crate::event::fields::{Arrival, Headers, Pairs, Query, TRACE_ID, cookies, joined};
use crate::route::Matched;

/// The account every local resource belongs to.
const ACCOUNT_ID: &str = "000000000000";

/// Room for everything of a usual event but its body.
const FRAME_BYTES: usize = 2 * 1024;

/// What the gateway knows of a request beyond its text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stamp<'a> {
    /// `requestContext.requestId`, also sent as `apigw-requestid`.
    pub(crate) request_id: &'a str,
    /// The value of `x-amzn-trace-id`, where the client sent none.
    pub(crate) trace_id: &'a str,
    /// When the request arrived.
    pub(crate) now: Timestamp,
    /// The client's address.
    pub(crate) source_ip: IpAddr,
    /// The port it was received on.
    pub(crate) port: u16,
}

/// The event, as JSON text, of a request that `matched` a route of `api`.
pub(crate) fn write(
    api: &ApiConfig,
    matched: &Matched<'_>,
    head: &Parts,
    body: &[u8],
    stamp: &Stamp<'_>,
) -> Bytes {
    let path = percent_decode_str(head.uri.path()).decode_utf8_lossy();
    let query = head.uri.query().unwrap_or_default();
    let authority = authority(head);
    let domain = authority.as_ref().map(Authority::host);
    let body = Body::of(&head.headers, body);
    let source_ip = stamp.source_ip.to_string();
    let parameters = &matched.parameters;
    let event = Event {
        version: "2.0",
        route_key: &matched.route.key,
        raw_path: &path,
        raw_query_string: query,
        cookies: cookies(&head.headers),
        headers: Headers {
            sent: &head.headers,
            arrival: Arrival {
                authority: authority.as_ref().map(Authority::as_str),
                body_bytes: body.sent_bytes,
                port: stamp.port,
                source_ip: &source_ip,
                trace_id: stamp.trace_id,
            },
        },
        query_string_parameters: Query::parse(query),
        request_context: RequestContext {
            account_id: ACCOUNT_ID,
            api_id: &api.logical_id,
            domain_name: domain,
            domain_prefix: domain.and_then(|domain| domain.split('.').next()),
            http: Http {
                method: head.method.as_str(),
                path: &path,
                protocol: head.version,
                source_ip: &source_ip,
                user_agent: text(&head.headers, &USER_AGENT),
            },
            request_id: stamp.request_id,
            route_key: &matched.route.key,
            stage: &api.stage,
            time: stamp.now.strftime("%d/%b/%Y:%H:%M:%S +0000").to_string(),
            time_epoch: stamp.now.as_millisecond(),
        },
        path_parameters: Pairs(
            parameters.iter().map(|(name, value)| (*name, value.as_str())).collect(),
        ),
        stage_variables: Pairs(
            api.stage_variables
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_str()))
                .collect(),
        ),
        is_base64_encoded: body.is_base64,
        body: body.text,
    };
    let text_bytes = event.body.as_ref().map_or(0, |text| text.len());
    // Grows a few times otherwise, and is copied each time.
    let mut text = Vec::with_capacity(text_bytes + text_bytes / 8 + FRAME_BYTES);
    serde_json::to_writer(&mut text, &event).expect("strings and numbers are always JSON");
    Bytes::from(text)
}

/// The trace that a request belongs to: the client's own, else the gateway's.
pub(crate) fn trace<'a>(headers: &'a HeaderMap, stamp: &Stamp<'a>) -> Cow<'a, str> {
    if headers.contains_key(TRACE_ID) {
        joined(headers, &TRACE_ID)
    } else {
        Cow::Borrowed(stamp.trace_id)
    }
}

/// The host the client asked for: HTTP/1 says it in a header, HTTP/2 in the target.
fn authority(head: &Parts) -> Option<Authority> {
    let header = text(&head.headers, &HOST).and_then(|host| host.parse().ok());
    header.or_else(|| head.uri.authority().cloned())
}

/// A header's first value where it is text.
fn text<'a>(headers: &'a HeaderMap, name: &http::HeaderName) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// Payload format 2.0. Whatever a request does not have is absent, never null.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Event<'a> {
    version: &'static str,
    route_key: &'a str,
    raw_path: &'a str,
    raw_query_string: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    cookies: Vec<Cow<'a, str>>,
    headers: Headers<'a>,
    #[serde(skip_serializing_if = "Query::is_empty")]
    query_string_parameters: Query<'a>,
    request_context: RequestContext<'a>,
    #[serde(skip_serializing_if = "Pairs::is_empty")]
    path_parameters: Pairs<'a>,
    #[serde(skip_serializing_if = "Pairs::is_empty")]
    stage_variables: Pairs<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<Cow<'a, str>>,
    is_base64_encoded: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RequestContext<'a> {
    account_id: &'static str,
    api_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    domain_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    domain_prefix: Option<&'a str>,
    http: Http<'a>,
    request_id: &'a str,
    route_key: &'a str,
    stage: &'a str,
    time: String,
    time_epoch: i64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Http<'a> {
    method: &'a str,
    path: &'a str,
    #[serde(serialize_with = "fields::protocol")]
    protocol: http::Version,
    source_ip: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_agent: Option<&'a str>,
}

#[cfg(test)]
mod tests;
