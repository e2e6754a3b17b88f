//! Asynchronous invocations (`Event`): taken at once, run in the background, tried again twice.
//!
//! They are kept in memory only and end with the host, which AWS's queue would not.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::function::{Call, FunctionHandle, Reply};
use crate::invoke_api::answer::Refused;

/// An asynchronous payload may have this many bytes.
///
/// Source: <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>
pub(super) const EVENT_BYTES_MAX: usize = 1024 * 1024;

/// At most this many are under way or wait for their next attempt; more are throttled. As many as
/// may wait in a pool.
const EVENTS_MAX: usize = 10_000;

/// The payloads of these may have this many bytes together; more are throttled. 10,000 of the
/// largest would be 10 GB.
const EVENTS_BYTES_MAX: usize = 256 * 1024 * 1024;

/// The pauses before the second and the third attempt.
///
/// Source: <https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html>
const RETRY_AFTER: [Duration; 2] = [Duration::from_mins(1), Duration::from_mins(2)];

/// The background deliveries of a host.
#[derive(Debug)]
pub(super) struct Events {
    places: Arc<Semaphore>,
    bytes: Arc<Semaphore>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Events {
    pub(super) fn new(tasks: TaskTracker, stop: CancellationToken) -> Self {
        let places = Arc::new(Semaphore::new(EVENTS_MAX));
        Self { places, bytes: Arc::new(Semaphore::new(EVENTS_BYTES_MAX)), tasks, stop }
    }

    /// Returns at once; what becomes of the event is logged.
    pub(super) fn deliver(&self, function: FunctionHandle, call: Call) -> Result<(), Refused> {
        let size_bytes = u32::try_from(call.payload.len()).unwrap_or(u32::MAX);
        let room = (
            Arc::clone(&self.places).try_acquire_owned(),
            Arc::clone(&self.bytes).try_acquire_many_owned(size_bytes),
        );
        let (Ok(place), Ok(bytes)) = room else { return Err(Refused::Throttled) };
        let stop = self.stop.clone();
        self.tasks.spawn(async move {
            let _room = (place, bytes);
            let (name, request) = (function.spec.config.name.clone(), call.invocation.request);
            let invoke = |attempt| {
                let (function, call) = (function.clone(), attempt_of(&call, attempt));
                async move { function.invoke(call).await }
            };
            let pause = |length| {
                let rest = stop.clone().run_until_cancelled_owned(tokio::time::sleep(length));
                async move { rest.await.is_some() }
            };
            if !try_thrice(invoke, pause).await {
                tracing::warn!(function = name, request.id = %request, "An event was given up");
            }
        });
        Ok(())
    }
}

/// The same request under the next attempt's number.
fn attempt_of(call: &Call, attempt: u8) -> Call {
    let mut invocation = call.invocation;
    invocation.attempt = attempt;
    Call {
        invocation,
        payload: call.payload.clone(),
        trace_id: call.trace_id.clone(),
        client_context: call.client_context.clone(),
    }
}

/// Whether an attempt succeeded before there were no more. `pause` waits, and says whether to go on.
async fn try_thrice<I, P>(invoke: impl Fn(u8) -> I, pause: impl Fn(Duration) -> P) -> bool
where
    I: Future<Output = Reply>,
    P: Future<Output = bool>,
{
    for attempt in 0_u8.. {
        match invoke(attempt).await {
            Reply::Succeeded(_) => return true,
            Reply::ShuttingDown => return false,
            Reply::FunctionError(_) | Reply::Throttled => {}
        }
        let Some(length) = RETRY_AFTER.get(usize::from(attempt)) else { break };
        if !pause(*length).await {
            break;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::future::ready;

    use bytes::Bytes;

    use super::*;

    #[tokio::test]
    async fn an_event_that_fails_is_tried_again_after_one_minute_and_after_two() {
        let seen = RefCell::new(Vec::new());
        let invoke = |attempt| {
            seen.borrow_mut().push(u64::from(attempt));
            ready(Reply::FunctionError(Bytes::new()))
        };
        let pause = |length: Duration| {
            seen.borrow_mut().push(length.as_secs());
            ready(true)
        };
        assert!(!try_thrice(invoke, pause).await);
        assert_eq!(*seen.borrow(), [0, 60, 1, 120, 2]);
    }

    #[tokio::test]
    async fn an_event_that_succeeds_is_not_tried_again() {
        let invoke = |attempt| {
            ready(match attempt {
                0 => Reply::Throttled,
                1 => Reply::Succeeded(Bytes::new()),
                _ => panic!("it had succeeded"),
            })
        };
        assert!(try_thrice(invoke, |_| ready(true)).await);
    }

    #[tokio::test]
    async fn a_stop_ends_the_attempts() {
        let invoke = |attempt| {
            assert_eq!(attempt, 0, "it was stopped");
            ready(Reply::Throttled)
        };
        assert!(!try_thrice(invoke, |_| ready(false)).await);
    }
}
