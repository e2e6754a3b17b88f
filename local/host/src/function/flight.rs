//! An invocation between its caller and its answer, and the log lines of its life.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::failure::Failure;
use crate::function::{Call, Reply, Work};
use crate::ids::{EnvironmentId, trace_header};
use crate::logs::{LogSink, Report};

/// An invocation that waited this long for an environment and whose caller has left is not run any
/// more: AWS, which keeps no queue, would have throttled it. As long as an init may take, so that a
/// caller which only triggers a cold start gets one.
const UNATTENDED_MAX: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(super) struct Flight {
    pub(super) call: Call,
    caller: oneshot::Sender<Reply>,
    since: Instant,
    dispatched: Option<Dispatched>,
}

#[derive(Clone, Copy, Debug)]
struct Dispatched {
    environment: EnvironmentId,
    at: Instant,
    init: Option<Duration>,
}

impl Flight {
    pub(super) fn new(now: Instant, call: Call, caller: oneshot::Sender<Reply>) -> Self {
        Self { call, caller, since: now, dispatched: None }
    }

    /// Whether it would run for nobody.
    pub(super) fn is_given_up(&self, now: Instant) -> bool {
        self.caller.is_closed() && now.duration_since(self.since) >= UNATTENDED_MAX
    }

    /// What the runtime gets. `now_epoch_ms` is the wall clock's, for the deadline the function
    /// sees.
    pub(super) fn work(&self, now_epoch_ms: i64, timeout: Duration) -> Work {
        let timeout_ms = i64::try_from(timeout.as_millis()).unwrap_or(i64::MAX);
        Work {
            invocation: self.call.invocation,
            payload: self.call.payload.clone(),
            deadline_epoch_ms: now_epoch_ms.saturating_add(timeout_ms),
            trace_id: trace_header(self.call.trace.as_deref(), now_epoch_ms / 1_000),
            client_context: self.call.client_context.clone(),
        }
    }

    /// `init` on the environment's first invocation.
    pub(super) fn dispatched(
        &mut self,
        environment: EnvironmentId,
        at: Instant,
        init: Option<Duration>,
    ) {
        self.dispatched = Some(Dispatched { environment, at, init });
    }

    /// Where it runs, once it does.
    pub(super) fn environment(&self) -> Option<EnvironmentId> {
        self.dispatched.as_ref().map(|dispatched| dispatched.environment)
    }

    /// Whether its caller wants the end of the log.
    pub(super) fn wants_tail(&self) -> bool {
        self.call.tail.is_some()
    }

    /// Gives the caller its reply and writes END and REPORT.
    pub(super) fn finish(mut self, now: Instant, reply: Reply, log: &LogContext) {
        self.report(now, None, log);
        // A caller that went away does not take the invocation with it.
        let _gone = self.caller.send(reply);
    }

    /// Tells the caller why its function did not answer.
    pub(super) fn fail(mut self, now: Instant, failure: &Failure, log: &LogContext) {
        self.report(now, Some(failure.error_type()), log);
        let reply = match failure {
            Failure::Throttled => Reply::Throttled,
            Failure::ShuttingDown => Reply::ShuttingDown,
            Failure::TimedOut
            | Failure::Exited(_)
            | Failure::InitReported(_)
            | Failure::InitTimedOut(_) => {
                Reply::FunctionError(failure.document(self.call.invocation.request, log.timeout))
            }
        };
        let _gone = self.caller.send(reply);
    }

    fn report(&mut self, now: Instant, error_type: Option<&'static str>, log: &LogContext) {
        let Some(Dispatched { environment, at, init }) = self.dispatched else { return };
        let duration = now.duration_since(at);
        let (memory_mb, used_mb) = (log.memory_mb, log.used_mb);
        let report = Report { duration, memory_mb, used_mb, init, error_type };
        log.sink.end(environment, self.call.invocation.request, &report);
        if let Some(tail) = self.call.tail.take() {
            let request = self.call.invocation.request;
            let _gone = tail.send(log.sink.end_tail(environment, request));
        }
    }
}

/// What the lines need from the function and its environment.
#[derive(Debug)]
pub(super) struct LogContext {
    pub(super) sink: Arc<LogSink>,
    pub(super) memory_mb: u32,
    /// The most that its environment took.
    pub(super) used_mb: Option<u32>,
    pub(super) timeout: Duration,
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    #[test]
    fn an_invocation_is_given_up_once_it_waited_long_and_its_caller_has_left() {
        let now = Instant::now();
        let (caller, reply) = oneshot::channel();
        let flight = Flight::new(now, Call::new(Bytes::new()), caller);
        assert!(!flight.is_given_up(now + UNATTENDED_MAX));
        drop(reply);
        assert!(!flight.is_given_up(now));
        assert!(flight.is_given_up(now + UNATTENDED_MAX));
    }
}
