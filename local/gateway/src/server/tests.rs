//! The gateway over real sockets with a fake function behind it.

mod client;
mod fake;

use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use serde_json::{Value, json};

use super::tests::client::{Client, Reply};
use super::tests::fake::{Answer, Fake, api, serve, serve_with};
use super::*;
use crate::config::CorsConfig;
use crate::limits::SMALL_BODY_BYTES_MAX;

/// A generous bound on everything that is waited for.
const SOON: Duration = Duration::from_secs(30);

const JSON: &[(&str, &str)] = &[("content-type", "application/json")];

#[track_caller]
fn refused(reply: &Reply, status: u16, message: &str) {
    assert_eq!(reply.status, status);
    assert_eq!(reply.json(), json!({ "message": message }));
    assert_eq!(reply.headers[CONTENT_TYPE], "application/json");
    assert_eq!(reply.headers["apigw-requestid"].len(), 16);
}

#[tokio::test]
async fn a_request_becomes_an_event_and_its_response_the_answer() {
    let fake = Fake::new(Answer::Echo);
    let served = serve(&fake, vec![api("a", &[("POST", "/x/{id}", "f")])]).await;
    let reply = served.client().await.post("/x/7?a=1", JSON, r#"{"n":1}"#).await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.headers[CONTENT_TYPE], "application/json");
    let event = reply.json();
    assert_eq!(event["routeKey"], "POST /x/{id}");
    assert_eq!(event["pathParameters"], json!({ "id": "7" }));
    assert_eq!(event["body"], r#"{"n":1}"#);
    assert_eq!(event["requestContext"]["http"]["sourceIp"], "127.0.0.1");
    assert_eq!(event["headers"]["x-forwarded-port"], served.port().to_string());
    assert_eq!(
        event["requestContext"]["requestId"],
        reply.headers["apigw-requestid"].to_str().unwrap()
    );
    assert_eq!(fake.functions(), ["f"]);
    served.stop().await;
}

#[tokio::test]
async fn an_invocation_is_part_of_the_trace_that_its_event_names() {
    let fake = Fake::new(Answer::Echo);
    let served = serve(&fake, vec![api("a", &[("POST", "/x", "f")])]).await;
    let mut client = served.client().await;
    let own = "Root=1-5e9f0c65-1de4d666d4dd26aced652b6c;Sampled=1";
    for headers in [vec![], vec![("x-amzn-trace-id", own)]] {
        let event = client.post("/x", &headers, "").await.json();
        let told = event["headers"]["x-amzn-trace-id"].as_str().unwrap().to_owned();
        assert_eq!(fake.traces().last(), Some(&told));
    }
    assert_eq!(fake.traces()[1], own);
    served.stop().await;
}

#[tokio::test]
async fn routes_of_several_apis_share_the_port() {
    let fake = Fake::new(Answer::Echo);
    let mut named = api("c", &[("GET", "/x", "three")]);
    named.stage = "prod".to_owned();
    let apis = vec![api("a", &[("GET", "/x", "one")]), api("b", &[("GET", "/y", "two")]), named];
    let served = serve(&fake, apis).await;
    let mut client = served.client().await;
    for (path, api) in [("/x", "a"), ("/y", "b"), ("/prod/x", "c")] {
        assert_eq!(client.get(path).await.json()["requestContext"]["apiId"], api);
    }
    assert_eq!(fake.functions(), ["one", "two", "three"]);
    served.stop().await;
}

#[tokio::test]
async fn routes_that_clash_do_not_start() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let apis = vec![api("a", &[("GET", "/x", "f")]), api("b", &[("GET", "/x", "g")])];
    let error = Gateway::start(listener, apis, Fake::new(Answer::Echo)).unwrap_err();
    assert!(matches!(error, GatewayStartError::Routes(RouteError::Clash { .. })), "{error}");
}

/// Otherwise a few thousand connections could take all the memory there is.
#[tokio::test]
async fn a_large_body_waits_for_room_and_a_small_one_needs_none() {
    let fake = Fake::new(Answer::WhenReleased);
    let large = "x".repeat(SMALL_BODY_BYTES_MAX + 1);
    let limits =
        Limits { large_bodies_bytes: large.len(), room_timeout: SOON, ..Limits::default() };
    let routes = [("POST", "/large", "large"), ("POST", "/small", "small")];
    let served = serve_with(&fake, vec![api("a", &routes)], limits).await;
    let mut replies = Vec::new();
    for (path, body) in [("/large", large.clone()), ("/large", large), ("/small", "x".to_owned())] {
        let mut client = served.client().await;
        let reply = async move { client.post(path, &[], &body).await.status };
        replies.push(TaskTracker::new().spawn(reply));
        if replies.len() != 2 {
            fake.wait_for_invocation().await;
        }
    }
    assert_eq!(fake.functions(), ["large", "small"]);
    fake.release();
    fake.release();
    fake.wait_for_invocation().await;
    fake.release();
    for reply in replies {
        assert_eq!(reply.await.unwrap(), 200);
    }
    served.stop().await;
}

#[tokio::test]
async fn a_large_body_does_not_wait_for_room_for_ever() {
    let room_timeout = Duration::from_millis(50);
    let limits = Limits { large_bodies_bytes: 1, room_timeout, ..Limits::default() };
    let fake = Fake::new(Answer::Echo);
    let served = serve_with(&fake, vec![api("a", &[("POST", "/x", "f")])], limits).await;
    let large = "x".repeat(SMALL_BODY_BYTES_MAX + 1);
    refused(&served.client().await.post("/x", &[], &large).await, 503, "Service Unavailable");
    served.stop().await;
}

#[tokio::test]
async fn what_no_route_takes_is_not_found() {
    let fake = Fake::new(Answer::Echo);
    let served = serve(&fake, vec![api("a", &[("GET", "/x", "f")])]).await;
    refused(&served.client().await.get("/y").await, 404, "Not Found");
    assert!(fake.functions().is_empty());
    served.stop().await;
}

#[tokio::test]
async fn failures_of_functions_have_the_answers_of_aws() {
    for (answer, status, message) in [
        (Answer::FunctionError, 500, "Internal Server Error"),
        (Answer::Malformed, 500, "Internal Server Error"),
        (Answer::Unknown, 500, "Internal Server Error"),
        (Answer::Throttled, 503, "Service Unavailable"),
    ] {
        let served = serve(&Fake::new(answer), vec![api("a", &[("GET", "/x", "f")])]).await;
        refused(&served.client().await.get("/x").await, status, message);
        served.stop().await;
    }
}

#[tokio::test]
async fn a_function_that_does_not_answer_in_time_is_service_unavailable() {
    let mut slow = api("a", &[("GET", "/x", "f")]);
    slow.routes[0].timeout = Duration::from_millis(50);
    let served = serve(&Fake::new(Answer::Never), vec![slow]).await;
    refused(&served.client().await.get("/x").await, 503, "Service Unavailable");
    served.stop().await;
}

#[tokio::test]
async fn refuses_a_body_over_10_mb_and_an_event_over_6_mb() {
    let fake = Fake::new(Answer::Length);
    let served = serve(&fake, vec![api("a", &[("POST", "/x", "f")])]).await;
    let too_large = "Request Entity Too Large";
    let body = |bytes: usize| "a".repeat(bytes);
    let mut client = served.client().await;
    refused(&client.post("/x", JSON, &body(10 * 1024 * 1024 + 1)).await, 413, too_large);
    let mut client = served.client().await;
    refused(&client.post("/x", JSON, &body(6 * 1024 * 1024)).await, 413, too_large);
    // As base64 a body grows by a third.
    refused(&client.post("/x", &[], &body(9 * 512 * 1024)).await, 413, too_large);
    assert!(fake.functions().is_empty());
    assert_eq!(client.post("/x", JSON, &body(9 * 512 * 1024)).await.status, 200);
    served.stop().await;
}

#[tokio::test]
async fn a_body_of_many_pieces_arrives_whole() {
    let served = serve(&Fake::new(Answer::Echo), vec![api("a", &[("POST", "/x", "f")])]).await;
    let body = json!((0..200_000).collect::<Vec<u32>>()).to_string();
    let event = served.client().await.post("/x", JSON, &body).await.json();
    assert_eq!(event["body"], body);

    let mut raw = served.raw().await;
    raw.send("POST /x HTTP/1.1\r\nhost: h\r\ncontent-type: text/plain\r\nconnection: close\r\n")
        .await;
    raw.send("transfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n").await;
    let answer = raw.rest().await;
    let event: Value = serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap();
    assert_eq!(event["body"], "abcde");
    assert_eq!(event["headers"]["content-length"], "5");
    served.stop().await;
}

#[tokio::test]
async fn a_client_that_asks_first_is_refused_before_it_sends() {
    let served = serve(&Fake::new(Answer::Echo), vec![api("a", &[("POST", "/x", "f")])]).await;
    let mut raw = served.raw().await;
    raw.send(
        "POST /x HTTP/1.1\r\nhost: h\r\ncontent-length: 20000000\r\nexpect: 100-continue\r\n\r\n",
    )
    .await;
    let answer = raw.rest().await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    served.stop().await;
}

#[tokio::test]
async fn refuses_a_head_over_10240_bytes() {
    let fake = Fake::new(Answer::Length);
    let served = serve(&fake, vec![api("a", &[("GET", "/x", "f")])]).await;
    let mut client = served.client().await;
    assert_eq!(client.send("GET", "/x", &[("x-a", &"a".repeat(10_000))], "").await.status, 200);
    let reply = client.send("GET", "/x", &[("x-a", &"a".repeat(10_240))], "").await;
    refused(&reply, 431, "Request Header Fields Too Large");
    let mut client = served.client().await;
    let reply = client.send("GET", "/x", &[("x-a", &"a".repeat(100_000))], "").await;
    assert_eq!(reply.status, 431, "also where it exceeds the buffer");
    served.stop().await;
}

#[tokio::test]
async fn a_connection_serves_one_request_after_another() {
    let served =
        serve(&Fake::new(Answer::Echo), vec![api("a", &[("ANY", "/{proxy+}", "f")])]).await;
    let mut client = served.client().await;
    for round in 0..3 {
        let reply = client.post(&format!("/{round}"), JSON, "{}").await;
        assert_eq!(reply.json()["rawPath"], format!("/{round}"));
    }
    refused(
        &client.send("GET", "/x", &[("x-a", &"a".repeat(11_000))], "").await,
        431,
        "Request Header Fields Too Large",
    );
    assert_eq!(client.get("/after").await.status, 200);
    served.stop().await;
}

#[tokio::test]
async fn http_2_with_prior_knowledge_is_served() {
    let served = serve(&Fake::new(Answer::Echo), vec![api("a", &[("POST", "/x", "f")])]).await;
    let event = served.client_http2().await.post("/x", JSON, "{}").await.json();
    assert_eq!(event["requestContext"]["http"]["protocol"], "HTTP/2.0");
    assert_eq!(event["headers"]["host"], format!("127.0.0.1:{}", served.port()));
    served.stop().await;
}

#[tokio::test]
async fn cors_is_answered_by_the_gateway() {
    let mut with_cors = api("a", &[("POST", "/x", "f")]);
    with_cors.cors = Some(CorsConfig {
        allow_origins: vec!["https://a.example".to_owned()],
        allow_methods: vec!["POST".to_owned()],
        ..CorsConfig::default()
    });
    let fake = Fake::new(Answer::OwnCors);
    let served = serve(&fake, vec![with_cors]).await;
    let mut client = served.client().await;
    let origin = ("origin", "https://a.example");
    let asks = [origin, ("access-control-request-method", "POST")];
    for path in ["/x", "/unknown"] {
        let reply = client.send("OPTIONS", path, &asks, "").await;
        assert_eq!((reply.status, reply.body.len()), (204, 0));
        assert_eq!(reply.headers["access-control-allow-methods"], "POST");
    }
    assert!(fake.functions().is_empty(), "a preflight must not reach the function");

    let reply = client.post("/x", &[origin], "").await;
    assert_eq!(reply.headers["access-control-allow-origin"], "https://a.example");
    assert!(!reply.headers.contains_key("access-control-max-age"));
    let reply = client.send("GET", "/unknown", &[origin], "").await;
    assert_eq!(reply.status, 404);
    assert_eq!(reply.headers["access-control-allow-origin"], "https://a.example");
    served.stop().await;
}

#[tokio::test]
async fn without_cors_options_is_a_method_like_others() {
    let served = serve(&Fake::new(Answer::OwnCors), vec![api("a", &[("ANY", "/x", "f")])]).await;
    let asks = [("origin", "https://a.example"), ("access-control-request-method", "POST")];
    let reply = served.client().await.send("OPTIONS", "/x", &asks, "").await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.headers["access-control-allow-origin"], "*");
    served.stop().await;
}

#[tokio::test]
async fn connections_beyond_the_limit_wait_for_one_to_end() {
    let limits = Limits { connections: 1, ..Limits::default() };
    let fake = Fake::new(Answer::Echo);
    let apis = vec![api("a", &[("GET", "/x", "first"), ("GET", "/y", "second")])];
    let served = serve_with(&fake, apis, limits).await;
    let mut first = served.client().await;
    first.get("/x").await;
    let mut second = served.client().await;
    let waiting = TaskTracker::new().spawn(async move { second.get("/y").await });
    for _ in 0..10 {
        first.get("/x").await;
    }
    assert!(!fake.functions().contains(&"second".to_owned()));
    drop(first);
    assert_eq!(waiting.await.unwrap().status, 200);
    served.stop().await;
}

#[tokio::test]
async fn clients_that_send_too_slowly_are_cut_off() {
    let limits = Limits { head_timeout: Duration::from_millis(50), ..Limits::default() };
    let apis = || vec![api("a", &[("POST", "/x", "f")])];
    let served = serve_with(&Fake::new(Answer::Echo), apis(), limits).await;
    for start in ["", "P", "PRI * HTTP/2.0\r\n", "POST /x HTTP/1.1\r\nhost: h\r\n"] {
        let mut raw = served.raw().await;
        raw.send(start).await;
        let answer = raw.rest().await;
        assert!(!answer.starts_with("HTTP/1.1 200"), "`{start}` was answered {answer}");
    }
    served.stop().await;

    let limits = Limits { body_timeout: Duration::from_millis(50), ..Limits::default() };
    let served = serve_with(&Fake::new(Answer::Echo), apis(), limits).await;
    let mut raw = served.raw().await;
    raw.send("POST /x HTTP/1.1\r\nhost: h\r\ncontent-length: 9\r\n\r\nhalf").await;
    let answer = raw.rest().await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    served.stop().await;
}

#[tokio::test]
async fn a_client_that_does_not_read_its_answer_is_cut_off() {
    let write_timeout = Duration::from_millis(50);
    let limits = Limits { connections: 1, write_timeout, ..Limits::default() };
    let apis = vec![api("a", &[("POST", "/x", "f")])];
    let served = serve_with(&Fake::new(Answer::Echo), apis, limits).await;
    let mut raw = served.raw().await;
    // More than the buffers of a connection hold.
    let body = "x".repeat(5 << 20);
    let head = format!("POST /x HTTP/1.1\r\nhost: h\r\ncontent-length: {}\r\n", body.len());
    raw.send(&format!("{head}content-type: text/plain\r\n\r\n{body}")).await;
    // The only place is free once the first connection is gone.
    assert_eq!(served.client().await.post("/x", JSON, "{}").await.status, 200);
    drop(raw);
    served.stop().await;
}

#[tokio::test]
async fn shutdown_waits_for_requests_under_way_and_closes_idle_connections() {
    let fake = Fake::new(Answer::WhenReleased);
    let served = serve(&fake, vec![api("a", &[("GET", "/x", "f")])]).await;
    let mut busy = served.client().await;
    let mut idle = served.raw().await;
    let request = TaskTracker::new().spawn(async move { busy.get("/x").await });
    fake.wait_for_invocation().await;
    let port = served.port();
    let stopping = TaskTracker::new().spawn(served.stop());
    assert_eq!(idle.rest().await, "");
    assert!(!stopping.is_finished(), "a request is under way");
    fake.release();
    assert_eq!(request.await.unwrap().status, 200);
    stopping.await.unwrap();
    assert!(TcpStream::connect(("127.0.0.1", port)).await.is_err(), "nobody listens any more");
}

#[tokio::test]
async fn shutdown_gives_up_requests_that_take_too_long() {
    let limits = Limits { drain_timeout: Duration::from_millis(50), ..Limits::default() };
    let fake = Fake::new(Answer::Never);
    let served = serve_with(&fake, vec![api("a", &[("GET", "/x", "f")])], limits).await;
    for http2 in [false, true] {
        let mut client = if http2 { served.client_http2().await } else { served.client().await };
        TaskTracker::new().spawn(async move { client.try_send("GET", "/x", &[], "").await });
        fake.wait_for_invocation().await;
    }
    served.stop().await;
}
