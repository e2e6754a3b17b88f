//! Which requests are submissions, and what is taken from them.

use lambda_http::http::{HeaderName, HeaderValue};

use super::*;

/// What is wrong with JSON of another type.
const NOT_AN_OBJECT: &str = "the body is not a JSON object";

fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
    pairs
        .iter()
        .map(|(name, value)| {
            let name: HeaderName = name.parse().unwrap();
            (name, HeaderValue::from_bytes(value.as_bytes()).unwrap())
        })
        .collect()
}

#[track_caller]
fn check_json(body: &[u8], expected_problem: &str, expected_place: (usize, usize)) {
    match parse(&HeaderMap::new(), body) {
        Err(Refusal::Request(RequestError::Json { problem, line, column })) => {
            assert_eq!(problem, expected_problem);
            assert_eq!((line, column), expected_place);
        }
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn check_key(pairs: &[(&str, &str)], body: &str, expected: Option<&str>) {
    let headers = headers(pairs);
    let submission = parse(&headers, body.as_bytes()).unwrap();
    let key = submission.key.map(|key| String::from_utf8(key.into_owned()).unwrap());
    assert_eq!(key.as_deref(), expected, "{body}");
}

#[track_caller]
fn check_type(pairs: &[(&str, &str)], body: &str, expected: &str) {
    let headers = headers(pairs);
    assert_eq!(parse(&headers, body.as_bytes()).unwrap().event_type, expected, "{body}");
}

#[test]
fn any_json_object_is_taken_as_it_is() {
    for body in ["{}", r#" {"test": [1, {"a": null}], "x": 1e400} "#, "{\"ü\":\"\\u0000\"}\n"] {
        let none = HeaderMap::new();
        let submission = parse(&none, body.as_bytes()).unwrap();
        assert_eq!(submission.body, body.as_bytes());
        assert_eq!(submission.content_type, "application/json");
        assert_eq!(submission.source, "/register_event");
        assert_eq!(submission.event_type, "event");
        assert_eq!(submission.key, None);
        assert_eq!(submission.id, None);
    }
}

#[test]
fn what_is_not_json_is_refused_with_its_place() {
    check_json(b"", "EOF while parsing a value", (1, 0));
    check_json(b"{\n  \"a\": trx}", "expected ident", (2, 10));
    check_json(b"{\"a\":1,}", "trailing comma", (1, 8));
    check_json(b"{} {}", "trailing characters", (1, 4));
    check_json(b"{\n\"a\":\"\xff\"}", "the body is not UTF-8", (2, 6));
}

#[test]
fn json_that_is_not_an_object_is_refused() {
    check_json(b"[1]", NOT_AN_OBJECT, (1, 0));
    check_json(b"\"never quoted\"", NOT_AN_OBJECT, (1, 14));
    check_json(b"12345678", NOT_AN_OBJECT, (1, 8));
    check_json(b"null", NOT_AN_OBJECT, (1, 4));
}

#[test]
fn deep_nesting_is_survived() {
    let depth = 100_000;
    let body = format!("{{\"a\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
    assert!(parse(&HeaderMap::new(), body.as_bytes()).is_ok());
}

#[test]
fn a_body_over_the_limit_is_refused_without_parsing() {
    let body = vec![b' '; limits::BODY_BYTES_MAX + 1];
    let refusal = parse(&HeaderMap::new(), &body).unwrap_err();
    assert!(
        matches!(
            refusal,
            Refusal::Request(RequestError::BodyTooLarge { size_bytes: 1_000_001, .. })
        ),
        "{refusal:?}"
    );
    let text = "x".repeat(limits::BODY_BYTES_MAX - 8);
    let largest = format!(r#"{{"a":"{text}"}}"#);
    assert_eq!(largest.len(), limits::BODY_BYTES_MAX);
    assert!(parse(&HeaderMap::new(), largest.as_bytes()).is_ok());
}

#[test]
fn only_json_types_are_taken() {
    for json in
        ["application/json", "Application/JSON; charset=utf-8", "application/cloudevents+json"]
    {
        let headers = headers(&[("content-type", json)]);
        assert_eq!(parse(&headers, b"{}").unwrap().content_type, json);
    }
    for other in
        ["text/plain", "application/x-www-form-urlencoded", "json", "", "application/json2"]
    {
        let refusal = parse(&headers(&[("content-type", other)]), b"{}").unwrap_err();
        assert!(
            matches!(refusal, Refusal::Request(RequestError::MediaType { .. })),
            "{other}: {refusal:?}"
        );
    }
}

#[test]
fn the_key_is_the_header_or_the_user() {
    let header = [("x-partition-key", "p")];
    check_key(&header, r#"{"user_id":"u1"}"#, Some("p"));
    check_key(&[], r#"{"user_id":"u1"}"#, Some("u1"));
    check_key(&[], r#"{"user_id":"\u00fc\"1"}"#, Some("ü\"1"));
    check_key(&[], r#"{"user_id":42}"#, Some("42"));
    check_key(&[], r#"{"user_id": -1.50 }"#, Some("-1.50"));
    check_key(&[], r#"{"user_id":"a","user_id":"b"}"#, Some("b"));
}

#[test]
fn what_cannot_be_a_key_is_none() {
    for body in [
        "{}",
        r#"{"user_id":""}"#,
        r#"{"user_id":null}"#,
        r#"{"user_id":true}"#,
        r#"{"user_id":["u1"]}"#,
        r#"{"user_id":{"user_id":"u1"}}"#,
        r#"{"user_id":"\ud800"}"#,
        r#"{"nested":{"user_id":"u1"}}"#,
    ] {
        check_key(&[], body, None);
    }
}

#[test]
fn a_key_over_the_limit_is_refused() {
    let body = format!(r#"{{"user_id":"{}"}}"#, "u".repeat(limits::KEY_BYTES_MAX + 1));
    let refusal = parse(&HeaderMap::new(), body.as_bytes()).unwrap_err();
    assert!(matches!(refusal, Refusal::KeyTooLong { size_bytes: 4_097, .. }), "{refusal:?}");
}

#[test]
fn the_type_is_the_header_or_the_field() {
    check_type(&[("ce-type", "t")], r#"{"event_type":"click"}"#, "t");
    check_type(&[], r#"{"event_type":"page view"}"#, "page view");
}

#[test]
fn a_field_that_cannot_be_a_type_is_not_one() {
    for body in [
        "{}",
        r#"{"event_type":""}"#,
        r#"{"event_type":7}"#,
        r#"{"event_type":"a\nb"}"#,
        &format!(r#"{{"event_type":"{}"}}"#, "t".repeat(limits::TYPE_BYTES_MAX + 1)),
    ] {
        check_type(&[], body, "event");
    }
}

#[test]
fn the_callers_names_are_taken_from_headers() {
    let headers = headers(&[
        ("ce-id", "order-1"),
        ("ce-source", "/shop"),
        ("ce-subject", "cart"),
        ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
    ]);
    let submission = parse(&headers, b"{}").unwrap();
    assert_eq!(submission.id, Some("order-1"));
    assert_eq!(submission.source, "/shop");
    assert_eq!(submission.subject, Some("cart"));
    assert!(submission.traceparent.is_some());
}

#[test]
fn a_header_that_is_not_text_is_named() {
    let mut map = HeaderMap::new();
    map.insert("ce-id", HeaderValue::from_bytes(b"\xff").unwrap());
    let refusal = parse(&map, b"{}").unwrap_err();
    assert_eq!(refusal.to_string(), "header `ce-id` is not UTF-8");
}

#[test]
fn a_malformed_trace_is_ignored() {
    let headers = headers(&[("traceparent", &"0".repeat(limits::TRACEPARENT_BYTES_MAX + 1))]);
    assert_eq!(parse(&headers, b"{}").unwrap().traceparent, None);
}
