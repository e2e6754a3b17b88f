//! From an HTTP request to a submission, or the reason why not. Looks at the body without keeping any of it.

use std::{borrow::Cow, fmt, str};

use event::{EnvelopeError, header, limits};
use json_http::RequestError;
use lambda_http::http::HeaderMap;
use serde::{
    Deserializer,
    de::{IgnoredAny, MapAccess, Visitor},
};
use serde_json::value::RawValue;

/// The type of an event that does not name one.
pub(crate) const DEFAULT_TYPE: &str = "event";

/// The source of an event whose caller does not name one.
pub(crate) const DEFAULT_SOURCE: &str = "/register_event";

/// What a caller wants registered. Borrows from the request.
#[derive(Debug, PartialEq)]
pub(crate) struct Submission<'a> {
    /// The JSON object as it was sent.
    pub(crate) body: &'a [u8],
    /// What the event is ordered by: header `x-partition-key`, else a top-level `user_id`.
    pub(crate) key: Option<Cow<'a, [u8]>>,
    /// Header `ce-id`.
    pub(crate) id: Option<&'a str>,
    /// Header `ce-type`, else a top-level `event_type` that can be one, else `event`.
    pub(crate) event_type: Cow<'a, str>,
    /// Header `ce-source`, else this endpoint.
    pub(crate) source: &'a str,
    /// Header `ce-subject`.
    pub(crate) subject: Option<&'a str>,
    /// Header `traceparent`. One that is malformed is ignored, as W3C Trace Context asks.
    pub(crate) traceparent: Option<&'a str>,
    /// As it was sent.
    pub(crate) content_type: &'a str,
}

/// Why a request is not a submission: the caller's mistake, which repeating does not mend.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    #[error(transparent)]
    Request(#[from] RequestError),
    #[error("the partition key has {size_bytes} bytes, {limit_bytes} are allowed")]
    KeyTooLong { size_bytes: usize, limit_bytes: usize },
    #[error("header `{header}` is not UTF-8")]
    HeaderText { header: &'static str },
    #[error(transparent)]
    Attribute(#[from] EnvelopeError),
}

/// Reads a request. The cheap checks come first, so an oversized body is never parsed.
pub(crate) fn parse<'a>(headers: &'a HeaderMap, body: &'a [u8]) -> Result<Submission<'a>, Refusal> {
    let content_type = json_http::content_type(headers)?;
    json_http::sized(body, limits::BODY_BYTES_MAX)?;
    let fields = read_object(body)?;
    let event_type = match text(headers, "ce-type")? {
        Some(event_type) => Cow::Borrowed(event_type),
        None => fields.event_type.unwrap_or(Cow::Borrowed(DEFAULT_TYPE)),
    };
    Ok(Submission {
        body,
        key: key(headers, fields.user_id)?,
        id: text(headers, "ce-id")?,
        event_type,
        source: text(headers, "ce-source")?.unwrap_or(DEFAULT_SOURCE),
        subject: text(headers, "ce-subject")?,
        traceparent: text(headers, "traceparent")
            .ok()
            .flatten()
            .filter(|trace| event::checked(header::TRACEPARENT, trace).is_ok()),
        content_type,
    })
}

fn text<'a>(headers: &'a HeaderMap, name: &'static str) -> Result<Option<&'a str>, Refusal> {
    let Some(value) = headers.get(name) else { return Ok(None) };
    match str::from_utf8(value.as_bytes()) {
        Ok(text) => Ok(Some(text)),
        Err(_) => Err(Refusal::HeaderText { header: name }),
    }
}

/// An empty key is none: it would send every such event to one partition.
fn key<'a>(
    headers: &'a HeaderMap,
    user_id: Option<Cow<'a, str>>,
) -> Result<Option<Cow<'a, [u8]>>, Refusal> {
    let key = match headers.get("x-partition-key") {
        Some(value) => Some(Cow::Borrowed(value.as_bytes())),
        None => user_id.map(|user_id| match user_id {
            Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
            Cow::Owned(text) => Cow::Owned(text.into_bytes()),
        }),
    };
    let key = key.filter(|key| !key.is_empty());
    match &key {
        Some(key) if key.len() > limits::KEY_BYTES_MAX => {
            Err(Refusal::KeyTooLong { size_bytes: key.len(), limit_bytes: limits::KEY_BYTES_MAX })
        }
        _ => Ok(key),
    }
}

/// The two top-level fields that mean something here.
#[derive(Debug, Default, PartialEq)]
struct Fields<'a> {
    /// Text or number.
    user_id: Option<Cow<'a, str>>,
    /// Text that can be a type.
    event_type: Option<Cow<'a, str>>,
}

/// Goes through the whole body, and fails unless it is one JSON object.
fn read_object(body: &[u8]) -> Result<Fields<'_>, RequestError> {
    let text = json_http::text(body)?;
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let fields =
        deserializer.deserialize_map(FieldsVisitor).map_err(|error| json_http::not_json(&error))?;
    deserializer.end().map_err(|error| json_http::not_json(&error))?;
    Ok(fields)
}

struct FieldsVisitor;

impl<'de> Visitor<'de> for FieldsVisitor {
    type Value = Fields<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    /// Of a repeated field the last one counts, as in most JSON parsers.
    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Fields<'de>, M::Error> {
        let mut fields = Fields::default();
        while let Some(name) = map.next_key::<Cow<'de, str>>()? {
            match &*name {
                "user_id" => fields.user_id = text_or_number(map.next_value()?),
                "event_type" => {
                    fields.event_type = json_text(map.next_value()?)
                        .filter(|value| event::checked(header::TYPE, value).is_ok());
                }
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(fields)
    }
}

/// A text's content, a number as it is written, nothing else.
fn text_or_number(value: &RawValue) -> Option<Cow<'_, str>> {
    let written = value.get();
    if written.starts_with(|first: char| first == '-' || first.is_ascii_digit()) {
        Some(Cow::Borrowed(written))
    } else {
        json_text(value)
    }
}

fn json_text(value: &RawValue) -> Option<Cow<'_, str>> {
    let written = value.get();
    if !written.starts_with('"') {
        return None;
    }
    if written.contains('\\') {
        // An unpaired surrogate is no text.
        return serde_json::from_str(written).ok().map(Cow::Owned);
    }
    Some(Cow::Borrowed(&written[1..written.len() - 1]))
}

#[cfg(test)]
mod tests;
