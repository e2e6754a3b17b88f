//! One connection's work: take a ticket, send, judge, tell; until there are no more tickets.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use crate::backoff::Backoff;
use crate::connection::{Answer, Broken, Connection};
use crate::outcome::{Fault, Verdict};
use crate::run_id::RunId;
use crate::scenario::Scenario;
use crate::tally::Done;
use crate::target::Target;
use crate::ticket::Tickets;

/// How long a connection may take to be made; a listener whose backlog is full says nothing.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// What all workers of a run share.
#[derive(Debug)]
pub(crate) struct Orders {
    pub(crate) run: RunId,
    pub(crate) scenario: Scenario,
    pub(crate) target: Target,
    pub(crate) tickets: Tickets,
    pub(crate) request_timeout: Duration,
    /// No further requests.
    pub(crate) stop: CancellationToken,
    /// Requests under way are given up as well.
    pub(crate) abandon: CancellationToken,
}

/// A worker with at most one connection.
#[derive(Debug)]
pub(crate) struct Worker {
    orders: Arc<Orders>,
    results: mpsc::Sender<Done>,
    connection: Option<Connection>,
    backoff: Backoff,
}

impl Worker {
    /// A worker that tells `results`.
    pub(crate) fn new(orders: Arc<Orders>, results: mpsc::Sender<Done>) -> Self {
        Self { orders, results, connection: None, backoff: Backoff::default() }
    }

    /// Works until the tickets or the run are over.
    pub(crate) async fn work(mut self) {
        while !self.orders.stop.is_cancelled()
            && let Some(ticket) = self.orders.tickets.take(Instant::now())
        {
            let body = self.orders.scenario.body(self.orders.run, ticket.sequence);
            let verdict = self.send(self.orders.target.request(body)).await;
            let done = Done { sequence: ticket.sequence, verdict, latency: ticket.due.elapsed() };
            if self.results.send(done).await.is_err() {
                return; // The run is gone.
            }
            if verdict.fault == Some(Fault::NotConnected) {
                let wait = tokio::time::sleep(self.backoff.after_failure());
                let stop = self.orders.stop.cancelled();
                tokio::select! { () = wait => {}, () = stop => {} }
            }
        }
    }

    /// Sends one request, on a new connection where the old one turns out to be closed.
    async fn send(&mut self, request: Request<Full<Bytes>>) -> Verdict {
        let mut request = request;
        if self.connection.as_ref().is_some_and(Connection::is_open) {
            match self.exchange(request).await {
                Ok(verdict) => return verdict,
                Err(unsent) => request = unsent,
            }
        }
        if let Err(fault) = self.connect().await {
            return Verdict::not_sent(fault);
        }
        self.exchange(request).await.unwrap_or(Verdict::not_sent(Fault::ConnectionLost))
    }

    /// Makes a connection; nothing is written before it stands.
    async fn connect(&mut self) -> Result<(), Fault> {
        self.connection = None;
        let opened = tokio::select! {
            opened = timeout(CONNECT_TIMEOUT, Connection::open(&self.orders.target)) => opened,
            () = self.orders.abandon.cancelled() => return Err(Fault::Abandoned),
        };
        match opened {
            Ok(Ok(connection)) => {
                self.connection = Some(connection);
                self.backoff.reset();
                Ok(())
            }
            Ok(Err(_)) | Err(_) => Err(Fault::NotConnected),
        }
    }

    /// Sends `request` on the connection at hand; gives it back where nothing was written.
    async fn exchange(
        &mut self,
        request: Request<Full<Bytes>>,
    ) -> Result<Verdict, Request<Full<Bytes>>> {
        let connection = self.connection.as_mut().expect("only called with a connection");
        let exchange = timeout(self.orders.request_timeout, connection.exchange(request));
        let fault = tokio::select! {
            exchanged = exchange => match exchanged {
                Ok(Ok(Answer { status, retry_after, body })) => {
                    return Ok(Verdict::of_answer(status, retry_after, &body));
                }
                Ok(Err(Broken::Unsent(request))) => return Err(*request),
                Ok(Err(Broken::Lost)) => Fault::ConnectionLost,
                Err(_elapsed) => Fault::TimedOut,
            },
            () = self.orders.abandon.cancelled() => Fault::Abandoned,
        };
        // An answer that comes late must not be taken for the next request's.
        self.connection = None;
        Ok(Verdict::ambiguous(fault))
    }
}
