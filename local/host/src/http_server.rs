//! Accepts HTTP/1.1 connections, one task each, and collects request bodies within a limit. What is
//! answered is the caller's.

mod finish;

use std::convert::Infallible;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::future::Either;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::finish::Finish;

/// After a failed accept (no file descriptor left), the next try.
const ACCEPT_PAUSE: Duration = Duration::from_millis(20);

/// The rest of a body over its limit is read and thrown away up to this size, so that the client
/// sees the answer instead of a broken connection.
const DISCARD_BYTES_MAX: usize = 256 * 1024 * 1024;

/// Something that answers HTTP requests.
pub(crate) trait Serve: Send + Sync + 'static {
    fn answer(
        self: Arc<Self>,
        request: Request<Incoming>,
    ) -> impl Future<Output = Response<Full<Bytes>>> + Send + 'static;

    /// Whether what a request says counts although its sender does not wait for the answer.
    fn counts_unanswered(_method: &Method) -> bool {
        false
    }
}

/// How a server ends.
#[derive(Clone, Debug)]
pub(crate) struct Closing {
    /// Nothing new; requests that are under way are answered.
    pub(crate) stop: CancellationToken,
    /// Drop everything.
    pub(crate) cut: CancellationToken,
}

/// Serves until `closing.stop`; the connections, `connections_max` at most, are tasks of `tasks`.
pub(crate) async fn serve<S: Serve>(
    listener: &TcpListener,
    server: Arc<S>,
    tasks: TaskTracker,
    closing: Closing,
    connections_max: usize,
) {
    let places = Arc::new(Semaphore::new(connections_max));
    loop {
        let accepted = async {
            let place = Arc::clone(&places).acquire_owned().await;
            (place.expect("the semaphore is never closed"), listener.accept().await)
        };
        let (place, stream) = tokio::select! {
            () = closing.stop.cancelled() => return,
            (place, accepted) = accepted => match accepted {
                Ok((stream, _)) => (place, stream),
                Err(source) => {
                    tracing::warn!(error = %source, "A connection cannot be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            },
        };
        let (server, closing, others) = (Arc::clone(&server), closing.clone(), tasks.clone());
        tasks.spawn(async move {
            let _place = place;
            serve_connection(stream, server, others, closing).await;
        });
    }
}

/// Serves the connections that were made and not accepted yet, and no others. The system is asked
/// for them: whoever made one may be known to be gone before the connection is known to be there.
pub(crate) fn serve_backlog<S: Serve>(
    listener: TcpListener,
    server: &Arc<S>,
    tasks: &TaskTracker,
    closing: &Closing,
) {
    let Ok(listener) = listener.into_std() else { return };
    while let Ok((stream, _)) = listener.accept() {
        if stream.set_nonblocking(true).is_ok()
            && let Ok(stream) = TcpStream::from_std(stream)
        {
            let others = tasks.clone();
            tasks.spawn(serve_connection(stream, Arc::clone(server), others, closing.clone()));
        }
    }
}

async fn serve_connection<S: Serve>(
    stream: TcpStream,
    server: Arc<S>,
    tasks: TaskTracker,
    closing: Closing,
) {
    // Without it, small answers wait for the peer's acknowledgement. Not vital.
    let _without = stream.set_nodelay(true);
    let service = service_fn(|request| {
        let counts = S::counts_unanswered(request.method());
        let answer = Arc::clone(&server).answer(request);
        // The connection drops what it serves as soon as its peer closes it.
        let answer = if counts {
            Either::Left(Finish::new(answer, tasks.clone()))
        } else {
            Either::Right(answer)
        };
        async { Ok::<_, Infallible>(answer.await) }
    });
    let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = closing.cut.cancelled() => return,
        () = closing.stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            tokio::select! {
                ended = connection => ended,
                () = closing.cut.cancelled() => return,
            }
        }
    };
    if let Err(source) = ended {
        tracing::debug!(error = %source, "A connection broke");
    }
}

/// A body, as far as it may be kept.
#[derive(Debug)]
pub(crate) enum Collected {
    Whole { body: Bytes, trailers: Option<HeaderMap> },
    TooLarge,
}

/// Reads a body of at most `bytes_max` to its end.
pub(crate) async fn collect(mut body: Incoming, bytes_max: usize) -> hyper::Result<Collected> {
    // Nearly all bodies are one frame, which is then passed on without a copy.
    let mut first = Bytes::new();
    let mut whole = BytesMut::new();
    let mut trailers = None;
    let mut size_bytes = 0;
    while let Some(frame) = body.frame().await {
        let data = match frame?.into_data() {
            Ok(data) => data,
            Err(frame) => {
                trailers = frame.into_trailers().ok();
                continue;
            }
        };
        size_bytes += data.len();
        if size_bytes > DISCARD_BYTES_MAX {
            return Ok(Collected::TooLarge);
        } else if size_bytes > bytes_max {
            (first, whole) = (Bytes::new(), BytesMut::new());
        } else if size_bytes == data.len() {
            first = data;
        } else {
            if whole.is_empty() {
                whole.extend_from_slice(&first);
            }
            whole.extend_from_slice(&data);
        }
    }
    if size_bytes > bytes_max {
        return Ok(Collected::TooLarge);
    }
    let body = if whole.is_empty() { first } else { whole.freeze() };
    Ok(Collected::Whole { body, trailers })
}

/// An answer with a JSON body.
pub(crate) fn json(status: StatusCode, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}

/// An answer without a body.
pub(crate) fn empty(status: StatusCode) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::new()));
    *response.status_mut() = status;
    response
}
