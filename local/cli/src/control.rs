//! The control endpoint: how later commands reach a running `up`.
//!
//! It listens on a loopback port and answers JSON. It decides nothing: each call becomes one
//! [`Request`] to the owner of the stack.

pub(crate) mod client;
mod route;

use std::convert::Infallible;
use std::time::Duration;

use broker::{ActiveFault, FaultRule};
use bytes::Bytes;
use http::{Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use serde::Serialize;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::metrics;
use crate::status::{KafkaFault, Mappings, Status};
pub(crate) use route::Refusal;
use route::Route;

/// A person and a few scripts ask at a time; each waits for the answer.
pub(crate) const REQUESTS_MAX: usize = 16;

/// How long a client may take to send its request's head.
const HEAD_TIMEOUT: Duration = Duration::from_secs(5);

/// What the owner of the stack is asked.
#[derive(Debug)]
pub(crate) enum Request {
    Status(oneshot::Sender<Status>),
    Mappings(oneshot::Sender<Mappings>),
    /// Whether there is such a mapping.
    Pause(String, oneshot::Sender<bool>),
    /// Whether there is such a mapping.
    Resume(String, oneshot::Sender<bool>),
    /// The process that was killed, if the function had one.
    KillEnvironment(String, oneshot::Sender<Option<u32>>),
    /// The process in which the mapping's poller is from now on.
    MoveApart(String, oneshot::Sender<Result<u32, Refusal>>),
    /// The process of the mapping's poller that was killed.
    KillPoller(String, oneshot::Sender<Result<u32, Refusal>>),
    /// For how long; answered when it is stopped.
    StopKafka(Duration, oneshot::Sender<Result<(), Refusal>>),
    /// Before its time; answered when it runs.
    StartKafka(oneshot::Sender<Result<(), Refusal>>),
    /// What the broker is to do wrong; its id.
    BreakKafka(FaultRule, oneshot::Sender<Result<u64, Refusal>>),
    KafkaFaults(oneshot::Sender<Result<Vec<ActiveFault>, Refusal>>),
    /// One fault or all; how many were lifted.
    MendKafka(Option<u64>, oneshot::Sender<Result<usize, Refusal>>),
    /// Every request to the table waits.
    SlowTable {
        delay: Duration,
        lasting: Duration,
        reply: oneshot::Sender<()>,
    },
}

/// A running control endpoint.
#[derive(Debug)]
pub(crate) struct Control {
    accepting: CancellationToken,
    tasks: TaskTracker,
}

/// What answering needs.
#[derive(Clone)]
struct Desk {
    requests: mpsc::Sender<Request>,
    stop: CancellationToken,
}

impl Control {
    /// Answers on `listener`: asks `requests`, and cancels `stop` when told to shut down.
    pub(crate) fn start(
        listener: TcpListener,
        requests: mpsc::Sender<Request>,
        stop: CancellationToken,
    ) -> Self {
        let control = Self { accepting: CancellationToken::new(), tasks: TaskTracker::new() };
        let desk = Desk { requests, stop };
        let (accepting, tasks) = (control.accepting.clone(), control.tasks.clone());
        control.tasks.spawn(async move {
            while let Some(Ok((stream, _))) = accepting.run_until_cancelled(listener.accept()).await
            {
                tasks.spawn(
                    accepting.clone().run_until_cancelled_owned(serve(stream, desk.clone())),
                );
            }
        });
        control
    }

    /// Stops answering, open connections included.
    pub(crate) async fn shutdown(self) {
        self.accepting.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

async fn serve(stream: TcpStream, desk: Desk) {
    let service = service_fn(move |request| {
        let desk = desk.clone();
        async move { Ok::<_, Infallible>(answer(&request, &desk).await) }
    });
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT).keep_alive(false);
    if let Err(error) = builder.serve_connection(TokioIo::new(stream), service).await {
        tracing::debug!(%error, "a control connection broke");
    }
}

async fn answer(request: &http::Request<Incoming>, desk: &Desk) -> Response<Full<Bytes>> {
    let route = match Route::of(request.method(), request.uri(), request.headers()) {
        Ok(route) => route,
        Err(refusal) => return refuse(refusal),
    };
    match route {
        Route::Status => asked(desk.ask(Request::Status).await),
        Route::Mappings => asked(desk.ask(Request::Mappings).await),
        Route::Metrics => match desk.ask(Request::Mappings).await {
            Some(mappings) => text_body(metrics::prometheus(&mappings)),
            None => refuse(Refusal::Stopping),
        },
        Route::Pause(id) => found(desk.ask(|reply| Request::Pause(id, reply)).await),
        Route::Resume(id) => found(desk.ask(|reply| Request::Resume(id, reply)).await),
        Route::KillEnvironment(function) => {
            match desk.ask(|reply| Request::KillEnvironment(function, reply)).await {
                Some(Some(pid)) => json_body(StatusCode::OK, &json!({ "pid": pid })),
                Some(None) => refuse(Refusal::NoEnvironment),
                None => refuse(Refusal::Stopping),
            }
        }
        Route::MoveApart(id) => killed(desk.ask(|reply| Request::MoveApart(id, reply)).await),
        Route::KillPoller(id) => killed(desk.ask(|reply| Request::KillPoller(id, reply)).await),
        Route::StopKafka { down } => done(desk.ask(|reply| Request::StopKafka(down, reply)).await),
        Route::StartKafka => done(desk.ask(Request::StartKafka).await),
        Route::BreakKafka(rule) => {
            told(desk.ask(|reply| Request::BreakKafka(rule, reply)).await, |id| json!({ "id": id }))
        }
        Route::KafkaFaults => told(desk.ask(Request::KafkaFaults).await, |faults| {
            let faults: Vec<KafkaFault> = faults.into_iter().map(Into::into).collect();
            json!({ "faults": faults })
        }),
        Route::MendKafka(id) => {
            let mended = desk.ask(|reply| Request::MendKafka(id, reply)).await;
            told(mended, |count| json!({ "lifted": count }))
        }
        Route::SlowTable { delay, lasting } => {
            let slow = |reply| Request::SlowTable { delay, lasting, reply };
            done(desk.ask(slow).await.map(Ok))
        }
        Route::Shutdown => {
            desk.stop.cancel();
            json_body(StatusCode::ACCEPTED, &json!({}))
        }
    }
}

impl Desk {
    /// Asks the owner of the stack; `None` where it is gone.
    async fn ask<T>(&self, request: impl FnOnce(oneshot::Sender<T>) -> Request) -> Option<T> {
        let (reply, answer) = oneshot::channel();
        self.requests.send(request(reply)).await.ok()?;
        answer.await.ok()
    }
}

fn asked(answer: Option<impl Serialize>) -> Response<Full<Bytes>> {
    answer.map_or_else(|| refuse(Refusal::Stopping), |answer| json_body(StatusCode::OK, &answer))
}

fn found(answer: Option<bool>) -> Response<Full<Bytes>> {
    match answer {
        Some(true) => json_body(StatusCode::OK, &json!({})),
        Some(false) => refuse(Refusal::NoMapping),
        None => refuse(Refusal::Stopping),
    }
}

fn killed(answer: Option<Result<u32, Refusal>>) -> Response<Full<Bytes>> {
    told(answer, |pid| json!({ "pid": pid }))
}

fn done(answer: Option<Result<(), Refusal>>) -> Response<Full<Bytes>> {
    told(answer, |()| json!({}))
}

fn told<T>(
    answer: Option<Result<T, Refusal>>,
    body: impl FnOnce(T) -> Value,
) -> Response<Full<Bytes>> {
    match answer {
        Some(Ok(answer)) => json_body(StatusCode::OK, &body(answer)),
        Some(Err(refusal)) => refuse(refusal),
        None => refuse(Refusal::Stopping),
    }
}

fn refuse(refusal: Refusal) -> Response<Full<Bytes>> {
    json_body(refusal.status(), &json!({ "message": refusal.to_string() }))
}

/// Prometheus's text format.
fn text_body(text: String) -> Response<Full<Bytes>> {
    Response::builder()
        .header(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")
        .body(Full::from(text))
        .expect("the parts are valid")
}

fn json_body(status: StatusCode, body: &impl Serialize) -> Response<Full<Bytes>> {
    let text = serde_json::to_vec(body).expect("strings and numbers become JSON");
    Response::builder()
        .status(status)
        .header(header::CONTENT_TYPE, "application/json")
        .body(Full::from(text))
        .expect("the parts are valid")
}

#[cfg(test)]
mod tests;
