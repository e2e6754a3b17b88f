//! One request from its head to its answer: the order in which the gateway's rules apply.
//!
//! It reads the clock and makes the ids, so that the rules need not; it knows no sockets.

mod upload;

use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{HeaderName, HeaderValue};
use http::request::Parts;
use http::{HeaderMap, Request, Response};
use hyper::body::Incoming;
use invoke::{Invoke, Outcome, PAYLOAD_BYTES_MAX};
use jiff::Timestamp;
use tokio::time::Instant;

use crate::answer;
use crate::config::ApiConfig;
use crate::cors::{self, Cors, CorsError};
use crate::event::{self, Stamp};
use crate::limits::{HEAD_BYTES_MAX, Limits};
use crate::refusal::Refusal;
use crate::route::{Matched, RouteTable};
use crate::server::GatewayStartError;
use crate::service::upload::Room;

/// Carries `requestContext.requestId`; AWS sends it with every answer.
const REQUEST_ID: HeaderName = HeaderName::from_static("apigw-requestid");

/// Everything that stays the same from request to request.
#[derive(Debug)]
pub(crate) struct Service {
    apis: Vec<ApiConfig>,
    cors: Vec<Option<Cors>>,
    table: RouteTable,
    invoke: Arc<dyn Invoke>,
    port: u16,
    room: Room,
}

/// What the access log says of a request beyond its answer.
#[derive(Default)]
struct Trail<'t> {
    route: Option<&'t str>,
    function: Option<&'t str>,
}

impl Service {
    /// Checks `apis` and makes a service that is reached on `port`.
    pub(crate) fn new(
        apis: Vec<ApiConfig>,
        invoke: Arc<dyn Invoke>,
        port: u16,
        limits: Limits,
    ) -> Result<Self, GatewayStartError> {
        let table = RouteTable::new(&apis)?;
        let cors = apis
            .iter()
            .map(|api| api.cors.as_ref().map(|cors| Cors::new(&api.logical_id, cors)).transpose())
            .collect::<Result<Vec<_>, CorsError>>()?;
        Ok(Self { apis, cors, table, invoke, port, room: Room::new(limits) })
    }

    /// Answers one request of the client at `source_ip`.
    pub(crate) async fn answer(
        &self,
        request: Request<Incoming>,
        source_ip: IpAddr,
    ) -> Response<Bytes> {
        let started = Instant::now();
        let (head, body) = request.into_parts();
        let now = Timestamp::now();
        let (request_id, trace_id) = (new_request_id(), new_trace_id(now));
        let stamp =
            Stamp { request_id: &request_id, trace_id: &trace_id, now, source_ip, port: self.port };

        let mut trail = Trail::default();
        let mut response = self.respond(&head, body, &stamp, &mut trail).await;
        let value = HeaderValue::from_str(&request_id).expect("an id is base64");
        response.headers_mut().insert(REQUEST_ID, value);
        tracing::debug!(
            request.id = request_id,
            http.method = %head.method,
            http.path = head.uri.path(),
            http.route = trail.route,
            http.status = response.status().as_u16(),
            function.name = trail.function,
            duration_ms = started.elapsed().as_secs_f64() * 1e3,
            "Answered a request"
        );
        response
    }

    /// Head, preflight, route, function: the first that has an answer gives it.
    async fn respond<'t>(
        &'t self,
        head: &Parts,
        body: Incoming,
        stamp: &Stamp<'_>,
        trail: &mut Trail<'t>,
    ) -> Response<Bytes> {
        if head_bytes(head) > HEAD_BYTES_MAX {
            return Refusal::HeadTooLarge.into_response();
        }
        let path = head.uri.path();
        if let Some(method) = cors::preflight_method(&head.method, &head.headers)
            && let Some(cors) = self.cors_at(method, path)
        {
            return cors.answer_preflight(&head.headers);
        }
        let Some(matched) = self.table.find(head.method.as_str(), path) else {
            let mut response = Refusal::NoRoute.into_response();
            if let Some(cors) = self.cors_at(head.method.as_str(), path) {
                cors.apply(&head.headers, response.headers_mut());
            }
            return response;
        };
        trail.route = Some(&matched.route.key);
        trail.function = Some(&matched.route.function);
        let answer = self.integrate(&matched, head, body, stamp).await;
        let mut response = answer.unwrap_or_else(Refusal::into_response);
        if let Some(cors) = &self.cors[matched.route.api] {
            cors.apply(&head.headers, response.headers_mut());
        }
        response
    }

    /// Reads the body, invokes the route's function and reads its response.
    async fn integrate(
        &self,
        matched: &Matched<'_>,
        head: &Parts,
        body: Incoming,
        stamp: &Stamp<'_>,
    ) -> Result<Response<Bytes>, Refusal> {
        let mut upload = upload::read(&head.headers, body, &self.room).await?;
        let body = std::mem::take(&mut upload.body);
        let event = event::write(&self.apis[matched.route.api], matched, head, &body, stamp);
        drop(body);
        if event.len() > PAYLOAD_BYTES_MAX {
            return Err(Refusal::BodyTooLarge);
        }
        let route = matched.route;
        let trace = event::trace(&head.headers, stamp);
        let invocation = self.invoke.invoke(&route.function, event, Some(&trace));
        match tokio::time::timeout(route.timeout, invocation).await {
            Ok(Ok(Outcome::Succeeded(payload))) => answer::from_payload(&payload),
            Ok(Ok(Outcome::FunctionError(_))) => Err(Refusal::FunctionFailed),
            Ok(Err(error)) => {
                let cause = std::error::Error::source(&error).map(tracing::field::display);
                tracing::warn!(
                    request.id = stamp.request_id,
                    function.name = route.function,
                    error = %error,
                    cause,
                    "Failed to invoke the function of a route"
                );
                Err(Refusal::from(&error))
            }
            Err(_elapsed) => Err(Refusal::TimedOut),
        }
    }

    /// The CORS rules for a request: those of the API whose route matches, else of the first API at
    /// that path which has any.
    fn cors_at(&self, method: &str, path: &str) -> Option<&Cors> {
        match self.table.find(method, path) {
            Some(matched) => self.cors[matched.route.api].as_ref(),
            None => self.table.apis_at(path).find_map(|api| self.cors[api].as_ref()),
        }
    }
}

/// Bytes of request line and headers, as HTTP/1.1 would send them.
fn head_bytes(head: &Parts) -> usize {
    let target = head.uri.path_and_query().map_or(1, |target| target.as_str().len());
    let line = head.method.as_str().len() + target + " HTTP/1.1\r\n".len() + 1;
    line + header_bytes(&head.headers)
}

fn header_bytes(headers: &HeaderMap) -> usize {
    headers.iter().map(|(name, value)| name.as_str().len() + value.len() + ": \r\n".len()).sum()
}

/// An id as AWS makes them: sixteen characters of base64, the last an equals sign.
fn new_request_id() -> String {
    let random = fastrand::u128(..).to_le_bytes();
    base64_simd::STANDARD.encode_to_string(&random[..11])
}

/// A new trace, as AWS's front end starts one when the client did not.
///
/// Source: <https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader>
fn new_trace_id(now: Timestamp) -> String {
    let random = fastrand::u128(..) >> 32;
    format!("Root=1-{:08x}-{random:024x}", now.as_second())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_look_like_those_of_aws() {
        let id = new_request_id();
        assert_eq!(id.len(), 16);
        assert!(id.ends_with('='));
        assert_ne!(id, new_request_id());
        let trace = new_trace_id(Timestamp::from_second(0x5e9f_0c65).unwrap());
        assert_eq!(trace.len(), "Root=1-5e9f0c65-1de4d666d4dd26aced652b6c".len());
        assert!(trace.starts_with("Root=1-5e9f0c65-"));
    }

    #[test]
    fn the_head_is_counted_as_sent() {
        let (head, ()) = Request::get("/x?a=1").header("Host", "h").body(()).unwrap().into_parts();
        assert_eq!(head_bytes(&head), "GET /x?a=1 HTTP/1.1\r\nHost: h\r\n".len());
    }
}
