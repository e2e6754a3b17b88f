//! The Extensions API: who registered, which events wait for whom, and how long they may take to end.
//!
//! Layers are not run here, so every extension is a part of the function's own process or was
//! started by it. AWS refuses SHUTDOWN to those that are; here it is delivered, with a warning, and a
//! process that registered for it may outlive the function's.
//!
//! Source: <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html>

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use uuid::Uuid;

/// More are refused.
///
/// Source: <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>
const EXTENSIONS_MAX: usize = 10;

/// How long processes with extensions may take to end.
///
/// Source: <https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html>
const INTERNAL_STOP_MAX: Duration = Duration::from_millis(500);
const EXTERNAL_STOP_MAX: Duration = Duration::from_secs(2);

/// The extensions of one environment.
#[derive(Debug, Default)]
pub(crate) struct Extensions {
    registered: watch::Sender<Vec<Extension>>,
}

#[derive(Debug)]
struct Extension {
    id: Uuid,
    name: String,
    subscribed: Vec<EventType>,
    /// For its next call.
    events: VecDeque<Bytes>,
    /// Whether it asks for its next event.
    is_idle: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub(super) enum EventType {
    Invoke,
    Shutdown,
}

/// Why an environment ends; AWS's word is its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum ShutdownReason {
    /// It is not needed any more.
    Spindown,
    /// An invocation took too long.
    Timeout,
    /// Its process ended, or had to be ended.
    Failure,
}

/// The body of a registration.
#[derive(Debug, Deserialize)]
pub(super) struct Registration {
    #[serde(default)]
    events: Vec<EventType>,
}

/// Why an extension is refused; AWS's error type is its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    AlreadyRegistered,
    InvalidExtensionName,
    TooManyExtensions,
    UnknownExtensionIdentifier,
}

/// What an extension is told of an invocation.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct InvokeEvent<'a> {
    pub(super) event_type: EventType,
    pub(super) deadline_ms: i64,
    pub(super) request_id: String,
    pub(super) invoked_function_arn: &'a str,
    pub(super) tracing: Tracing<'a>,
}

#[derive(Debug, Serialize)]
pub(super) struct Tracing<'a> {
    pub(super) r#type: &'static str,
    pub(super) value: &'a str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ShutdownEvent {
    event_type: EventType,
    shutdown_reason: ShutdownReason,
    deadline_ms: i64,
}

impl Extensions {
    /// Takes an extension, and returns its identifier.
    pub(super) fn register(&self, name: &str, registration: Registration) -> Result<Uuid, Refused> {
        let id = Uuid::new_v4();
        let mut outcome = Ok(id);
        self.registered.send_modify(|all| {
            if name.is_empty() {
                outcome = Err(Refused::InvalidExtensionName);
            } else if all.iter().any(|other| other.name == name) {
                outcome = Err(Refused::AlreadyRegistered);
            } else if all.len() >= EXTENSIONS_MAX {
                outcome = Err(Refused::TooManyExtensions);
            } else {
                let (name, subscribed) = (name.to_owned(), registration.events);
                let events = VecDeque::new();
                all.push(Extension { id, name, subscribed, events, is_idle: false });
            }
        });
        outcome
    }

    /// The next event of an extension; waits as long as it takes.
    pub(super) async fn next(&self, id: Uuid) -> Result<Bytes, Refused> {
        let mut changes = self.registered.subscribe();
        let mut event = None;
        loop {
            let mut is_known = false;
            self.registered.send_if_modified(|all| {
                let Some(extension) = all.iter_mut().find(|extension| extension.id == id) else {
                    return false;
                };
                is_known = true;
                event = extension.events.pop_front();
                let was_idle = std::mem::replace(&mut extension.is_idle, event.is_none());
                was_idle != extension.is_idle
            });
            match event.take() {
                Some(event) => return Ok(event),
                None if !is_known => return Err(Refused::UnknownExtensionIdentifier),
                None => {}
            }
            let waits = |all: &Vec<Extension>| {
                all.iter().any(|extension| extension.id == id && !extension.events.is_empty())
            };
            // It lives as long as `self`.
            let _changed = changes.wait_for(waits).await;
        }
    }

    /// Whether any is told of invocations.
    pub(super) fn watch_invocations(&self) -> bool {
        self.registered.borrow().iter().any(|extension| extension.wants(EventType::Invoke))
    }

    /// Waits until all that are told of invocations are done with the last: an invocation takes
    /// until then.
    pub(super) async fn idle(&self) {
        if !self.watch_invocations() {
            return;
        }
        let idle = |all: &Vec<Extension>| {
            all.iter().all(|extension| extension.is_idle || !extension.wants(EventType::Invoke))
        };
        let mut changes = self.registered.subscribe();
        let _changed = changes.wait_for(idle).await;
    }

    /// Tells of an invocation.
    pub(super) fn invoked(&self, event: &InvokeEvent<'_>) {
        self.tell(EventType::Invoke, event);
    }

    /// Whether any is told of the environment's end.
    pub(crate) fn watch_the_end(&self) -> bool {
        self.registered.borrow().iter().any(|extension| extension.wants(EventType::Shutdown))
    }

    /// Tells of the environment's end, where anybody wants to know. Returns how long it may take;
    /// `None` where nobody registered, and the process ends at once.
    pub(crate) fn shut_down(&self, now_epoch_ms: i64, reason: ShutdownReason) -> Option<Duration> {
        let registered = !self.registered.borrow().is_empty();
        let stop_max = if self.watch_the_end() { EXTERNAL_STOP_MAX } else { INTERNAL_STOP_MAX };
        let budget_ms = i64::try_from(stop_max.as_millis()).expect("seconds fit");
        let event = ShutdownEvent {
            event_type: EventType::Shutdown,
            shutdown_reason: reason,
            deadline_ms: now_epoch_ms + budget_ms,
        };
        self.tell(EventType::Shutdown, &event);
        registered.then_some(stop_max)
    }

    fn tell(&self, kind: EventType, event: &impl Serialize) {
        let event = serde_json::to_vec(event).expect("texts and numbers are always JSON");
        let event = Bytes::from(event);
        self.registered.send_if_modified(|all| {
            let mut told = false;
            for extension in all.iter_mut().filter(|extension| extension.wants(kind)) {
                extension.events.push_back(event.clone());
                extension.is_idle = false;
                told = true;
            }
            told
        });
    }
}

impl Registration {
    /// What a body that is empty registers for.
    pub(super) fn for_nothing() -> Self {
        Self { events: Vec::new() }
    }

    pub(super) fn wants_shutdown(&self) -> bool {
        self.events.contains(&EventType::Shutdown)
    }
}

impl Extension {
    fn wants(&self, kind: EventType) -> bool {
        self.subscribed.contains(&kind)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    fn registration(events: &[EventType]) -> Registration {
        Registration { events: events.to_vec() }
    }

    fn invoke(extensions: &Extensions) {
        let tracing = Tracing { r#type: "X-Amzn-Trace-Id", value: "Root=1" };
        extensions.invoked(&InvokeEvent {
            event_type: EventType::Invoke,
            deadline_ms: 7,
            request_id: "r".to_owned(),
            invoked_function_arn: "arn",
            tracing,
        });
    }

    fn text(event: Result<Bytes, Refused>) -> String {
        String::from_utf8(event.unwrap().to_vec()).unwrap()
    }

    #[tokio::test]
    async fn an_invocation_lasts_until_every_subscriber_asks_for_the_next() {
        let extensions = Extensions::default();
        let id = extensions.register("one", registration(&[EventType::Invoke])).unwrap();
        let deaf = extensions.register("two", Registration::for_nothing()).unwrap();
        assert_eq!(extensions.idle().now_or_never(), None);
        assert!(extensions.next(id).now_or_never().is_none());
        assert_eq!(extensions.idle().now_or_never(), Some(()));
        invoke(&extensions);
        assert_eq!(extensions.idle().now_or_never(), None);
        let event = text(extensions.next(id).await);
        assert_eq!(
            event,
            r#"{"eventType":"INVOKE","deadlineMs":7,"requestId":"r","invokedFunctionArn":"arn","tracing":{"type":"X-Amzn-Trace-Id","value":"Root=1"}}"#
        );
        assert_eq!(extensions.idle().now_or_never(), None);
        assert!(extensions.next(id).now_or_never().is_none());
        assert_eq!(extensions.idle().now_or_never(), Some(()));
        assert!(extensions.next(deaf).now_or_never().is_none());
    }

    #[tokio::test]
    async fn who_waits_hears_of_the_end_and_has_time_for_it() {
        let extensions = Extensions::default();
        assert_eq!(extensions.shut_down(0, ShutdownReason::Spindown), None);
        extensions.register("one", Registration::for_nothing()).unwrap();
        assert!(!extensions.watch_the_end());
        let stop_max = extensions.shut_down(0, ShutdownReason::Spindown);
        assert_eq!(stop_max, Some(INTERNAL_STOP_MAX));
        let id = extensions.register("two", registration(&[EventType::Shutdown])).unwrap();
        let (event, budget) = tokio::join!(extensions.next(id), async {
            extensions.shut_down(1_000, ShutdownReason::Timeout)
        });
        assert_eq!(budget, Some(EXTERNAL_STOP_MAX));
        assert_eq!(
            text(event),
            r#"{"eventType":"SHUTDOWN","shutdownReason":"TIMEOUT","deadlineMs":3000}"#
        );
    }

    #[tokio::test]
    async fn refuses_what_has_no_name_comes_twice_or_is_one_too_many() {
        let extensions = Extensions::default();
        let register = |name: &str| extensions.register(name, Registration::for_nothing()).err();
        assert_eq!(register(""), Some(Refused::InvalidExtensionName));
        for number in 0..EXTENSIONS_MAX {
            assert_eq!(register(&number.to_string()), None);
        }
        assert_eq!(register("0"), Some(Refused::AlreadyRegistered));
        assert_eq!(register("more"), Some(Refused::TooManyExtensions));
        let unknown = extensions.next(Uuid::nil()).await;
        assert_eq!(unknown, Err(Refused::UnknownExtensionIdentifier));
    }
}
