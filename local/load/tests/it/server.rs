//! A server that does what a test needs with every request.

use std::convert::Infallible;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::header::{CONNECTION, HeaderValue, RETRY_AFTER};
use http::{Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// What happens to one request.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Act {
    /// Answer with this status and body.
    Answer(u16, &'static str),
    /// Answer with 503 and ask for another try.
    Postpone,
    /// Answer with 202 and end the connection in good order.
    AcceptAndClose,
    /// Close the connection without an answer.
    Hang,
    /// Say nothing at all.
    Silence,
}

/// A listening server.
pub(crate) struct Server {
    port: u16,
    seen: Arc<Seen>,
    end: CancellationToken,
    tasks: TaskTracker,
}

struct Seen {
    bodies: Mutex<Vec<Bytes>>,
    connections: AtomicU32,
    requests: Semaphore,
}

impl Server {
    /// Serves with `act`, which is given each request's sequence number.
    pub(crate) async fn start(act: fn(u64) -> Act) -> Self {
        Self::start_at(0, act).await
    }

    /// The same at a port that another server had.
    pub(crate) async fn start_at(port: u16, act: fn(u64) -> Act) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen = Arc::new(Seen {
            bodies: Mutex::default(),
            connections: AtomicU32::new(0),
            requests: Semaphore::new(0),
        });
        let end = CancellationToken::new();
        let tasks = TaskTracker::new();
        let connections = (tasks.clone(), end.clone());
        let accept = accept(listener, act, Arc::clone(&seen), connections);
        tasks.spawn(end.clone().run_until_cancelled_owned(accept));
        Self { port, seen, end, tasks }
    }

    /// Ends it at once, with every connection.
    pub(crate) async fn kill(&self) {
        self.end.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn url(&self) -> Uri {
        format!("http://127.0.0.1:{}", self.port).parse().unwrap()
    }

    /// The bodies received, as text.
    pub(crate) fn bodies(&self) -> Vec<String> {
        let bodies = self.seen.bodies.lock().unwrap();
        bodies.iter().map(|body| String::from_utf8(body.to_vec()).unwrap()).collect()
    }

    pub(crate) fn connections(&self) -> u32 {
        self.seen.connections.load(Relaxed)
    }

    /// Waits until `count` further requests have come.
    pub(crate) async fn wait_for(&self, count: u32) {
        self.seen.requests.acquire_many(count).await.unwrap().forget();
    }
}

async fn accept(
    listener: TcpListener,
    act: fn(u64) -> Act,
    seen: Arc<Seen>,
    (tasks, end): (TaskTracker, CancellationToken),
) {
    loop {
        let (stream, _peer) = listener.accept().await.unwrap();
        seen.connections.fetch_add(1, Relaxed);
        let serve = serve(stream, act, Arc::clone(&seen));
        tasks.spawn(end.clone().run_until_cancelled_owned(serve));
    }
}

async fn serve(stream: TcpStream, act: fn(u64) -> Act, seen: Arc<Seen>) {
    let hang = CancellationToken::new();
    let service = service_fn(|request: Request<Incoming>| {
        let (seen, hang) = (Arc::clone(&seen), hang.clone());
        async move {
            let body = request.into_body().collect().await.unwrap().to_bytes();
            let act = act(sequence_of(&body));
            seen.bodies.lock().unwrap().push(body);
            seen.requests.add_permits(1);
            let mut response = Response::new(Full::<Bytes>::default());
            match act {
                Act::Answer(status, text) => {
                    *response.status_mut() = status.try_into().unwrap();
                    *response.body_mut() = Full::from(text);
                }
                Act::Postpone => {
                    *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
                    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
                }
                Act::AcceptAndClose => {
                    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
                }
                Act::Hang => {
                    hang.cancel();
                    std::future::pending::<()>().await;
                }
                Act::Silence => std::future::pending().await,
            }
            Ok::<_, Infallible>(response)
        }
    });
    let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    tokio::select! { _ended = connection => {}, () = hang.cancelled() => {} }
}

/// The sequence number in a body's `load_id`.
fn sequence_of(body: &[u8]) -> u64 {
    let body: serde_json::Value = serde_json::from_slice(body).unwrap();
    body["load_id"].as_str().unwrap().split_once('-').unwrap().1.parse().unwrap()
}
