//! Faults on purpose: what the broker is told to do wrong, so that clients can be tested against it.
//!
//! A table of rules that every request is held against; what follows from a rule is the protocol's
//! business. While there are no rules that costs one look.

mod text;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use kafka_protocol::messages::ApiKey;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

pub use self::text::FaultTextError;

/// Rules at once; each is held against every request.
const RULES_MAX: usize = 1_000;

/// Something to do wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// New connections are closed as soon as they are accepted. Concerns no API, topic or client.
    Refuse,
    /// The connection is closed in place of serving the request.
    Drop,
    /// The request is served this much later.
    Delay(Duration),
    /// The request is not served; everything it asks for is answered with this error code of
    /// Kafka's protocol. For the requests listed at [`InjectError::NoErrorAnswer`].
    Answer(i16),
    /// The request is served; in place of its answer the connection is closed.
    LoseAnswer,
    /// The request waits until the rule is lifted.
    Pause,
}

/// A fault and the requests that it meets; without restrictions, all of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FaultRule {
    /// What to do wrong.
    pub fault: Fault,
    /// Only requests of this API, by Kafka's name (`Produce`, `Fetch`, `JoinGroup`).
    pub api: Option<String>,
    /// Only requests that name this topic.
    pub topic: Option<String>,
    /// Only requests of this `client.id`.
    pub client_id: Option<String>,
    /// Only so many times; the rule is lifted by its last.
    pub times: Option<u64>,
}

impl FaultRule {
    /// A fault that meets everything until it is lifted.
    pub fn new(fault: Fault) -> Self {
        Self { fault, api: None, topic: None, client_id: None, times: None }
    }
}

/// Why a rule was not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InjectError {
    /// No request has this name.
    #[error("`{api}` is no request of Kafka's protocol that this broker answers")]
    UnknownApi {
        /// The name given.
        api: String,
    },
    /// The API's answer has no place for an error, or none that this broker fills in. It does for
    /// Produce, Fetch, `ListOffsets`, Metadata, `OffsetCommit`, `OffsetFetch`, `FindCoordinator`,
    /// `JoinGroup`, `SyncGroup`, Heartbeat, `LeaveGroup`, `InitProducerId` and `CreateTopics`.
    #[error("which error to answer can be chosen for a named API that has errors, not `{api}`")]
    NoErrorAnswer {
        /// The name given, or `*` where there was none.
        api: String,
    },
    /// There are too many rules.
    #[error("there are {RULES_MAX} rules already")]
    TooMany,
}

/// A rule that is in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActiveFault {
    /// Names the rule.
    pub id: u64,
    /// The rule as it was given.
    pub rule: FaultRule,
    /// How many times it was met.
    pub met: u64,
}

/// The table of rules of one broker. Clones are the same table.
#[derive(Clone, Debug)]
pub struct Faults {
    table: watch::Sender<Arc<[Arc<Entry>]>>,
    next_id: Arc<AtomicU64>,
}

#[derive(Debug)]
struct Entry {
    id: u64,
    rule: FaultRule,
    api: Option<ApiKey>,
    met: AtomicU64,
}

/// A request as the table sees it.
pub(crate) struct Asked<'a> {
    pub(crate) api: ApiKey,
    pub(crate) client_id: &'a str,
    /// Whether the request names a topic.
    pub(crate) names: &'a (dyn Fn(&str) -> bool + Sync),
}

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Course {
    Serve,
    Drop,
    Answer(i16),
    LoseAnswer,
    /// Wait until the rule with this id is lifted, then go on behind it.
    Pause(u64),
}

impl Faults {
    pub(crate) fn new() -> Self {
        Self { table: watch::Sender::new(Arc::default()), next_id: Arc::new(AtomicU64::new(1)) }
    }

    /// Puts a rule in force; answers its id.
    pub fn inject(&self, rule: FaultRule) -> Result<u64, InjectError> {
        let api = match &rule.api {
            None => None,
            Some(name) => Some(api_named(name)?),
        };
        if matches!(rule.fault, Fault::Answer(_)) && !api.is_some_and(has_error_answer) {
            let api = rule.api.unwrap_or_else(|| "*".to_owned());
            return Err(InjectError::NoErrorAnswer { api });
        }
        if self.table.borrow().len() >= RULES_MAX {
            return Err(InjectError::TooMany);
        }
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        tracing::info!(id, ?rule, "A fault was injected");
        let entry = Arc::new(Entry { id, rule, api, met: AtomicU64::new(0) });
        self.table.send_modify(|table| *table = table.iter().cloned().chain([entry]).collect());
        Ok(id)
    }

    /// Ends a rule; whether there was one.
    pub fn lift(&self, id: u64) -> bool {
        self.table.send_if_modified(|table| {
            let before = table.len();
            *table = table.iter().filter(|entry| entry.id != id).cloned().collect();
            table.len() < before
        })
    }

    /// Ends all rules; how many there were.
    pub fn clear(&self) -> usize {
        let table = self.table.send_replace(Arc::default());
        table.len()
    }

    /// The rules in force, oldest first.
    pub fn active(&self) -> Vec<ActiveFault> {
        let table = self.table.borrow();
        let show = |entry: &Arc<Entry>| ActiveFault {
            id: entry.id,
            rule: entry.rule.clone(),
            met: entry.met.load(Ordering::Relaxed),
        };
        table.iter().map(show).collect()
    }

    /// Whether a new connection is refused.
    pub(crate) fn refuses(&self) -> bool {
        let table = Arc::clone(&self.table.borrow());
        let refusing = table.iter().find(|entry| entry.rule.fault == Fault::Refuse);
        refusing.is_some_and(|entry| self.meet(entry))
    }

    /// Whether there is nothing to hold a request against.
    pub(crate) fn is_empty(&self) -> bool {
        self.table.borrow().is_empty()
    }

    /// What becomes of a request, after all waiting that the rules ask for. `None` where the broker
    /// stops meanwhile.
    pub(crate) async fn course(
        &self,
        asked: &Asked<'_>,
        shutdown: &CancellationToken,
    ) -> Option<Course> {
        let mut changes = self.table.subscribe();
        let mut met = 0;
        loop {
            let (delay, course) = self.judge(asked, met);
            if !delay.is_zero() {
                tokio::select! {
                    () = tokio::time::sleep(delay) => {}
                    () = shutdown.cancelled() => return None,
                }
            }
            let Course::Pause(id) = course else { return Some(course) };
            let is_lifted = changes.wait_for(|table| table.iter().all(|entry| entry.id != id));
            tokio::select! {
                lifted = is_lifted => drop(lifted.ok()?),
                () = shutdown.cancelled() => return None,
            }
            met = id;
        }
    }

    /// Holds a request against the rules in their order, those behind `met`: delays add up, the first
    /// of any other kind decides.
    fn judge(&self, asked: &Asked<'_>, met: u64) -> (Duration, Course) {
        let table = Arc::clone(&self.table.borrow());
        let mut delay = Duration::ZERO;
        let rules = table.iter().filter(|entry| entry.id > met);
        for entry in rules.filter(|entry| entry.concerns(asked)) {
            let course = match entry.rule.fault {
                Fault::Refuse => continue,
                Fault::Delay(by) => {
                    if self.meet(entry) {
                        delay += by;
                    }
                    continue;
                }
                Fault::Drop => Course::Drop,
                Fault::Answer(code) => Course::Answer(code),
                Fault::LoseAnswer => Course::LoseAnswer,
                Fault::Pause => Course::Pause(entry.id),
            };
            if self.meet(entry) {
                return (delay, course);
            }
        }
        (delay, Course::Serve)
    }

    /// Counts a rule as met, unless it has been met often enough.
    fn meet(&self, entry: &Entry) -> bool {
        let limit = entry.rule.times.unwrap_or(u64::MAX);
        let counted = entry.met.try_update(Ordering::Relaxed, Ordering::Relaxed, |met| {
            (met < limit).then_some(met + 1)
        });
        let is_last = counted.is_ok_and(|before| before + 1 == limit);
        if is_last && entry.rule.fault != Fault::Pause {
            self.lift(entry.id);
        }
        counted.is_ok()
    }
}

impl Entry {
    fn concerns(&self, asked: &Asked<'_>) -> bool {
        let rule = &self.rule;
        self.api.is_none_or(|api| api == asked.api)
            && rule.client_id.as_ref().is_none_or(|id| id == asked.client_id)
            && rule.topic.as_ref().is_none_or(|topic| (asked.names)(topic))
    }
}

/// The API with a name, whatever its capitals.
fn api_named(name: &str) -> Result<ApiKey, InjectError> {
    let mut keys = crate::protocol::answered();
    let found = keys.find(|key| format!("{key:?}").eq_ignore_ascii_case(name));
    found.ok_or_else(|| InjectError::UnknownApi { api: name.to_owned() })
}

/// Whether an answer can be made that says an error to everything asked for.
fn has_error_answer(api: ApiKey) -> bool {
    matches!(
        api,
        ApiKey::Produce
            | ApiKey::Fetch
            | ApiKey::ListOffsets
            | ApiKey::Metadata
            | ApiKey::OffsetCommit
            | ApiKey::OffsetFetch
            | ApiKey::FindCoordinator
            | ApiKey::JoinGroup
            | ApiKey::SyncGroup
            | ApiKey::Heartbeat
            | ApiKey::LeaveGroup
            | ApiKey::InitProducerId
            | ApiKey::CreateTopics
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(api: ApiKey) -> Asked<'static> {
        Asked { api, client_id: "c", names: &|topic| topic == "t" }
    }

    fn rule(fault: Fault, api: Option<&str>, times: Option<u64>) -> FaultRule {
        FaultRule { api: api.map(str::to_owned), times, ..FaultRule::new(fault) }
    }

    #[test]
    fn a_rule_meets_what_it_names_and_so_often_as_it_says() {
        let faults = Faults::new();
        faults.inject(rule(Fault::Drop, Some("produce"), Some(2))).unwrap();
        let courses = |api| faults.judge(&asked(api), 0).1;
        assert_eq!(courses(ApiKey::Fetch), Course::Serve);
        assert_eq!(courses(ApiKey::Produce), Course::Drop);
        assert_eq!(faults.active()[0].met, 1);
        assert_eq!(courses(ApiKey::Produce), Course::Drop);
        assert_eq!(courses(ApiKey::Produce), Course::Serve);
        assert!(faults.is_empty());
        for (topic, client_id, course) in [
            (Some("t"), None, Course::LoseAnswer),
            (Some("u"), None, Course::Serve),
            (None, Some("c"), Course::LoseAnswer),
            (None, Some("d"), Course::Serve),
        ] {
            let (topic, client_id) = (topic.map(str::to_owned), client_id.map(str::to_owned));
            let rule = FaultRule { topic, client_id, ..FaultRule::new(Fault::LoseAnswer) };
            let id = faults.inject(rule).unwrap();
            assert_eq!(courses(ApiKey::Fetch), course);
            assert!(faults.lift(id));
            assert!(!faults.lift(id));
        }
    }

    #[test]
    fn delays_add_up_and_the_first_other_rule_decides() {
        let faults = Faults::new();
        let second = Duration::from_secs(1);
        faults.inject(FaultRule::new(Fault::Delay(second))).unwrap();
        faults.inject(rule(Fault::Answer(6), Some("Produce"), None)).unwrap();
        faults.inject(FaultRule::new(Fault::Drop)).unwrap();
        faults.inject(FaultRule::new(Fault::Delay(second))).unwrap();
        assert_eq!(faults.judge(&asked(ApiKey::Produce), 0), (second, Course::Answer(6)));
        assert_eq!(faults.judge(&asked(ApiKey::Fetch), 0), (second, Course::Drop));
        assert_eq!(faults.clear(), 4);
        assert_eq!(faults.judge(&asked(ApiKey::Fetch), 0), (Duration::ZERO, Course::Serve));
    }

    #[tokio::test]
    async fn a_pause_lasts_until_it_is_lifted() {
        let faults = Faults::new();
        let id = faults.inject(FaultRule::new(Fault::Pause)).unwrap();
        let (shutdown, request) = (CancellationToken::new(), asked(ApiKey::Fetch));
        let course = faults.course(&request, &shutdown);
        tokio::pin!(course);
        assert!(futures_util::poll!(&mut course).is_pending());
        faults.lift(id);
        assert_eq!(course.await, Some(Course::Serve));
        let id = faults.inject(rule(Fault::Pause, None, Some(1))).unwrap();
        let course = faults.course(&request, &shutdown);
        tokio::pin!(course);
        assert!(futures_util::poll!(&mut course).is_pending());
        faults.inject(rule(Fault::LoseAnswer, None, Some(1))).unwrap();
        assert!(futures_util::poll!(&mut course).is_pending(), "another rule changes nothing");
        assert_eq!(faults.active()[0].met, 1);
        faults.lift(id);
        assert_eq!(course.await, Some(Course::LoseAnswer), "what lies behind it");
        faults.inject(FaultRule::new(Fault::Pause)).unwrap();
        shutdown.cancel();
        assert_eq!(faults.course(&request, &shutdown).await, None);
    }

    #[test]
    fn rules_that_could_never_work_are_refused() {
        let faults = Faults::new();
        let unknown = rule(Fault::Drop, Some("Prodduce"), None);
        let api = "Prodduce".to_owned();
        assert_eq!(faults.inject(unknown), Err(InjectError::UnknownApi { api }));
        for api in [None, Some("ApiVersions")] {
            let refused = faults.inject(rule(Fault::Answer(1), api, None));
            assert!(matches!(refused, Err(InjectError::NoErrorAnswer { .. })), "{api:?}");
        }
    }
}
