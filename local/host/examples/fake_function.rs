//! A function on the real `lambda_runtime` that does what its payload says, for the host's tests.
//!
//! `{"do": "echo"}` is the default; `--init exit|error` makes its start fail, and
//! with `--farewell` it answers SIGTERM with a line before it ends. With `--outlive` it is no function
//! but an extension.

use std::process::ExitCode;
use std::sync::OnceLock;
use std::time::Duration;

use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Barrier;
use tokio_util::task::TaskTracker;

/// Longer than any test waits, and not for ever.
const HANG: Duration = Duration::from_mins(2);

static BARRIER: OnceLock<Barrier> = OnceLock::new();

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<ExitCode, Error> {
    let mut arguments = std::env::args().skip_while(|argument| argument != "--init").skip(1);
    match arguments.next().as_deref() {
        Some("exit") => return Ok(ExitCode::from(7)),
        Some("error") => {
            let body = r#"{"errorType":"Fake.Init","errorMessage":"it was asked to"}"#;
            call("POST", "/2018-06-01/runtime/init/error", "", body).await?;
            return Ok(ExitCode::from(1));
        }
        _ => {}
    }
    if std::env::args().any(|argument| argument == "--extension") {
        // Whoever registers is told of the end; SIGTERM comes to nobody else.
        let path = "/2020-01-01/extension/register";
        call("POST", path, "lambda-extension-name: farewell\r\n", "{\"events\":[]}").await?;
    }
    if std::env::args().any(|argument| argument == "--flush") {
        TaskTracker::new().spawn(flush(register("flush", "INVOKE").await?));
    }
    if std::env::args().any(|argument| argument == "--outlive") {
        outlive(&register("outlive", "SHUTDOWN").await?).await?;
        return Ok(ExitCode::SUCCESS);
    }
    if std::env::args().any(|argument| argument == "--farewell") {
        let mut terminations = signal(SignalKind::terminate())?;
        tokio::select! {
            ended = lambda_runtime::run_concurrent(service_fn(handle)) => ended?,
            _ = terminations.recv() => say("farewell"),
        }
    } else {
        lambda_runtime::run_concurrent(service_fn(handle)).await?;
    }
    Ok(ExitCode::SUCCESS)
}

async fn handle(event: LambdaEvent<Value>) -> Result<Value, Error> {
    let LambdaEvent { payload, context } = event;
    if std::env::args().any(|argument| argument == "--repeat") {
        say(&format!("got {payload}"));
    }
    let number = |key: &str| payload[key].as_u64().and_then(|n| usize::try_from(n).ok());
    match payload["do"].as_str().unwrap_or("echo") {
        "fail" => Err("it was asked to fail".into()),
        "panic" => panic!("it was asked to panic"),
        "exit" => exit(),
        "hang" => {
            tokio::time::sleep(HANG).await;
            Ok(Value::Null)
        }
        "print" => {
            let text = payload["text"].as_str().unwrap_or_default();
            say(&format!("out: {text}"));
            complain(&format!("err: {text}"));
            Ok(Value::Null)
        }
        "call" | "parting" | "last_words" | "stream" => speak(&payload, &context.request_id).await,
        // Until whoever listens there accepts and closes.
        "wait_for" => {
            let address = payload["address"].as_str().unwrap_or_default();
            let mut stream = TcpStream::connect(address).await?;
            tokio::io::copy(&mut stream, &mut tokio::io::sink()).await?;
            Ok(json!("waited"))
        }
        "allocate" => {
            let bytes = vec![1_u8; number("bytes").unwrap_or_default()];
            if payload["hold"] == true {
                tokio::time::sleep(HANG).await;
            }
            Ok(bytes.iter().map(|byte| u64::from(*byte)).sum::<u64>().into())
        }
        "big" => Ok(Value::String("x".repeat(number("bytes").unwrap_or_default()))),
        "meet" => {
            let barrier = BARRIER.get_or_init(|| Barrier::new(number("of").unwrap_or(1)));
            barrier.wait().await;
            Ok(json!({ "pid": std::process::id() }))
        }
        "context" => Ok(json!({
            "request_id": context.request_id,
            "deadline_ms": context.deadline,
            "arn": context.invoked_function_arn,
            "trace_id": context.xray_trace_id,
            "pid": std::process::id(),
        })),
        "variables" => Ok(std::env::vars_os()
            .map(|(k, v)| (k.to_string_lossy().into(), v.to_string_lossy().into()))
            .collect::<serde_json::Map<String, Value>>()
            .into()),
        _ => Ok(payload),
    }
}

/// Speaks to the Runtime API behind `lambda_runtime`'s back.
async fn speak(payload: &Value, request_id: &str) -> Result<Value, Error> {
    match payload["do"].as_str().unwrap_or_default() {
        "call" => {
            let text =
                |key: &str| payload[key].as_str().unwrap_or_default().replace("{id}", request_id);
            call(&text("method"), &text("path"), &text("header"), &text("body")).await
        }
        "parting" => {
            let path = format!("/2018-06-01/runtime/invocation/{request_id}/response");
            drop(open(&request("POST", &path, "content-length: 9\r\n", "\"parting\"")).await?);
            exit()
        }
        "last_words" => {
            let path = format!("/2018-06-01/runtime/invocation/{request_id}/response");
            let answer = request("POST", &path, "content-length: 12\r\n", "\"last words\"");
            open(&answer).await?.readable().await?; // the receipt
            say("last words");
            exit()
        }
        _ => {
            let path = payload["path"].as_str().unwrap_or_default();
            let trailers = payload["trailers"].as_str().unwrap_or_default();
            let chunk = payload["chunk"].as_str().unwrap_or_default();
            let head = "Transfer-Encoding: chunked\r\nTrailer: \
                        Lambda-Runtime-Function-Error-Type\r\n\
                        Lambda-Runtime-Function-Response-Mode: streaming\r\n";
            let path = path.replace("{id}", request_id);
            send("POST", &path, head, &chunked(chunk, trailers)).await
        }
    }
}

#[expect(clippy::exit, reason = "a crash in the middle of an invocation is what is asked for")]
fn exit() -> ! {
    std::process::exit(3)
}

#[expect(clippy::print_stdout, reason = "output is what is tested")]
fn say(line: &str) {
    println!("{line}");
}

#[expect(clippy::print_stderr, reason = "output is what is tested")]
fn complain(line: &str) {
    eprintln!("{line}");
}

/// Calls the Runtime API behind `lambda_runtime`'s back.
async fn call(method: &str, path: &str, header: &str, body: &str) -> Result<Value, Error> {
    send(method, path, &format!("content-length: {}\r\n{header}", body.len()), body).await
}

/// A body of one chunk, and what follows it.
fn chunked(chunk: &str, trailers: &str) -> String {
    format!("{:x}\r\n{chunk}\r\n0\r\n{trailers}\r\n", chunk.len())
}

/// Registers an extension for one kind of event, and returns its identifier.
async fn register(name: &str, event: &str) -> Result<String, Error> {
    let body = format!("{{\"events\":[\"{event}\"]}}");
    let head = format!("content-length: {}\r\nlambda-extension-name: {name}\r\n", body.len());
    let path = "/2020-01-01/extension/register";
    let registered = exchange(&request("POST", path, &head, &body)).await?;
    Ok(header_of(&registered, "lambda-extension-identifier"))
}

/// The next event of an extension.
async fn next_event(id: &str) -> Result<Value, Error> {
    let head = format!("lambda-extension-identifier: {id}\r\n");
    let event = exchange(&request("GET", "/2020-01-01/extension/event/next", &head, "")).await?;
    Ok(serde_json::from_str(event.split("\r\n\r\n").nth(1).unwrap_or("null"))?)
}

/// An extension in a process of its own, that says why it ends.
async fn outlive(id: &str) -> Result<(), Error> {
    say("outlive is there");
    let event = next_event(id).await?;
    say(&format!("outlived a {}", event["shutdownReason"].as_str().unwrap_or_default()));
    Ok(())
}

/// An extension that says something after every invocation.
async fn flush(id: String) -> Result<(), Error> {
    for number in 1_u32.. {
        let event = next_event(&id).await?;
        let trace = event["tracing"]["value"].as_str().unwrap_or_default();
        say(&format!("flushed {number} of {trace}"));
    }
    Ok(())
}

fn header_of(response: &str, name: &str) -> String {
    let line = response.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    line.unwrap_or_default().to_owned()
}

/// The whole response to a request.
async fn exchange(request: &str) -> Result<String, Error> {
    use tokio::io::AsyncReadExt as _;

    let mut response = String::new();
    open(request).await?.read_to_string(&mut response).await?;
    Ok(response)
}

async fn send(method: &str, path: &str, headers: &str, body: &str) -> Result<Value, Error> {
    let response = exchange(&request(method, path, headers, body)).await?;
    let status = response.split(' ').nth(1).and_then(|status| status.parse::<u16>().ok());
    let body = response.split_once("\r\n\r\n").map(|(_, body)| body);
    Ok(json!({ "status": status, "body": body }))
}

fn request(method: &str, path: &str, headers: &str, body: &str) -> String {
    format!("{method} {path} HTTP/1.1\r\nhost: runtime\r\nconnection: close\r\n{headers}\r\n{body}")
}

/// A connection with the request on its way.
async fn open(request: &str) -> Result<TcpStream, Error> {
    use tokio::io::AsyncWriteExt as _;

    let address = std::env::var_os("AWS_LAMBDA_RUNTIME_API").unwrap_or_default();
    let mut stream = TcpStream::connect(&*address.to_string_lossy()).await?;
    stream.write_all(request.as_bytes()).await?;
    Ok(stream)
}
