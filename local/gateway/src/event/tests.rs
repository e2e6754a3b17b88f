//! Whole events, compared as JSON with the examples of AWS's guide, and read back by `lambda_http`.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::Duration;

use http::Request;
use lambda_http::RequestExt as _;
use serde_json::{Value, json};

use super::*;
use crate::config::RouteConfig;
use crate::route::RouteTable;

fn api(method: Option<&str>, path: &str) -> ApiConfig {
    ApiConfig {
        logical_id: "api-id".to_owned(),
        stage: "$default".to_owned(),
        stage_variables: BTreeMap::new(),
        cors: None,
        routes: vec![RouteConfig {
            method: method.map(str::to_owned),
            path: path.to_owned(),
            function: "f".to_owned(),
            timeout: Duration::from_secs(1),
        }],
    }
}

fn text_of(api: &ApiConfig, request: Request<&[u8]>) -> String {
    let (head, body) = request.into_parts();
    let table = RouteTable::new(std::slice::from_ref(api)).unwrap();
    let matched = table.find(head.method.as_str(), head.uri.path()).unwrap();
    let stamp = Stamp {
        request_id: "JKJaXmPLvHcESHA=",
        trace_id: "Root=1-5e9f0c65-1de4d666d4dd26aced652b6c",
        now: Timestamp::from_millisecond(1_584_039_838_390).unwrap(),
        source_ip: Ipv4Addr::new(192, 0, 2, 1).into(),
        port: 3000,
    };
    String::from_utf8(write(api, &matched, &head, body, &stamp).to_vec()).unwrap()
}

fn event_of(api: &ApiConfig, request: Request<&[u8]>) -> Value {
    serde_json::from_str(&text_of(api, request)).unwrap()
}

#[test]
fn is_the_example_of_the_aws_guide() {
    let mut api = api(None, "$default");
    for (name, value) in [("stageVariable1", "value1"), ("stageVariable2", "value2")] {
        api.stage_variables.insert(name.to_owned(), value.to_owned());
    }
    let request = Request::post("/my/path?parameter1=value1&parameter1=value2&parameter2=value")
        .header("Host", "id.execute-api.us-east-1.amazonaws.com")
        .header("User-Agent", "agent")
        .header("Content-Type", "text/plain")
        .header("Header1", "value1")
        .header("Header2", "value1")
        .header("header2", "value2")
        .header("Cookie", "cookie1; cookie2")
        .header("Connection", "keep-alive")
        .body(b"Hello from Lambda!".as_slice())
        .unwrap();
    let expected: Value = serde_json::from_str(include_str!("fixtures/guide.json")).unwrap();
    assert_eq!(event_of(&api, request), expected);
}

#[test]
fn what_a_request_does_not_have_is_absent() {
    let request = Request::get("/get_status/a%20b")
        .header("host", "localhost:3000")
        .header("user-agent", "curl/7.58.0")
        .header("accept", "*/*")
        .body(b"".as_slice())
        .unwrap();
    let expected: Value = serde_json::from_str(include_str!("fixtures/curl.json")).unwrap();
    assert_eq!(event_of(&api(Some("GET"), "/get_status/{event_id}"), request), expected);
}

#[test]
fn the_query_stays_encoded_in_one_place_and_is_decoded_in_the_other() {
    let request =
        Request::get("/x?a=1%2B1&b=x+y&a=%C3%A4&flag&&c=a=b").body(b"".as_slice()).unwrap();
    let event = event_of(&api(None, "/x"), request);
    assert_eq!(event["rawQueryString"], "a=1%2B1&b=x+y&a=%C3%A4&flag&&c=a=b");
    assert_eq!(
        event["queryStringParameters"],
        json!({ "a": "1+1,ä", "b": "x y", "flag": "", "c": "a=b" })
    );
}

#[test]
fn cookies_of_several_headers_are_one_list_and_leave_the_headers() {
    let request = Request::get("/x")
        .header("cookie", "a=1; b=2")
        .header("cookie", "c=3")
        .body(b"".as_slice())
        .unwrap();
    let event = event_of(&api(None, "/x"), request);
    assert_eq!(event["cookies"], json!(["a=1", "b=2", "c=3"]));
    assert_eq!(event["headers"].get("cookie"), None);
}

#[test]
fn the_clients_own_trace_and_forwarding_headers_are_kept_and_extended() {
    let request = Request::get("/x")
        .header("x-amzn-trace-id", "Root=1-2-3")
        .header("x-forwarded-for", "198.51.100.7")
        .header("x-forwarded-proto", "https")
        .body(b"".as_slice())
        .unwrap();
    let headers = &event_of(&api(None, "/x"), request)["headers"];
    assert_eq!(headers["x-amzn-trace-id"], "Root=1-2-3");
    assert_eq!(headers["x-forwarded-for"], "198.51.100.7, 192.0.2.1");
    assert_eq!(headers["x-forwarded-proto"], "http");
}

#[test]
fn headers_of_the_connection_are_left_out() {
    let mut request = Request::get("/x").body(b"".as_slice()).unwrap();
    for name in ["connection", "keep-alive", "te", "transfer-encoding", "upgrade"] {
        request.headers_mut().insert(name, "x".parse().unwrap());
    }
    let event = event_of(&api(None, "/x"), request);
    let mut names: Vec<_> = event["headers"].as_object().unwrap().keys().collect();
    names.sort();
    assert_eq!(
        names,
        [
            "content-length",
            "x-amzn-trace-id",
            "x-forwarded-for",
            "x-forwarded-port",
            "x-forwarded-proto"
        ]
    );
}

#[test]
fn http_2_names_the_host_in_its_target() {
    let mut request = Request::get("http://127.0.0.1:3000/x").body(b"".as_slice()).unwrap();
    *request.version_mut() = http::Version::HTTP_2;
    let event = event_of(&api(None, "/x"), request);
    assert_eq!(event["headers"]["host"], "127.0.0.1:3000");
    assert_eq!(event["requestContext"]["domainName"], "127.0.0.1");
    assert_eq!(event["requestContext"]["http"]["protocol"], "HTTP/2.0");
    assert_eq!(event["rawPath"], "/x");
}

#[test]
fn a_named_stage_is_part_of_the_path() {
    let mut api = api(Some("GET"), "/x/{id}");
    api.stage = "prod".to_owned();
    let event = event_of(&api, Request::get("/prod/x/1").body(b"".as_slice()).unwrap());
    assert_eq!(event["rawPath"], "/prod/x/1");
    assert_eq!(event["requestContext"]["http"]["path"], "/prod/x/1");
    assert_eq!(event["requestContext"]["stage"], "prod");
    assert_eq!(event["routeKey"], "GET /x/{id}");
    assert_eq!(event["pathParameters"], json!({ "id": "1" }));
}

#[test]
fn lambda_http_reads_the_request_that_was_sent() {
    let request = Request::post("/order/7/caf%C3%A9?a=1&a=2")
        .header("host", "localhost:3000")
        .header("content-type", "application/octet-stream")
        .header("cookie", "a=1; b=2")
        .body([0_u8, 255, 1].as_slice())
        .unwrap();
    let text = text_of(&api(Some("POST"), "/order/{id}/{name}"), request);
    let read = lambda_http::request::from_str(&text).unwrap();
    assert_eq!(read.method(), "POST");
    assert_eq!(read.uri(), "http://localhost:3000/order/7/caf%C3%A9?a=1&a=2");
    assert_eq!(read.body().as_ref(), [0, 255, 1]);
    assert_eq!(read.headers()["cookie"], "a=1; b=2");
    assert_eq!(read.path_parameters().first("name"), Some("café"));
    assert_eq!(read.query_string_parameters().all("a"), Some(vec!["1", "2"]));
    assert_eq!(read.raw_http_path(), "/order/7/café");
}
