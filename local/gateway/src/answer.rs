//! What a function's response means: an HTTP response, by AWS's rules for payload format 2.0.
//!
//! Pure; it does not know routes or CORS.
//!
//! Source: <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html>,
//! and the observations recorded in aws-lambda-dotnet's test tool where the guide is silent.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::header::{
    CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, SET_COOKIE, TE,
    TRAILER, TRANSFER_ENCODING, UPGRADE,
};
use http::{Response, StatusCode};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::refusal::Refusal;

/// Headers that say how a message is framed, which is the gateway's business: a function's are dropped.
const FRAMING: [HeaderName; 8] = [
    CONNECTION,
    CONTENT_LENGTH,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
];

/// Turns what a function returned into the answer.
///
/// An object with `statusCode` is a response in AWS's format, and a malformed one is
/// [`Refusal::FunctionFailed`]. Anything else, even text that is no JSON, is the body of a 200 of type
/// `application/json`; a JSON string is unwrapped.
pub(crate) fn from_payload(payload: &Bytes) -> Result<Response<Bytes>, Refusal> {
    let plain_bytes = || plain(payload.clone());
    match payload.iter().find(|byte| !byte.is_ascii_whitespace()) {
        Some(b'{') => match serde_json::from_slice::<Fields<'_>>(payload) {
            Ok(Fields { status_code: None, .. }) | Err(_) => Ok(plain_bytes()),
            Ok(fields) => fields.into_response().ok_or(Refusal::FunctionFailed),
        },
        Some(b'"') => match serde_json::from_slice::<String>(payload) {
            Ok(text) => Ok(plain(text.into())),
            Err(_) => Ok(plain_bytes()),
        },
        Some(_) | None => Ok(plain_bytes()),
    }
}

/// A 200 whose body is what the function returned.
fn plain(body: Bytes) -> Response<Bytes> {
    let mut response = Response::new(body);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// The fields of AWS's response format, each still text: whether a wrong type matters is known only
/// once `statusCode` was seen.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Fields<'a> {
    /// `Some` also for null, which is a malformed response.
    #[serde(borrow, default, deserialize_with = "present")]
    status_code: Option<&'a RawValue>,
    #[serde(borrow)]
    headers: Option<&'a RawValue>,
    #[serde(borrow)]
    body: Option<&'a RawValue>,
    #[serde(borrow)]
    cookies: Option<&'a RawValue>,
    #[serde(borrow)]
    is_base64_encoded: Option<&'a RawValue>,
}

impl Fields<'_> {
    /// The response, or `None` where a field has the wrong type or an impossible value.
    fn into_response(self) -> Option<Response<Bytes>> {
        let status = read::<u16>(self.status_code)??;
        let headers = read::<BTreeMap<String, Option<String>>>(self.headers)?.unwrap_or_default();
        let cookies = read::<Vec<String>>(self.cookies)?.unwrap_or_default();
        let body = read::<String>(self.body)?.unwrap_or_default();
        let body = if read::<bool>(self.is_base64_encoded)?.unwrap_or(false) {
            base64_simd::STANDARD.decode_to_vec(body).ok()?.into()
        } else {
            body.into()
        };
        let mut response = Response::new(body);
        *response.status_mut() = final_status(status)?;
        *response.headers_mut() = header_map(&headers, &cookies)?;
        Some(response)
    }
}

/// Reads one field: `None` for a wrong type, `Some(None)` for an absent one.
#[expect(clippy::option_option, reason = "malformed and absent are different answers")]
fn read<'a, T: Deserialize<'a>>(field: Option<&'a RawValue>) -> Option<Option<T>> {
    field.map_or(Some(None), |text| serde_json::from_str(text.get()).ok().map(Some))
}

/// Keeps a null apart from an absent field.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

/// A status that can end an exchange; an informational one cannot.
fn final_status(status: u16) -> Option<StatusCode> {
    StatusCode::from_u16(status).ok().filter(|status| !status.is_informational())
}

/// The headers of the answer: cookies come before a `Set-Cookie` in `headers`, which is kept.
fn header_map(headers: &BTreeMap<String, Option<String>>, cookies: &[String]) -> Option<HeaderMap> {
    let mut map = HeaderMap::with_capacity(headers.len() + cookies.len() + 2);
    for cookie in cookies {
        map.append(SET_COOKIE, cookie.parse().ok()?);
    }
    for (name, value) in headers {
        let name: HeaderName = name.parse().ok()?;
        let Some(value) = value else { continue };
        if !FRAMING.contains(&name) {
            map.append(name, value.parse().ok()?);
        }
    }
    if !map.contains_key(CONTENT_TYPE) {
        map.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    }
    Some(map)
}

#[cfg(test)]
mod tests;
