//! The maps of an event: headers, cookies, query and path parameters, as AWS spells them.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use http::header::{
    CONNECTION, CONTENT_LENGTH, COOKIE, HOST, HeaderMap, HeaderName, HeaderValue, TE, TRAILER,
    TRANSFER_ENCODING, UPGRADE,
};
use percent_encoding::percent_decode_str;
use serde::ser::{Serialize, SerializeMap, Serializer};

/// Headers that belong to one connection and not to the request.
const HOP_BY_HOP: [HeaderName; 7] = [
    CONNECTION,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
];

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_PORT: HeaderName = HeaderName::from_static("x-forwarded-port");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
pub(super) const TRACE_ID: HeaderName = HeaderName::from_static("x-amzn-trace-id");

/// What the gateway adds to the headers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arrival<'a> {
    /// The host that was asked for.
    pub(super) authority: Option<&'a str>,
    /// The length of the body; AWS also says 0.
    pub(super) body_bytes: usize,
    /// The port that was asked.
    pub(super) port: u16,
    /// The client's address.
    pub(super) source_ip: &'a str,
    /// The trace the request belongs to, unless the client named one.
    pub(super) trace_id: &'a str,
}

/// The headers: lower-case names, several values of one name joined with a comma, those of AWS's
/// front end added, cookies and connection headers left out.
#[derive(Debug)]
pub(super) struct Headers<'a> {
    /// As the client sent them.
    pub(super) sent: &'a HeaderMap,
    /// What is added.
    pub(super) arrival: Arrival<'a>,
}

impl Headers<'_> {
    /// Whether the client's own value is shown.
    fn keeps(name: &HeaderName) -> bool {
        let ours = [COOKIE, CONTENT_LENGTH, HOST, FORWARDED_FOR, FORWARDED_PORT, FORWARDED_PROTO];
        !ours.contains(name) && !HOP_BY_HOP.contains(name)
    }
}

impl Serialize for Headers<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { sent, arrival } = self;
        let mut map = serializer.serialize_map(None)?;
        for name in sent.keys().filter(|name| Self::keeps(name)) {
            map.serialize_entry(name.as_str(), &joined(sent, name))?;
        }
        map.serialize_entry(CONTENT_LENGTH.as_str(), &arrival.body_bytes.to_string())?;
        if let Some(authority) = arrival.authority {
            map.serialize_entry(HOST.as_str(), authority)?;
        }
        if !sent.contains_key(TRACE_ID) {
            map.serialize_entry(TRACE_ID.as_str(), arrival.trace_id)?;
        }
        if sent.contains_key(FORWARDED_FOR) {
            let chain = format!("{}, {}", joined(sent, &FORWARDED_FOR), arrival.source_ip);
            map.serialize_entry(FORWARDED_FOR.as_str(), &chain)?;
        } else {
            map.serialize_entry(FORWARDED_FOR.as_str(), arrival.source_ip)?;
        }
        map.serialize_entry(FORWARDED_PORT.as_str(), &arrival.port.to_string())?;
        map.serialize_entry(FORWARDED_PROTO.as_str(), "http")?;
        map.end()
    }
}

/// All values of a header in one.
pub(super) fn joined<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Cow<'a, str> {
    let mut values = headers.get_all(name).iter().map(value_text);
    let mut first = values.next().unwrap_or_default();
    for value in values {
        let all = first.to_mut();
        all.push(',');
        all.push_str(&value);
    }
    first
}

/// A header's value; bytes that are no UTF-8 become replacement characters.
fn value_text(value: &HeaderValue) -> Cow<'_, str> {
    String::from_utf8_lossy(value.as_bytes())
}

/// The request's cookies, one `name=value` each, from all `cookie` headers.
pub(super) fn cookies(headers: &HeaderMap) -> Vec<Cow<'_, str>> {
    let mut cookies = Vec::new();
    for value in headers.get_all(COOKIE) {
        match value_text(value) {
            Cow::Borrowed(text) => cookies.extend(crumbs(text).map(Cow::Borrowed)),
            Cow::Owned(text) => {
                cookies.extend(crumbs(&text).map(|crumb| Cow::Owned(crumb.to_owned())));
            }
        }
    }
    cookies
}

fn crumbs(text: &str) -> impl Iterator<Item = &str> {
    text.split(';').map(str::trim).filter(|crumb| !crumb.is_empty())
}

/// The query's parameters, decoded; several values of one name joined with a comma.
#[derive(Debug)]
pub(super) struct Query<'a>(BTreeMap<Cow<'a, str>, Cow<'a, str>>);

impl<'a> Query<'a> {
    /// Reads a query as sent, without the question mark.
    pub(super) fn parse(query: &'a str) -> Self {
        let mut parameters = BTreeMap::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            match parameters.entry(decoded(name)) {
                Entry::Vacant(entry) => {
                    entry.insert(decoded(value));
                }
                Entry::Occupied(mut entry) => {
                    let all = entry.get_mut().to_mut();
                    all.push(',');
                    all.push_str(&decoded(value));
                }
            }
        }
        Self(parameters)
    }

    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Serialize for Query<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(&self.0)
    }
}

/// A name or value of a query: a plus is a space, the rest percent-encoded UTF-8.
fn decoded(text: &str) -> Cow<'_, str> {
    if text.contains('+') {
        let spaced = text.replace('+', " ");
        return Cow::Owned(percent_decode_str(&spaced).decode_utf8_lossy().into_owned());
    }
    percent_decode_str(text).decode_utf8_lossy()
}

/// A map whose names are known to differ.
#[derive(Debug)]
pub(super) struct Pairs<'a>(pub(super) Vec<(&'a str, &'a str)>);

impl Pairs<'_> {
    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Serialize for Pairs<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().copied())
    }
}

/// `HTTP/1.1`, `HTTP/2.0`.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature is serde's")]
pub(super) fn protocol<S: Serializer>(
    version: &http::Version,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("{version:?}"))
}
