//! The gateway's sockets: accepting, timeouts of connections, and a shutdown that drains.
//!
//! It does not know what a request means.

mod patient;

use std::convert::Infallible;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;

use http_body_util::Full;
use hyper::rt::Executor;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use invoke::Invoke;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::ApiConfig;
use crate::cors::CorsError;
use crate::limits::{ACCEPT_PAUSE, HEAD_BUFFER_BYTES, HTTP2_PING_INTERVAL, Limits};
use crate::route::RouteError;
use crate::server::patient::Patient;
use crate::service::Service;

/// Why a gateway did not start.
#[derive(Debug, thiserror::Error)]
pub enum GatewayStartError {
    /// The routes cannot be served together.
    #[error(transparent)]
    Routes(#[from] RouteError),
    /// A CORS configuration cannot be sent.
    #[error(transparent)]
    Cors(#[from] CorsError),
    /// The listener does not know its address.
    #[error("failed to read the address of the gateway's listener")]
    Listener {
        /// What the operating system said.
        #[source]
        source: std::io::Error,
    },
}

/// A running gateway.
#[derive(Debug)]
pub struct Gateway {
    tasks: TaskTracker,
    draining: CancellationToken,
    limits: Limits,
}

impl Gateway {
    /// Serves `apis` on `listener`, over HTTP/1.1 and HTTP/2 (without TLS, for clients that know),
    /// asking `invoke` for their functions.
    ///
    /// All APIs share the port; routes that would answer the same requests are an error.
    pub fn start(
        listener: TcpListener,
        apis: Vec<ApiConfig>,
        invoke: Arc<dyn Invoke>,
    ) -> Result<Self, GatewayStartError> {
        Self::start_with(listener, apis, invoke, Limits::default())
    }

    fn start_with(
        listener: TcpListener,
        apis: Vec<ApiConfig>,
        invoke: Arc<dyn Invoke>,
        limits: Limits,
    ) -> Result<Self, GatewayStartError> {
        let address =
            listener.local_addr().map_err(|source| GatewayStartError::Listener { source })?;
        let service = Service::new(apis, invoke, address.port(), limits)?;
        let tasks = TaskTracker::new();
        let draining = CancellationToken::new();
        let server = Arc::new(Server {
            service,
            protocol: protocol(&tasks, limits),
            tasks: tasks.clone(),
            draining: draining.clone(),
            limits,
        });
        tasks.spawn(server.accept(listener));
        Ok(Self { tasks, draining, limits })
    }

    /// Stops accepting, lets the requests under way finish within five seconds, and closes.
    pub async fn shutdown(self) {
        self.draining.cancel();
        self.tasks.close();
        // Each connection keeps to the bound itself; the streams of HTTP/2 are tasks of their own.
        let bound = self.limits.drain_timeout * 2;
        if tokio::time::timeout(bound, self.tasks.wait()).await.is_err() {
            tracing::warn!(
                requests = self.tasks.len(),
                "Gave up requests that are still under way"
            );
        }
    }
}

/// What the tasks of all connections share.
struct Server {
    service: Service,
    protocol: auto::Builder<Spawner>,
    tasks: TaskTracker,
    draining: CancellationToken,
    limits: Limits,
}

impl Server {
    /// Accepts until shutdown. At the connection limit the listener's backlog holds the rest.
    async fn accept(self: Arc<Self>, listener: TcpListener) {
        let connections = Arc::new(Semaphore::new(self.limits.connections));
        let next = async || {
            let permit = Arc::clone(&connections).acquire_owned().await;
            let permit = permit.expect("the semaphore is never closed");
            (permit, listener.accept().await)
        };
        loop {
            let (permit, accepted) = tokio::select! {
                accepted = next() => accepted,
                () = self.draining.cancelled() => return,
            };
            match accepted {
                Ok((stream, peer)) => {
                    let connection = Arc::clone(&self).serve(stream, peer.ip(), permit);
                    self.tasks.spawn(connection);
                }
                Err(error) => {
                    tracing::warn!(%error, "Failed to accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    /// Serves one connection until it ends, stays silent too long, or the gateway shuts down.
    async fn serve(
        self: Arc<Self>,
        stream: TcpStream,
        source_ip: IpAddr,
        _permit: OwnedSemaphorePermit,
    ) {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "Failed to switch off Nagle's algorithm");
        }
        let spoke = CancellationToken::new();
        let service = service_fn(|request| {
            spoke.cancel();
            let server = Arc::clone(&self);
            async move {
                let response = server.service.answer(request, source_ip).await;
                Ok::<_, Infallible>(response.map(Full::new))
            }
        });
        let stream = TokioIo::new(Patient::new(stream, self.limits.write_timeout));
        let mut connection = pin!(self.protocol.serve_connection(stream, service));
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = silence(&spoke, self.limits) => return,
            () = self.draining.cancelled() => {
                connection.as_mut().graceful_shutdown();
                tokio::time::timeout(self.limits.drain_timeout, connection).await.unwrap_or(Ok(()))
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%error, "A connection ended badly");
        }
    }
}

/// Ends when a connection's first request does not come in time. The HTTP library times the heads of
/// HTTP/1 itself, but not the bytes by which it tells HTTP/1 from HTTP/2.
async fn silence(spoke: &CancellationToken, limits: Limits) {
    if tokio::time::timeout(limits.head_timeout, spoke.cancelled()).await.is_ok() {
        std::future::pending::<()>().await;
    }
}

/// The protocol's settings, the same for every connection.
fn protocol(tasks: &TaskTracker, limits: Limits) -> auto::Builder<Spawner> {
    let mut protocol = auto::Builder::new(Spawner(tasks.clone()));
    protocol
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head_timeout)
        .max_buf_size(HEAD_BUFFER_BYTES);
    protocol
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(HTTP2_PING_INTERVAL)
        .max_header_list_size(u32::try_from(HEAD_BUFFER_BYTES).expect("64 KiB fit into 32 bits"));
    protocol
}

/// Runs the streams of HTTP/2 connections as tasks that a shutdown waits for.
#[derive(Clone)]
struct Spawner(TaskTracker);

impl<F> Executor<F> for Spawner
where
    F: Future<Output: Send> + Send + 'static,
{
    fn execute(&self, task: F) {
        self.0.spawn(task);
    }
}

#[cfg(test)]
mod tests;
