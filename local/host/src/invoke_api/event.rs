//! Asynchronous invocations (`Event`): taken at once, run in the background, tried again, and told
//! to their function's destinations in the end.
//!
//! They are kept in memory only and end with the host, which AWS's queue would not.
//!
//! Source: <https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html>

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::EventConfig;
use crate::function::{Call, FunctionHandle, FunctionSpec, Reply};
use crate::host::Functions;
use crate::ids::RequestId;
use crate::invoke_api::answer::Refused;
use crate::invoke_api::destination::{Condition, Record};

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
const RETRY_AFTER: [Duration; 2] = [Duration::from_mins(1), Duration::from_mins(2)];

/// The pauses after attempts that were throttled: the first, doubled up to the last.
const THROTTLED_MIN: Duration = Duration::from_secs(1);
const THROTTLED_MAX: Duration = Duration::from_mins(5);

/// The background deliveries of a host.
#[derive(Clone, Debug)]
pub(super) struct Events {
    functions: Arc<Functions>,
    places: Arc<Semaphore>,
    bytes: Arc<Semaphore>,
    /// By function, how many events may ask for an environment at a time.
    turns: Arc<BTreeMap<String, Arc<Semaphore>>>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Events {
    pub(super) fn new(
        functions: Arc<Functions>,
        tasks: TaskTracker,
        stop: CancellationToken,
    ) -> Self {
        let places = Arc::new(Semaphore::new(EVENTS_MAX));
        let bytes = Arc::new(Semaphore::new(EVENTS_BYTES_MAX));
        let turns = functions.iter().map(|(name, function)| (name.clone(), turns(&function.spec)));
        let turns = Arc::new(turns.collect());
        Self { functions, places, bytes, turns, tasks, stop }
    }

    /// Returns at once; what becomes of the event is logged, and told to the destinations.
    pub(super) fn deliver(&self, function: FunctionHandle, call: Call) -> Result<(), Refused> {
        let size_bytes = u32::try_from(call.payload.len()).unwrap_or(u32::MAX);
        let room = (
            Arc::clone(&self.places).try_acquire_owned(),
            Arc::clone(&self.bytes).try_acquire_many_owned(size_bytes),
        );
        let (Ok(place), Ok(bytes)) = room else {
            return Err(Refused::Throttled { reason: function.throttle_reason() });
        };
        let events = self.clone();
        self.tasks.spawn(async move {
            let _room = (place, bytes);
            let begun = Instant::now();
            let config = &function.spec.config;
            let invoke = |attempt| {
                let (function, call) = (function.clone(), attempt_of(&call, attempt));
                let turns = Arc::clone(&events.turns[&config.name]);
                async move {
                    let _turn = turns.acquire().await.expect("the semaphore is never closed");
                    if begun.elapsed() > config.events.age_max {
                        // It is not tried once more: no pause is so short.
                        return Reply::Throttled;
                    }
                    function.invoke(call).await
                }
            };
            let pause = |length| {
                let stop = events.stop.clone();
                let rest = stop.run_until_cancelled_owned(tokio::time::sleep(length));
                async move { rest.await.is_some() }
            };
            let age = || begun.elapsed();
            let end = attempts(&config.events, invoke, pause, age).await;
            events.tell(&function, call.invocation.request, &call.payload, &end);
        });
        Ok(())
    }

    /// Logs what was given up, and tells the destination that the function has for this end.
    fn tell(&self, function: &FunctionHandle, request: RequestId, payload: &Bytes, end: &End) {
        let config = &function.spec.config;
        let End { condition, attempts, answer } = end;
        if *condition != Some(Condition::Success) {
            let function = &config.name;
            tracing::warn!(function, request.id = %request, ?condition, "An event was given up");
        }
        let (name, condition) = match condition {
            Some(Condition::Success) => (&config.events.on_success, Condition::Success),
            Some(failure) => (&config.events.on_failure, *failure),
            None => return,
        };
        let Some(destination) = name.as_ref().and_then(|name| self.functions.get(name)) else {
            return;
        };
        let record = Record {
            at: Timestamp::now(),
            request,
            function_arn: &function.spec.arn,
            condition,
            attempts: *attempts,
            payload,
            answer: answer.as_ref(),
        };
        if self.deliver(destination.clone(), Call::new(record.to_json())).is_err() {
            let function = &config.name;
            tracing::warn!(function, request.id = %request, "A destination was not told: too many events");
        }
    }
}

/// As many events of a function ask for an environment at a time as all of its environments take, and
/// as many again, so that none waits for the next: a flood of events leaves room for those who wait for
/// an answer.
fn turns(spec: &FunctionSpec) -> Arc<Semaphore> {
    let config = &spec.config;
    let slots = config.environments_max.saturating_mul(config.environment_concurrency);
    let turns = slots.saturating_mul(2).min(config.reserved_concurrency.unwrap_or(u32::MAX));
    Arc::new(Semaphore::new((turns as usize).clamp(1, EVENTS_MAX)))
}

/// The same request under the next attempt's number.
fn attempt_of(call: &Call, attempt: u8) -> Call {
    let mut invocation = call.invocation;
    invocation.attempt = attempt;
    Call {
        invocation,
        trace: call.trace.clone(),
        client_context: call.client_context.clone(),
        ..Call::new(call.payload.clone())
    }
}

/// What an event came to.
#[derive(Debug, PartialEq, Eq)]
struct End {
    /// `None` when the host stopped before there was an end.
    condition: Option<Condition>,
    /// How often the function ran.
    attempts: u8,
    /// Its last answer.
    answer: Option<Reply>,
}

/// Invokes until it succeeds, fails for the last time or is too old. Attempts that were throttled
/// do not count. `pause` waits, and says whether to go on.
async fn attempts<I, P>(
    config: &EventConfig,
    invoke: impl Fn(u8) -> I,
    pause: impl Fn(Duration) -> P,
    age: impl Fn() -> Duration,
) -> End
where
    I: Future<Output = Reply>,
    P: Future<Output = bool>,
{
    let (mut attempts, mut throttled, mut answer) = (0_u8, 0_u32, None);
    let condition = loop {
        let reply = invoke(attempts).await;
        let rest = match &reply {
            Reply::Succeeded(_) => {
                (attempts, answer) = (attempts + 1, Some(reply));
                break Some(Condition::Success);
            }
            Reply::ShuttingDown => break None,
            Reply::FunctionError(_) => {
                let failed = usize::from(attempts);
                (attempts, throttled, answer) = (attempts + 1, 0, Some(reply));
                let is_last = attempts > config.retries_max;
                let Some(rest) = RETRY_AFTER.get(failed).filter(|_| !is_last) else {
                    break Some(Condition::RetriesExhausted);
                };
                *rest
            }
            Reply::Throttled => {
                throttled += 1;
                (THROTTLED_MIN * (1 << (throttled - 1).min(9))).min(THROTTLED_MAX)
            }
        };
        if age() + rest > config.age_max {
            break Some(Condition::EventAgeExceeded);
        }
        if !pause(rest).await {
            break None;
        }
    };
    End { condition, attempts, answer }
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};
    use std::future::ready;

    use super::*;

    /// The pauses, in seconds, of an event whose attempts end as in `replies`, and its end.
    async fn course(config: EventConfig, replies: &[Reply]) -> (Vec<u64>, End) {
        let (pauses, next) = (RefCell::new(Vec::new()), Cell::new(0));
        let invoke = |_| {
            let reply = replies[next.get()].clone();
            next.set(next.get() + 1);
            ready(reply)
        };
        let pause = |length: Duration| {
            pauses.borrow_mut().push(length.as_secs());
            ready(true)
        };
        let age = || Duration::from_secs(pauses.borrow().iter().sum());
        let end = attempts(&config, invoke, pause, age).await;
        assert_eq!(next.get(), replies.len());
        (pauses.take(), end)
    }

    fn failed() -> Reply {
        Reply::FunctionError(Bytes::new())
    }

    fn end(condition: Condition, attempts: u8, answer: Option<Reply>) -> End {
        End { condition: Some(condition), attempts, answer }
    }

    #[tokio::test]
    async fn an_event_that_fails_is_tried_again_after_one_minute_and_after_two() {
        let (pauses, ended) = course(EventConfig::default(), &[failed(), failed(), failed()]).await;
        assert_eq!(pauses, [60, 120]);
        assert_eq!(ended, end(Condition::RetriesExhausted, 3, Some(failed())));
    }

    #[tokio::test]
    async fn an_event_is_tried_as_often_as_its_function_says() {
        let config = EventConfig { retries_max: 0, ..EventConfig::default() };
        let (_, ended) = course(config, &[failed()]).await;
        assert_eq!(ended, end(Condition::RetriesExhausted, 1, Some(failed())));
    }

    #[tokio::test]
    async fn an_event_that_succeeds_is_not_tried_again() {
        let succeeded = Reply::Succeeded(Bytes::new());
        let replies = [failed(), succeeded.clone()];
        let (_, ended) = course(EventConfig::default(), &replies).await;
        assert_eq!(ended, end(Condition::Success, 2, Some(succeeded)));
    }

    #[tokio::test]
    async fn a_throttled_event_waits_longer_and_longer_and_loses_no_attempt() {
        let mut replies = vec![Reply::Throttled; 10];
        replies.push(Reply::Succeeded(Bytes::new()));
        let (pauses, ended) = course(EventConfig::default(), &replies).await;
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300]);
        assert_eq!(ended.attempts, 1);
    }

    #[tokio::test]
    async fn an_event_that_would_be_too_old_is_given_up() {
        let config = EventConfig { age_max: Duration::from_mins(1), ..EventConfig::default() };
        let (_, ended) = course(config.clone(), &[failed(), failed()]).await;
        assert_eq!(ended, end(Condition::EventAgeExceeded, 2, Some(failed())));
        let (pauses, ended) = course(config, &vec![Reply::Throttled; 6]).await;
        assert_eq!(pauses, [1, 2, 4, 8, 16]);
        assert_eq!(ended, end(Condition::EventAgeExceeded, 0, None));
    }

    #[tokio::test]
    async fn a_stop_ends_the_attempts() {
        let config = EventConfig::default();
        let stopped =
            attempts(&config, |_| ready(Reply::Throttled), |_| ready(false), || Duration::ZERO);
        assert_eq!(stopped.await, End { condition: None, attempts: 0, answer: None });
    }
}
