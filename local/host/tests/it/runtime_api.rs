//! The Runtime API towards a runtime that does things in the wrong order: the function calls it from
//! inside an invocation.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Rig, bounded, function, parse};

const NEXT: &str = "/2018-06-01/runtime/invocation/next";
const RESPONSE: &str = "/2018-06-01/runtime/invocation/{id}/response";

/// What one call answers: its status and body.
async fn call(rig: &Rig, (method, path): (&str, &str), header: &str) -> (Value, Value) {
    let payload = json!({
        "do": "call", "method": method, "path": path, "header": header, "body": "\"posted\"",
    });
    let response = rig.response(payload).await;
    let body = response["body"].as_str().expect("a body");
    (response["status"].clone(), parse(body.as_bytes()))
}

#[tokio::test]
async fn a_next_before_the_answer_is_an_invalid_transition() {
    let rig = Rig::start(function()).await;
    let (status, body) = call(&rig, ("GET", NEXT), "").await;
    assert_eq!((status, &body["errorType"]), (json!(403), &json!("InvalidStateTransition")));
    rig.shutdown().await;
}

#[tokio::test]
async fn an_unknown_request_is_refused() {
    let rig = Rig::start(function()).await;
    for id in ["nonsense", "6f1e8f1c-7a5b-4c0e-8f0a-1f2e3d4c5b6a"] {
        let path = RESPONSE.replace("{id}", id);
        let (status, body) = call(&rig, ("POST", &path), "").await;
        assert_eq!((status, &body["errorType"]), (json!(400), &json!("InvalidRequestID")));
    }
    rig.shutdown().await;
}

#[tokio::test]
async fn a_stale_attempt_is_gone() {
    let rig = Rig::start(function()).await;
    let header = "Lambda-Runtime-Invocation-Id: stale\r\n";
    let (status, _) = call(&rig, ("POST", RESPONSE), header).await;
    assert_eq!(status, json!(410));
    rig.shutdown().await;
}

#[tokio::test]
async fn a_response_mode_that_does_not_exist_is_refused() {
    let rig = Rig::start(function()).await;
    let header = "Lambda-Runtime-Function-Response-Mode: sideways\r\n";
    let (status, body) = call(&rig, ("POST", RESPONSE), header).await;
    assert_eq!((status, &body["errorType"]), (json!(400), &json!("InvalidFunctionResponseMode")));
    rig.shutdown().await;
}

#[tokio::test]
async fn an_init_error_after_the_init_is_an_invalid_transition() {
    let rig = Rig::start(function()).await;
    let (status, _) = call(&rig, ("POST", "/2018-06-01/runtime/init/error"), "").await;
    assert_eq!(status, json!(403));
    rig.shutdown().await;
}

/// The runtime's own answer comes second and is refused; it goes on all the same.
#[tokio::test]
async fn the_first_answer_counts() {
    let rig = Rig::start(function()).await;
    let payload = json!({ "do": "call", "method": "POST", "path": RESPONSE, "body": "\"first\"" });
    assert_eq!(rig.response(payload).await, json!("first"));
    assert_eq!(rig.response(json!({ "a": 1 })).await, json!({ "a": 1 }));
    rig.shutdown().await;
}

/// What a stream could not finish it says in trailers, after a response that has begun.
#[tokio::test]
async fn a_stream_that_fails_is_a_function_error() {
    let rig = Rig::start(function()).await;
    let header = "Lambda-Runtime-Function-Response-Mode: streaming\r\n";
    let payload = json!({
        "do": "call", "method": "POST", "path": RESPONSE, "header": header, "body": "\"whole\"",
    });
    assert_eq!(rig.response(payload).await, json!("whole"));
    let payload = json!({
        "do": "stream", "path": RESPONSE, "chunk": "\"begun",
        "trailers": "Lambda-Runtime-Function-Error-Type: Fake.Stream\r\n",
    });
    assert_eq!(rig.error(payload).await["errorType"], "Fake.Stream");
    rig.shutdown().await;
}

#[tokio::test]
async fn an_extension_may_register() {
    let rig = Rig::start(function()).await;
    let path = "/2020-01-01/extension/register";
    let payload = |header: &str, body: &str| json!({ "do": "call", "method": "POST", "path": path, "header": header, "body": body });
    let named = "Lambda-Extension-Name: one\r\n";
    let response = rig.response(payload(named, "{\"events\":[\"SHUTDOWN\"]}")).await;
    let body = parse(response["body"].as_str().unwrap().as_bytes());
    assert_eq!((&response["status"], &body["functionName"]), (&json!(200), &json!("fake")));
    assert_eq!(rig.response(payload("", "{}")).await["status"], 403);
    assert_eq!(rig.response(payload(named, "[")).await["status"], 400);
    rig.shutdown().await;
}

/// Such an extension is a process of its own, here started by the function's.
#[tokio::test]
async fn an_extension_that_outlives_the_function_hears_why_it_ended() {
    let mut config = function();
    let program = config.executable.display();
    let script = format!("\"{program}\" --outlive & exec \"{program}\"");
    config.executable = PathBuf::from("/bin/sh");
    config.arguments = vec!["-c".to_owned(), script];
    config.timeout = Duration::from_secs(1);
    let mut rig = Rig::start(config).await;
    let ends = [
        ("hang", "Sandbox.Timedout", "outlived a TIMEOUT"),
        ("exit", "Runtime.ExitError", "outlived a FAILURE"),
    ];
    for (wanted, error_type, words) in ends {
        rig.response(json!({})).await;
        rig.line(|line| line == "outlive is there").await;
        assert_eq!(rig.error(json!({ "do": wanted })).await["errorType"], error_type);
        rig.line(|line| line == words).await;
    }
    rig.response(json!({})).await;
    rig.line(|line| line == "outlive is there").await;
    bounded(rig.host.shutdown()).await;
    rig.line(|line| line == "outlived a SPINDOWN").await;
}

/// As `lambda_runtime` shows it for work after the answer: the next invocation waits for it.
#[tokio::test]
async fn an_extension_hears_of_every_invocation_and_ends_it() {
    let mut config = function();
    config.arguments = vec!["--flush".to_owned()];
    let mut rig = Rig::start(config).await;
    for number in 1..=3 {
        rig.response(json!({})).await;
        let line = rig.line(|line| line.starts_with("flushed")).await.text;
        assert!(line.starts_with(&format!("flushed {number} of Root=1-")), "{line}");
    }
    assert_eq!(rig.host.status().await[0].environments, 1);
    rig.shutdown().await;
}
