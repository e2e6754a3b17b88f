//! Every row of the response table of payload format 2.0.

use super::*;

/// Checks status, content type and body.
#[track_caller]
fn check(payload: &str, status: u16, content_type: &str, body: &[u8]) -> Response<Bytes> {
    let response = from_payload(&Bytes::copy_from_slice(payload.as_bytes())).unwrap();
    assert_eq!(response.status(), status);
    assert_eq!(response.headers()[CONTENT_TYPE], content_type);
    assert_eq!(response.body().as_ref(), body);
    response
}

#[track_caller]
fn malformed(payload: &str) {
    let answer = from_payload(&Bytes::copy_from_slice(payload.as_bytes()));
    assert_eq!(answer.unwrap_err(), Refusal::FunctionFailed, "{payload}");
}

#[test]
fn without_a_status_code_the_payload_is_the_body_of_a_200() {
    check(r#"{"message":"hi"}"#, 200, "application/json", br#"{"message":"hi"}"#);
    check(r#"{"body":5,"headers":1}"#, 200, "application/json", br#"{"body":5,"headers":1}"#);
    check("[1,2]", 200, "application/json", b"[1,2]");
    check("null", 200, "application/json", b"null");
    check("42", 200, "application/json", b"42");
    check("", 200, "application/json", b"");
}

#[test]
fn a_json_string_is_unwrapped() {
    check(r#""say \"hi\"""#, 200, "application/json", br#"say "hi""#);
}

#[test]
fn what_is_no_json_is_a_body_too() {
    check(r#"{"name": "John", "age":"#, 200, "application/json", br#"{"name": "John", "age":"#);
    check(r#""open"#, 200, "application/json", br#""open"#);
    check("hello", 200, "application/json", b"hello");
}

#[test]
fn a_formatted_response_is_taken_as_given() {
    let response = check(
        r#" {"statusCode":202,"headers":{"Content-Type":"application/cloudevents+json","X-A":"1"},
            "body":"{\"a\":1}","isBase64Encoded":false,"multiValueHeaders":{"x":["y"]}}"#,
        202,
        "application/cloudevents+json",
        br#"{"a":1}"#,
    );
    assert_eq!(response.headers()["x-a"], "1");
    assert_eq!(response.headers().len(), 2);
}

#[test]
fn the_content_type_is_plain_text_unless_given() {
    check(r#"{"statusCode":200,"body":"hi"}"#, 200, "text/plain; charset=utf-8", b"hi");
    check(r#"{"statusCode":404}"#, 404, "text/plain; charset=utf-8", b"");
}

#[test]
fn null_fields_count_as_absent() {
    check(
        r#"{"statusCode":200,"headers":null,"body":null,"cookies":null,"isBase64Encoded":null}"#,
        200,
        "text/plain; charset=utf-8",
        b"",
    );
    check(r#"{"statusCode":200,"headers":{"x-a":null}}"#, 200, "text/plain; charset=utf-8", b"");
}

#[test]
fn a_base64_body_is_decoded_when_the_flag_says_so() {
    check(
        r#"{"statusCode":200,"body":"AP8B","isBase64Encoded":true}"#,
        200,
        "text/plain; charset=utf-8",
        &[0, 255, 1],
    );
    check(r#"{"statusCode":200,"body":"AP8B"}"#, 200, "text/plain; charset=utf-8", b"AP8B");
}

#[test]
fn cookies_come_before_a_set_cookie_in_the_headers() {
    let response = check(
        r#"{"statusCode":200,"headers":{"Set-Cookie":"c=3"},"cookies":["a=1; Secure","b=2"]}"#,
        200,
        "text/plain; charset=utf-8",
        b"",
    );
    let cookies: Vec<_> = response.headers().get_all(SET_COOKIE).iter().collect();
    assert_eq!(cookies, ["a=1; Secure", "b=2", "c=3"]);
}

#[test]
fn headers_that_frame_the_message_are_dropped() {
    let response = check(
        r#"{"statusCode":200,"headers":{"Content-Length":"999","Transfer-Encoding":"chunked",
            "Connection":"close","Keep-Alive":"1"},"body":"hi"}"#,
        200,
        "text/plain; charset=utf-8",
        b"hi",
    );
    assert_eq!(response.headers().len(), 1);
}

#[test]
fn a_malformed_response_is_a_failure_of_the_function() {
    malformed(r#"{"statusCode":"200"}"#);
    malformed(r#"{"statusCode":200.5}"#);
    malformed(r#"{"statusCode":null}"#);
    malformed(r#"{"statusCode":0}"#);
    malformed(r#"{"statusCode":101}"#);
    malformed(r#"{"statusCode":70000}"#);
    malformed(r#"{"statusCode":200,"body":{"a":1}}"#);
    malformed(r#"{"statusCode":200,"headers":["x"]}"#);
    malformed(r#"{"statusCode":200,"headers":{"x":1}}"#);
    malformed(r#"{"statusCode":200,"headers":{"a b":"1"}}"#);
    malformed(r#"{"statusCode":200,"headers":{"x":"1\n2"}}"#);
    malformed(r#"{"statusCode":200,"cookies":"a=1"}"#);
    malformed(r#"{"statusCode":200,"cookies":["a\n"]}"#);
    malformed(r#"{"statusCode":200,"isBase64Encoded":"yes"}"#);
    malformed(r#"{"statusCode":200,"body":"?","isBase64Encoded":true}"#);
}
