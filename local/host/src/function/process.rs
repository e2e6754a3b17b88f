//! A process as its function's task sees it: its open `/next` calls and the way to give it orders.

use std::collections::VecDeque;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::join_all;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use crate::environment::{CaughtUp, Ending, peak_mb_of_all};
use crate::function::{Polled, Work};

#[derive(Debug)]
pub(super) struct Process {
    orders: mpsc::Sender<Ending>,
    /// Once it runs, and until it is killed on request.
    pid: Option<u32>,
    started: Instant,
    is_ready: bool,
    /// How long it took to be ready, until a REPORT has told.
    init: Option<Duration>,
    /// Oldest first.
    polls: VecDeque<oneshot::Sender<Polled>>,
    /// Ask whether its outputs are read as far as they are written.
    outputs: [mpsc::Sender<CaughtUp>; OUTPUTS],
    /// The most memory it was seen to have, and when it was looked at.
    peak_mb: Option<u32>,
    measured: Option<Instant>,
}

/// Standard output and standard error.
pub(crate) const OUTPUTS: usize = 2;

/// Memory is not looked at more often, for that takes some microseconds for each process and thread.
const MEASURE_PAUSE: Duration = Duration::from_millis(100);

impl Process {
    pub(super) fn new(
        now: Instant,
        orders: mpsc::Sender<Ending>,
        outputs: [mpsc::Sender<CaughtUp>; OUTPUTS],
    ) -> Self {
        Self {
            orders,
            pid: None,
            started: now,
            is_ready: false,
            init: None,
            polls: VecDeque::new(),
            outputs,
            peak_mb: None,
            measured: None,
        }
    }

    pub(super) fn started(&mut self, pid: u32) {
        self.pid = Some(pid);
    }

    pub(super) fn is_running(&self) -> bool {
        self.pid.is_some()
    }

    /// The most memory that it and what it started ever had, as far as that is known.
    pub(super) fn peak_mb(&mut self, now: Instant) -> Option<u32> {
        let is_due = self.measured.is_none_or(|at| now.duration_since(at) >= MEASURE_PAUSE);
        if let Some(pid) = self.pid.filter(|_| is_due) {
            self.measured = Some(now);
            // What has ended since was there.
            self.peak_mb = self.peak_mb.max(peak_mb_of_all(pid));
        }
        self.peak_mb
    }

    /// Ends when what it has written so far is in its log, or its outputs have ended.
    pub(super) fn caught_up(&self) -> impl Future<Output = ()> + Send + use<> {
        let ask = |output: &mpsc::Sender<CaughtUp>| {
            let (question, answer) = oneshot::channel();
            // Full, others ask already; closed, it is read to its end.
            let _known = output.try_send(question);
            answer
        };
        join_all(self.outputs.each_ref().map(ask)).map(drop)
    }

    /// Smaller for a process with more to do.
    pub(super) fn idleness(&self) -> (bool, usize) {
        (!self.is_ready, self.polls.len())
    }

    /// Takes a `/next`, and returns how many earlier ones turned out to be gone.
    pub(super) fn open_poll(&mut self, now: Instant, reply: oneshot::Sender<Polled>) -> usize {
        if !self.is_ready {
            self.is_ready = true;
            self.init = Some(self.age(now));
        }
        let polls_before = self.polls.len();
        self.polls.retain(|poll| !poll.is_closed());
        let closed = polls_before - self.polls.len();
        self.polls.push_back(reply);
        closed
    }

    /// Answers the oldest `/next`; `false` when the runtime is no longer there.
    pub(super) fn hand_over(&mut self, work: Work) -> bool {
        let poll = self.polls.pop_front();
        poll.is_some_and(|poll| poll.send(Polled::Work(work)).is_ok())
    }

    /// Refuses the newest `/next`.
    pub(super) fn refuse_poll(&mut self) {
        if let Some(poll) = self.polls.pop_back() {
            let _gone = poll.send(Polled::Refused);
        }
    }

    /// How long ago it was started.
    pub(super) fn age(&self, now: Instant) -> Duration {
        now.duration_since(self.started)
    }

    /// The duration of the init, once.
    pub(super) fn take_init(&mut self) -> Option<Duration> {
        self.init.take()
    }

    pub(super) fn order(&self, ending: Ending) {
        // Full or closed, the process is on its way out already.
        let _ending = self.orders.try_send(ending);
    }

    /// Kills it on request, once, and returns its process id.
    pub(super) fn kill(&mut self) -> Option<u32> {
        self.order(Ending::AtOnce);
        self.pid.take()
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::HeaderValue;

    use super::*;
    use crate::ids::{InvocationId, RequestId};

    #[test]
    fn work_goes_to_the_oldest_poll_that_is_still_there() {
        let outputs = [mpsc::channel(1).0, mpsc::channel(1).0];
        let mut process = Process::new(Instant::now(), mpsc::channel(1).0, outputs);
        let (gone, _) = oneshot::channel();
        let (there, mut polled) = oneshot::channel();
        assert_eq!(process.open_poll(Instant::now(), gone), 0);
        assert_eq!(process.open_poll(Instant::now(), there), 1);
        let work = || Work {
            invocation: InvocationId { request: RequestId::random(), attempt: 0 },
            payload: Bytes::new(),
            deadline_epoch_ms: 0,
            trace_id: HeaderValue::from_static("Root=1"),
            client_context: None,
        };
        assert!(process.hand_over(work()));
        assert!(matches!(polled.try_recv(), Ok(Polled::Work(_))));
        assert!(!process.hand_over(work()));
    }
}
