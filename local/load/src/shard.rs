//! One thread's share of a run: takes tickets, sends each on a connection of its pool, judges what
//! comes back, and tells in parts.
//!
//! Everything here stays on one thread; between threads go only tickets and parts.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, mpsc};
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::alarm::Alarm;
use crate::backoff::Backoff;
use crate::config::Pace;
use crate::connection::{Broken, Connection, Dial};
use crate::outcome::{Fault, Verdict};
use crate::part::{Done, Part};
use crate::run_id::RunId;
use crate::target::{Bytes, Outgoing, Target};
use crate::ticket::{Next, Ticket, Tickets};

/// How often a thread tells what it counted: what a killed generator loses, and as often as a person
/// can read. A whole number of them makes a second, so that parts do not straddle seconds.
pub(crate) const TICK: Duration = Duration::from_millis(200);

/// How long a connection may take to be made; a listener whose backlog is full says nothing.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// What all threads of a run share.
#[derive(Debug)]
pub(crate) struct Orders {
    pub(crate) run: RunId,
    pub(crate) target: Target,
    pub(crate) pace: Pace,
    pub(crate) tickets: Tickets,
    pub(crate) request_timeout: Duration,
    pub(crate) start: Instant,
    /// No further requests.
    pub(crate) stop: CancellationToken,
    /// Requests under way are given up as well.
    pub(crate) abandon: CancellationToken,
}

/// One thread's share.
#[derive(Debug)]
pub(crate) struct Shard<D: Dial> {
    orders: Arc<Orders>,
    dial: D,
    /// Connections without a request; the one used last is used first, so that no more stay open
    /// than the load needs.
    idle: RefCell<Vec<Connection<D::Stream>>>,
    part: RefCell<Part>,
    parts: mpsc::Sender<Part>,
}

impl<D: Dial> Shard<D> {
    /// A share that tells `parts`.
    pub(crate) fn new(orders: Arc<Orders>, dial: D, parts: mpsc::Sender<Part>) -> Self {
        let part = RefCell::new(Part::new(Duration::ZERO));
        Self { orders, dial, idle: RefCell::default(), part, parts }
    }

    /// Works with at most `in_flight` requests at a time until the tickets or the run are over. Has
    /// to be polled in a [`tokio::task::LocalSet`].
    pub(crate) async fn work(self, in_flight: u32, alarm: Alarm) {
        let shard = Rc::new(self);
        let tell_often = async {
            let mut tick = interval_at(shard.orders.start + TICK, TICK);
            tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
            loop {
                tick.tick().await;
                shard.tell().await;
            }
        };
        let send = async {
            match shard.orders.pace {
                Pace::Closed { .. } => Self::closed(&shard, in_flight).await,
                Pace::Open { .. } => Self::open(&shard, in_flight, &alarm).await,
            }
        };
        tokio::select! { () = send => {}, () = tell_often => {} }
        shard.tell().await;
    }

    /// So many senders, each of which sends as soon as it has its answer.
    async fn closed(shard: &Rc<Self>, senders: u32) {
        let tasks = TaskTracker::new();
        for _ in 0..senders {
            let shard = Rc::clone(shard);
            tasks.spawn_local(async move { shard.send_one_after_another().await });
        }
        tasks.close();
        tasks.wait().await;
    }

    async fn send_one_after_another(&self) {
        let Orders { tickets, stop, .. } = &*self.orders;
        let mut backoff = Backoff::default();
        let mut bytes = Bytes::default();
        while !stop.is_cancelled()
            && let Next::Send(ticket) = tickets.take(Instant::now())
        {
            if self.send(ticket, &mut bytes).await.fault == Some(Fault::NotConnected) {
                let wait = tokio::time::sleep(backoff.after_failure());
                tokio::select! { () = wait => {}, () = stop.cancelled() => {} }
            } else {
                backoff.reset();
            }
        }
    }

    /// Sends each request when it is due, or as soon after that as fewer than `in_flight` are under
    /// way.
    async fn open(shard: &Rc<Self>, in_flight: u32, alarm: &Alarm) {
        let tasks = TaskTracker::new();
        let free = Arc::new(Semaphore::new(in_flight as usize));
        let dispatch = async {
            loop {
                let turn = Arc::clone(&free).acquire_owned().await;
                let ticket = match shard.orders.tickets.take(Instant::now()) {
                    Next::Send(ticket) => ticket,
                    Next::At(moment) => {
                        alarm.until(moment).await;
                        continue;
                    }
                    Next::Over => break,
                };
                let shard = Rc::clone(shard);
                tasks.spawn_local(async move {
                    shard.send(ticket, &mut Bytes::default()).await;
                    drop(turn);
                });
            }
        };
        tokio::select! { () = dispatch => {}, () = shard.orders.stop.cancelled() => {} }
        tasks.close();
        tasks.wait().await;
    }

    /// Sends one request and counts what became of it.
    async fn send(&self, ticket: Ticket, bytes: &mut Bytes) -> Verdict {
        let Ticket { sequence, due } = ticket;
        let wait = due.elapsed();
        let request = self.orders.target.request(self.orders.run, sequence, bytes);
        let verdict = self.deliver(&request).await;
        let done = Done { sequence, verdict, latency: due.elapsed(), wait };
        let is_full = {
            let mut part = self.part.borrow_mut();
            part.record(&done);
            part.is_full()
        };
        if is_full {
            self.tell().await;
        }
        verdict
    }

    /// Sends a request, on a new connection where the old ones turn out to be closed.
    async fn deliver(&self, request: &Outgoing<'_>) -> Verdict {
        while let Some(mut connection) = self.take_idle() {
            if connection.is_open().await {
                match self.exchange(connection, request).await {
                    Some(verdict) => return verdict,
                    None => break,
                }
            }
        }
        match self.connect().await {
            Ok(connection) => self
                .exchange(connection, request)
                .await
                .unwrap_or(Verdict::not_sent(Fault::ConnectionLost)),
            Err(fault) => Verdict::not_sent(fault),
        }
    }

    fn take_idle(&self) -> Option<Connection<D::Stream>> {
        self.idle.borrow_mut().pop()
    }

    /// Makes a connection; nothing is written before it stands.
    async fn connect(&self) -> Result<Connection<D::Stream>, Fault> {
        let dialled = tokio::select! {
            dialled = timeout(CONNECT_TIMEOUT, self.dial.dial()) => dialled,
            () = self.orders.abandon.cancelled() => return Err(Fault::Abandoned),
        };
        match dialled {
            Ok(Ok(stream)) => Ok(Connection::new(stream)),
            Ok(Err(_)) | Err(_) => Err(Fault::NotConnected),
        }
    }

    /// Sends `request` on `connection`; `None` where nothing was written. The connection goes back to
    /// the others only with an answer: one that comes late must not be taken for the next request's.
    async fn exchange(
        &self,
        mut connection: Connection<D::Stream>,
        request: &Outgoing<'_>,
    ) -> Option<Verdict> {
        let exchange = connection.exchange(request.bytes, request.to_head);
        let fault = tokio::select! {
            biased;
            exchanged = timeout(self.orders.request_timeout, exchange) => match exchanged {
                Ok(Ok(answer)) => {
                    if answer.keep_alive {
                        self.idle.borrow_mut().push(connection);
                    }
                    return Some(Verdict::of_answer(&answer));
                }
                Ok(Err(Broken::Unsent)) => return None,
                Ok(Err(Broken::Lost)) => Fault::ConnectionLost,
                Ok(Err(Broken::NotHttp)) => Fault::NotHttp,
                Err(_elapsed) => Fault::TimedOut,
            },
            () = self.orders.abandon.cancelled() => Fault::Abandoned,
        };
        Some(Verdict::ambiguous(fault))
    }

    /// Tells what was counted since the last time. What is not told yet stays where it is, also when
    /// this is dropped while it waits.
    async fn tell(&self) {
        // Where nobody listens the run is gone, and nobody wants to know.
        let Ok(room) = self.parts.reserve().await else { return };
        room.send(self.part.replace(Part::new(self.orders.start.elapsed())));
    }
}
