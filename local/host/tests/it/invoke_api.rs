//! The Invoke API over HTTP, spoken by our own client and by hand.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use host::FunctionConfig;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use invoke::{Invoke as _, InvokeError, Outcome};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::task::TaskTracker;

use crate::support::{NAME, Rig, bounded, function, parse};

async fn request(rig: &Rig, request: http::request::Builder, body: Bytes) -> Response<Bytes> {
    let client = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
    let request = request.body(Full::new(body)).expect("a request");
    let response = bounded(client.request(request)).await.unwrap_or_else(|error| {
        panic!("the endpoint at {} did not answer: {error:?}", rig.address)
    });
    let (parts, body) = response.into_parts();
    let body = bounded(body.collect()).await.expect("a whole body").to_bytes();
    Response::from_parts(parts, body)
}

async fn post(rig: &Rig, name: &str, headers: &[(&str, &str)], body: &str) -> Response<Bytes> {
    let path = format!("http://{}/2015-03-31/functions/{name}/invocations", rig.address);
    let mut builder = Request::post(path);
    for (name, value) in headers {
        builder = builder.header(*name, *value);
    }
    request(rig, builder, Bytes::copy_from_slice(body.as_bytes())).await
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn client(rig: &Rig) -> invoke::Client {
    invoke::Client::new(format!("http://{}", rig.address).parse().expect("an address is a URI"))
}

#[tokio::test]
async fn a_response_comes_back_with_awss_headers() {
    let rig = Rig::start(function()).await;
    let response = post(&rig, NAME, &[], r#"{"a": 1}"#).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(parse(response.body()), json!({ "a": 1 }));
    assert_eq!(header(response.headers(), "x-amz-executed-version"), Some("$LATEST"));
    assert_eq!(header(response.headers(), "x-amz-function-error"), None);

    let response = post(&rig, NAME, &[], r#"{"do": "context"}"#).await;
    let request_id = parse(response.body())["request_id"].clone();
    assert_eq!(header(response.headers(), "x-amzn-requestid"), request_id.as_str());
    rig.shutdown().await;
}

#[tokio::test]
async fn cargo_lambda_finds_the_endpoint_on_ipv6() {
    let rig = Rig::start(function()).await;
    let Ok(probe) = std::net::TcpListener::bind("[::1]:0") else { return };
    drop(probe);
    let endpoint = format!("http://[::1]:{}", rig.address.port());
    let client = invoke::Client::new(endpoint.parse().expect("an address is a URI"));
    let outcome = bounded(client.invoke(NAME, Bytes::from_static(b"1"), None)).await;
    assert_eq!(outcome.unwrap(), Outcome::Succeeded(Bytes::from_static(b"1")));
    rig.shutdown().await;
}

#[tokio::test]
async fn a_functions_failure_is_200_with_a_header() {
    let rig = Rig::start(function()).await;
    let response = post(&rig, NAME, &[], r#"{"do": "fail"}"#).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(header(response.headers(), "x-amz-function-error"), Some("Unhandled"));
    rig.shutdown().await;
}

#[tokio::test]
async fn a_function_answers_to_its_arn_and_to_its_latest_version_only() {
    let rig = Rig::start(function()).await;
    let arn = "arn:aws:lambda:us-east-1:000000000000:function:fake";
    for name in [arn, "fake:$LATEST", "fake"] {
        assert_eq!(post(&rig, name, &[], "{}").await.status(), StatusCode::OK, "{name}");
    }
    for name in ["fake:1", "other"] {
        let response = post(&rig, name, &[], "{}").await;
        assert_eq!(response.status(), StatusCode::NOT_FOUND, "{name}");
        let error_type = header(response.headers(), "x-amzn-errortype");
        assert_eq!(error_type, Some("ResourceNotFoundException"));
        let body = parse(response.body());
        assert_eq!(body["Type"], "User");
        // `cargo lambda invoke` asks for these.
        assert_eq!(body["errorType"], "ResourceNotFoundException");
        assert_eq!(body["errorMessage"], body["Message"]);
    }
    rig.shutdown().await;
}

#[tokio::test]
async fn a_body_that_is_not_json_or_too_large_is_refused() {
    let rig = Rig::start(function()).await;
    let response = post(&rig, NAME, &[], "{").await;
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
    let error_type = header(response.headers(), "x-amzn-errortype");
    assert_eq!(error_type, Some("InvalidRequestContentException"));

    let largest = format!("\"{}\"", "x".repeat(invoke::PAYLOAD_BYTES_MAX - 2));
    assert_eq!(post(&rig, NAME, &[], &largest).await.status(), StatusCode::OK);
    let response = post(&rig, NAME, &[], &format!("{largest} ")).await;
    assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE);
    let error_type = header(response.headers(), "x-amzn-errortype");
    assert_eq!(error_type, Some("RequestTooLargeException"));
    assert_eq!(post(&rig, NAME, &[], "").await.body(), "{}");
    rig.shutdown().await;
}

#[tokio::test]
async fn a_dry_run_runs_nothing() {
    let rig = Rig::start(function()).await;
    let dry = [("x-amz-invocation-type", "DryRun")];
    assert_eq!(post(&rig, NAME, &dry, "{}").await.status(), StatusCode::NO_CONTENT);
    assert_eq!(post(&rig, "other", &dry, "{}").await.status(), StatusCode::NOT_FOUND);
    assert_eq!(rig.host.status().await[0].environments, 0);
    rig.shutdown().await;
}

#[tokio::test]
async fn an_event_is_taken_at_once_and_runs() {
    let mut rig = Rig::start(function()).await;
    let event = [("x-amz-invocation-type", "Event")];
    let response = post(&rig, NAME, &event, r#"{"do": "print", "text": "hello"}"#).await;
    assert_eq!((response.status(), response.body().len()), (StatusCode::ACCEPTED, 0));
    assert_eq!(rig.line(|line| line.contains("hello")).await.text, "out: hello");
    rig.shutdown().await;
}

#[tokio::test]
async fn an_invocation_type_that_does_not_exist_is_refused() {
    let rig = Rig::start(function()).await;
    let response = post(&rig, NAME, &[("x-amz-invocation-type", "Later")], "{}").await;
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
    rig.shutdown().await;
}

#[tokio::test]
async fn a_function_without_room_throttles_in_awss_words() {
    let mut config = function();
    config.reserved_concurrency = Some(0);
    let rig = Rig::start(config).await;
    let response = post(&rig, NAME, &[], "{}").await;
    assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
    assert!(header(response.headers(), "retry-after").is_some());
    assert_eq!(
        parse(response.body()),
        json!({
            "Reason": "ReservedFunctionConcurrentInvocationLimitExceeded",
            "Type": "User",
            "message": "Rate Exceeded.",
            "errorType": "TooManyRequestsException",
            "errorMessage": "Rate Exceeded.",
        })
    );
    rig.shutdown().await;
}

#[tokio::test]
async fn any_other_path_says_what_is_served() {
    let rig = Rig::start(function()).await;
    let builder = Request::get(format!("http://{}/", rig.address));
    let response = request(&rig, builder, Bytes::new()).await;
    assert_eq!(response.status(), StatusCode::NOT_FOUND);
    let message = parse(response.body())["message"].clone();
    assert!(message.as_str().unwrap().contains("/2015-03-31/functions/{name}/invocations"));
    rig.shutdown().await;
}

#[tokio::test]
async fn our_client_tells_the_outcomes_apart() {
    let rig = Rig::start(function()).await;
    let client = client(&rig);
    let invoke = async |function, payload: &'static str| {
        bounded(client.invoke(function, Bytes::from_static(payload.as_bytes()), None)).await
    };
    let echoed = Outcome::Succeeded(Bytes::from_static(br#"{"a":1}"#));
    assert_eq!(invoke(NAME, r#"{"a":1}"#).await.unwrap(), echoed);
    let failed = invoke(NAME, r#"{"do":"fail"}"#).await;
    assert!(matches!(failed, Ok(Outcome::FunctionError(_))), "{failed:?}");
    let unknown = invoke("other", "{}").await;
    assert!(matches!(unknown, Err(InvokeError::UnknownFunction { .. })), "{unknown:?}");
    let refused = invoke(NAME, "{").await;
    assert!(matches!(refused, Err(InvokeError::Refused { status: 400, .. })), "{refused:?}");
    rig.shutdown().await;
    let unreachable = invoke(NAME, "{}").await;
    assert!(matches!(unreachable, Err(InvokeError::Unreachable { .. })), "{unreachable:?}");
}

#[tokio::test]
async fn all_functions_without_a_reservation_share_the_accounts_concurrency() {
    let named = |name: &str, reserved: Option<u32>| FunctionConfig {
        name: name.to_owned(),
        reserved_concurrency: reserved,
        ..function()
    };
    let functions = vec![named(NAME, None), named("other", None), named("reserved", Some(1))];
    let rig = Rig::start_all(functions, Some(1)).await;
    let held = TaskTracker::new().spawn(rig.in_background(json!({ "do": "hang" })));
    rig.until(|status| status.name == NAME && status.in_flight == 1).await;
    let response = post(&rig, "other", &[], "{}").await;
    assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(parse(response.body())["Reason"], "ConcurrentInvocationLimitExceeded");
    assert_eq!(post(&rig, "reserved", &[], "{}").await.status(), StatusCode::OK);
    rig.host.kill_environment(NAME).await;
    assert!(held.await.is_ok());
    assert_eq!(post(&rig, "other", &[], "{}").await.status(), StatusCode::OK);
    rig.shutdown().await;
}

#[tokio::test]
async fn a_tail_has_everything_that_the_invocation_wrote() {
    let rig = Rig::start(function()).await;
    let tail = [("x-amz-log-type", "Tail")];
    for text in ["one", "two"] {
        let payload = json!({ "do": "print", "text": text }).to_string();
        let response = post(&rig, NAME, &tail, &payload).await;
        let log = header(response.headers(), "x-amz-log-result").expect("a log");
        let log = String::from_utf8(BASE64_STANDARD.decode(log).unwrap()).unwrap();
        let lines: Vec<_> = log.lines().collect();
        assert!(lines[0].starts_with("START RequestId: "), "{log}");
        for line in [format!("out: {text}"), format!("err: {text}")] {
            assert!(lines.contains(&line.as_str()), "{log}");
        }
        assert!(lines[4].starts_with("REPORT RequestId: "), "{log}");
        assert_eq!(lines.len(), 5, "{log}");
    }
    let response = post(&rig, NAME, &[], "{}").await;
    assert_eq!(header(response.headers(), "x-amz-log-result"), None);
    let odd = post(&rig, NAME, &[("x-amz-log-type", "Head")], "{}").await;
    assert_eq!(odd.status(), StatusCode::BAD_REQUEST);
    rig.shutdown().await;
}

#[tokio::test]
async fn a_crash_has_a_tail_too() {
    let rig = Rig::start(function()).await;
    let response = post(&rig, NAME, &[("x-amz-log-type", "Tail")], r#"{"do":"exit"}"#).await;
    let log = header(response.headers(), "x-amz-log-result").expect("a log");
    let log = String::from_utf8(BASE64_STANDARD.decode(log).unwrap()).unwrap();
    assert!(log.ends_with("\tStatus: error\tError Type: Runtime.ExitError\n"), "{log}");
    rig.shutdown().await;
}

#[tokio::test]
async fn functions_may_be_looked_at() {
    let named = |name: &str| FunctionConfig { name: name.to_owned(), ..function() };
    let mut first = named("first");
    first.reserved_concurrency = Some(5);
    first.aliases = vec!["live".to_owned()];
    let rig = Rig::start_all(vec![first, named("second")], None).await;
    let get = async |path: &str| {
        let builder = Request::get(format!("http://{}{path}", rig.address));
        let response = request(&rig, builder, Bytes::new()).await;
        (response.status().as_u16(), parse(response.body()))
    };
    let (status, one) = get("/2015-03-31/functions/first?Qualifier=live").await;
    assert_eq!((status, &one["Configuration"]["MemorySize"]), (200, &json!(128)));
    assert_eq!(one["Concurrency"], json!({ "ReservedConcurrentExecutions": 5 }));
    let (_, configuration) = get("/2015-03-31/functions/first/configuration").await;
    assert_eq!(configuration, one["Configuration"]);
    let (_, concurrency) = get("/2019-09-30/functions/second/concurrency").await;
    assert_eq!(concurrency, json!({}));
    let (_, page) = get("/2015-03-31/functions/?MaxItems=1").await;
    assert_eq!(page["Functions"], json!([configuration]));
    let marker = page["NextMarker"].as_str().unwrap();
    let (_, page) = get(&format!("/2015-03-31/functions/?Marker={marker}")).await;
    assert_eq!(page["Functions"][0]["FunctionName"], "second");
    assert_eq!(page["NextMarker"], Value::Null);
    assert_eq!(get("/2015-03-31/functions/other").await.0, 404);
    rig.shutdown().await;
}

#[tokio::test]
async fn a_stream_is_not_asynchronous() {
    let rig = Rig::start(function()).await;
    let path = format!("/2021-11-15/functions/{NAME}/response-streaming-invocations");
    let url = format!("http://{}{path}", rig.address);
    let streamed = request(&rig, Request::post(&url), Bytes::from_static(b"{}")).await;
    assert_eq!(streamed.status(), StatusCode::OK);
    let content = header(streamed.headers(), "content-type");
    assert_eq!(content, Some("application/vnd.amazon.eventstream"));
    let builder = Request::post(&url).header("x-amz-invocation-type", "Event");
    let refused = request(&rig, builder, Bytes::new()).await;
    assert_eq!(refused.status(), StatusCode::BAD_REQUEST);
    rig.shutdown().await;
}

/// Otherwise whoever waits for an answer would wait for all of them.
#[tokio::test]
async fn a_flood_of_events_leaves_room_for_other_callers() {
    let mut config = function();
    config.environments_max = 1;
    config.arguments = vec!["--repeat".to_owned()];
    let mut rig = Rig::start(config).await;
    let gate = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = gate.local_addr().unwrap().to_string();
    let event = [("x-amz-invocation-type", "Event")];
    let first = json!({ "do": "wait_for", "address": address }).to_string();
    post(&rig, NAME, &event, &first).await;
    let (held, _) = bounded(gate.accept()).await.unwrap();
    for _ in 0..9 {
        post(&rig, NAME, &event, r#"{"event":true}"#).await;
    }
    rig.until(|status| status.in_flight == 2).await;
    let answer = TaskTracker::new().spawn(rig.in_background(json!({ "asked": true })));
    rig.until(|status| status.in_flight == 3).await;
    drop(held);
    assert!(answer.await.is_ok());
    let mut order = Vec::new();
    while order.len() < 4 {
        let line = rig.line(|line| line.starts_with("got {")).await.text;
        order.push(line.contains("asked"));
    }
    assert_eq!(order, [false, false, true, false]);
    rig.shutdown().await;
}

#[tokio::test]
async fn a_destination_hears_of_an_event_that_was_given_up() {
    let mut failing = function();
    failing.events.retries_max = 0;
    failing.events.on_failure = Some("told".to_owned());
    failing.events.on_success = Some("told".to_owned());
    let told = FunctionConfig {
        name: "told".to_owned(),
        arguments: vec!["--repeat".to_owned()],
        ..function()
    };
    let mut rig = Rig::start_all(vec![failing, told], None).await;
    let event = [("x-amz-invocation-type", "Event")];
    for (payload, condition) in
        [(r#"{"do":"fail"}"#, "RetriesExhausted"), (r#"{"a":1}"#, "Success")]
    {
        let response = post(&rig, NAME, &event, payload).await;
        let id = header(response.headers(), "x-amzn-requestid").unwrap().to_owned();
        let line = rig.line(|line| line.starts_with("got {")).await.text;
        let record: Value = serde_json::from_str(line.trim_start_matches("got ")).unwrap();
        assert_eq!(record["requestContext"]["requestId"], json!(id));
        assert_eq!(record["requestContext"]["condition"], condition);
        assert_eq!(record["requestPayload"], parse(payload.as_bytes()));
    }
    rig.shutdown().await;
}
