//! A request's body as a JSON string: text as it is, anything else as base64.

use std::borrow::Cow;

use http::header::{CONTENT_TYPE, HeaderMap};

/// The event's `body` and `isBase64Encoded`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Body<'a> {
    /// What goes into `body`; `None` when nothing was sent.
    pub(super) text: Option<Cow<'a, str>>,
    /// What goes into `isBase64Encoded`.
    pub(super) is_base64: bool,
    /// How many bytes the client sent.
    pub(super) sent_bytes: usize,
}

impl<'a> Body<'a> {
    /// Decides by the content type, as AWS does; bytes that are no UTF-8 are never text.
    pub(super) fn of(headers: &HeaderMap, bytes: &'a [u8]) -> Self {
        let sent_bytes = bytes.len();
        if bytes.is_empty() {
            return Self { text: None, is_base64: false, sent_bytes };
        }
        let text = if is_text(headers) { str::from_utf8(bytes).ok() } else { None };
        let encoded = || base64_simd::STANDARD.encode_to_string(bytes);
        Self {
            is_base64: text.is_none(),
            text: Some(text.map_or_else(|| encoded().into(), Cow::Borrowed)),
            sent_bytes,
        }
    }
}

/// Only these types arrive as text; everything else, also no type at all and forms, as base64.
fn is_text(headers: &HeaderMap) -> bool {
    let Some(value) = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()) else {
        return false;
    };
    let kind = value.split(';').next().unwrap_or_default().trim();
    kind.get(..5).is_some_and(|prefix| prefix.eq_ignore_ascii_case("text/"))
        || ["application/json", "application/xml", "application/javascript"]
            .iter()
            .any(|text| kind.eq_ignore_ascii_case(text))
}

#[cfg(test)]
mod tests {
    use http::header::HeaderValue;

    use super::*;

    #[track_caller]
    fn check(content_type: Option<&'static str>, bytes: &[u8], text: &str, is_base64: bool) {
        let mut headers = HeaderMap::new();
        if let Some(value) = content_type {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(value));
        }
        let body = Body::of(&headers, bytes);
        assert_eq!((body.text.as_deref(), body.is_base64), (Some(text), is_base64));
        assert_eq!(body.sent_bytes, bytes.len());
    }

    #[test]
    fn only_the_four_kinds_of_text_are_not_base64() {
        check(Some("text/plain"), b"hi", "hi", false);
        check(Some("TEXT/csv; charset=utf-8"), b"hi", "hi", false);
        check(Some("application/json"), b"{}", "{}", false);
        check(Some("application/json ; charset=utf-8"), b"{}", "{}", false);
        check(Some("Application/XML"), b"<a/>", "<a/>", false);
        check(Some("application/javascript"), b"1", "1", false);
        check(Some("application/x-www-form-urlencoded"), b"a=1", "YT0x", true);
        check(Some("application/vnd.api+json"), b"{}", "e30=", true);
        check(Some("application/octet-stream"), b"hi", "aGk=", true);
        check(Some("text"), b"hi", "aGk=", true);
        check(None, b"hi", "aGk=", true);
    }

    #[test]
    fn text_that_is_not_utf_8_is_base64() {
        check(Some("text/plain"), &[0xff, 0xfe], "//4=", true);
    }

    #[test]
    fn no_body_is_absent() {
        let body = Body::of(&HeaderMap::new(), b"");
        assert_eq!(body, Body { text: None, is_base64: false, sent_bytes: 0 });
    }
}
