//! What the control endpoint can be asked, in one closed enum, and who may ask.

use std::time::Duration;

use broker::FaultRule;
use http::{HeaderMap, Method, StatusCode, Uri, header};

/// Longer, and a fault was not meant for a test.
const TIME_MAX: Duration = Duration::from_hours(1);

/// A call of the control endpoint. Later commands add theirs here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Route {
    /// `GET /status`
    Status,
    /// `GET /mappings`
    Mappings,
    /// `GET /metrics`
    Metrics,
    /// `POST /mappings/{id}/pause`
    Pause(String),
    /// `POST /mappings/{id}/resume`
    Resume(String),
    /// `POST /functions/{name}/kill-environment`
    KillEnvironment(String),
    /// `POST /mappings/{id}/move-apart`
    MoveApart(String),
    /// `POST /mappings/{id}/kill-poller`
    KillPoller(String),
    /// `POST /kafka/stop?for_ms=N`
    StopKafka { down: Duration },
    /// `POST /kafka/start`
    StartKafka,
    /// `GET /kafka/faults`
    KafkaFaults,
    /// `POST /kafka/faults?fault=F[&api=A][&topic=T][&client_id=C][&times=N]`
    BreakKafka(FaultRule),
    /// `POST /kafka/mend[?id=N]`
    MendKafka(Option<u64>),
    /// `POST /table/slow?delay_ms=N&for_ms=N`
    SlowTable { delay: Duration, lasting: Duration },
    /// `POST /shutdown`
    Shutdown,
}

/// Why a call is not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("only programs on this machine may ask, by the name `127.0.0.1` or `localhost`")]
    Stranger,
    #[error("there is no such call")]
    NoRoute,
    #[error("this call needs another method")]
    WrongMethod,
    #[error("there is no such mapping")]
    NoMapping,
    #[error("no environment of that function is running")]
    NoEnvironment,
    #[error("the call needs `{0}` in its query, a number of milliseconds up to an hour")]
    NoTime(&'static str),
    #[error("this stack uses a Kafka that runs elsewhere, and cannot stop it")]
    KafkaElsewhere,
    #[error("Kafka does not come back yet; it is tried again")]
    KafkaStays,
    #[error("the call needs `fault` in its query, as `cargo local broker fault` takes it")]
    NoFault,
    #[error("the call takes a whole number as `{0}`")]
    NoNumber(&'static str),
    #[error("this broker answers no request of that name")]
    NoApi,
    #[error("the error to answer needs a named request that has errors")]
    NoErrorAnswer,
    #[error("there are too many faults already")]
    TooManyFaults,
    #[error("this stack runs in a program that cannot give a poller a process of its own")]
    NoProcess,
    #[error("the mapping has no poller now; another one starts")]
    NoPoller,
    #[error("the stack is stopping")]
    Stopping,
}

impl Refusal {
    pub(super) fn status(self) -> StatusCode {
        match self {
            Self::Stranger => StatusCode::FORBIDDEN,
            Self::NoRoute | Self::NoMapping | Self::NoEnvironment => StatusCode::NOT_FOUND,
            Self::WrongMethod => StatusCode::METHOD_NOT_ALLOWED,
            Self::NoTime(_)
            | Self::NoFault
            | Self::NoNumber(_)
            | Self::NoApi
            | Self::NoErrorAnswer => StatusCode::BAD_REQUEST,
            Self::KafkaElsewhere | Self::NoProcess | Self::TooManyFaults => StatusCode::CONFLICT,
            Self::Stopping | Self::KafkaStays | Self::NoPoller => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

impl Route {
    /// Reads a request's head.
    pub(super) fn of(method: &Method, uri: &Uri, headers: &HeaderMap) -> Result<Self, Refusal> {
        if !is_local(headers) {
            return Err(Refusal::Stranger);
        }
        let segments: Vec<_> = uri.path().trim_start_matches('/').split('/').collect();
        let (wanted, route) = match segments.as_slice() {
            ["status"] => (Method::GET, Self::Status),
            ["mappings"] => (Method::GET, Self::Mappings),
            ["metrics"] => (Method::GET, Self::Metrics),
            ["mappings", id, "pause"] => (Method::POST, Self::Pause((*id).to_owned())),
            ["mappings", id, "resume"] => (Method::POST, Self::Resume((*id).to_owned())),
            ["functions", name, "kill-environment"] => {
                (Method::POST, Self::KillEnvironment((*name).to_owned()))
            }
            ["mappings", id, "move-apart"] => (Method::POST, Self::MoveApart((*id).to_owned())),
            ["mappings", id, "kill-poller"] => (Method::POST, Self::KillPoller((*id).to_owned())),
            ["kafka", "stop"] => (Method::POST, Self::StopKafka { down: time(uri, "for_ms")? }),
            ["kafka", "start"] => (Method::POST, Self::StartKafka),
            ["kafka", "faults"] if method == Method::GET => (Method::GET, Self::KafkaFaults),
            ["kafka", "faults"] => (Method::POST, Self::BreakKafka(rule(uri)?)),
            ["kafka", "mend"] => (Method::POST, Self::MendKafka(number(uri, "id")?)),
            ["table", "slow"] => {
                let (delay, lasting) = (time(uri, "delay_ms")?, time(uri, "for_ms")?);
                (Method::POST, Self::SlowTable { delay, lasting })
            }
            ["shutdown"] => (Method::POST, Self::Shutdown),
            _ => return Err(Refusal::NoRoute),
        };
        if *method == wanted { Ok(route) } else { Err(Refusal::WrongMethod) }
    }
}

/// What the query says of a name. Nothing that is asked for here needs quoting.
fn said<'a>(uri: &'a Uri, name: &str) -> Option<&'a str> {
    let pairs = uri.query().unwrap_or("").split('&').filter_map(|pair| pair.split_once('='));
    pairs.filter(|(key, _)| *key == name).map(|(_, value)| value).next()
}

fn number(uri: &Uri, name: &'static str) -> Result<Option<u64>, Refusal> {
    let number = said(uri, name).map(str::parse).transpose();
    number.map_err(|_not_one| Refusal::NoNumber(name))
}

fn rule(uri: &Uri) -> Result<FaultRule, Refusal> {
    let fault = said(uri, "fault").and_then(|fault| fault.parse().ok()).ok_or(Refusal::NoFault)?;
    let text = |name| said(uri, name).map(str::to_owned);
    let (api, topic, client_id) = (text("api"), text("topic"), text("client_id"));
    Ok(FaultRule { fault, api, topic, client_id, times: number(uri, "times")? })
}

/// A time in the query, in milliseconds.
fn time(uri: &Uri, name: &'static str) -> Result<Duration, Refusal> {
    let time = said(uri, name).and_then(|value| value.parse().ok()).map(Duration::from_millis);
    time.filter(|time| *time <= TIME_MAX).ok_or(Refusal::NoTime(name))
}

/// Whether a program asks, and not a page in a browser on this machine: such a page sends an
/// `Origin`, or, where a stranger's name was rebound to 127.0.0.1, that name as `Host`.
fn is_local(headers: &HeaderMap) -> bool {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or("");
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let local = name == "127.0.0.1" || name.eq_ignore_ascii_case("localhost");
    local && !headers.contains_key(header::ORIGIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(host: &str) -> HeaderMap {
        HeaderMap::from_iter([(header::HOST, host.parse().unwrap())])
    }

    #[track_caller]
    fn check(method: &Method, path: &str, expected: &Result<Route, Refusal>) {
        let uri = path.parse().unwrap();
        assert_eq!(Route::of(method, &uri, &headers("127.0.0.1:7")), *expected);
    }

    #[test]
    fn each_call_has_its_path_and_method() {
        check(&Method::GET, "/status", &Ok(Route::Status));
        check(&Method::GET, "/mappings", &Ok(Route::Mappings));
        check(&Method::GET, "/metrics", &Ok(Route::Metrics));
        check(&Method::POST, "/mappings/m-1/pause", &Ok(Route::Pause("m-1".to_owned())));
        check(&Method::POST, "/mappings/m-1/resume", &Ok(Route::Resume("m-1".to_owned())));
        check(&Method::POST, "/shutdown", &Ok(Route::Shutdown));
        let kill = Route::KillEnvironment("process_events".to_owned());
        check(&Method::POST, "/functions/process_events/kill-environment", &Ok(kill));
        check(&Method::POST, "/mappings/m/kill-poller", &Ok(Route::KillPoller("m".to_owned())));
        check(&Method::POST, "/mappings/m/move-apart", &Ok(Route::MoveApart("m".to_owned())));
        check(&Method::POST, "/kafka/start", &Ok(Route::StartKafka));
        check(&Method::GET, "/shutdown", &Err(Refusal::WrongMethod));
        check(&Method::POST, "/status", &Err(Refusal::WrongMethod));
        check(&Method::GET, "/", &Err(Refusal::NoRoute));
        check(&Method::POST, "/mappings/m-1/forget", &Err(Refusal::NoRoute));
    }

    #[test]
    fn a_fault_says_how_long_in_its_query() {
        let seconds = Duration::from_secs;
        check(&Method::POST, "/kafka/stop?for_ms=3000", &Ok(Route::StopKafka { down: seconds(3) }));
        let slow = Route::SlowTable { delay: Duration::from_millis(200), lasting: seconds(5) };
        check(&Method::POST, "/table/slow?delay_ms=200&for_ms=5000", &Ok(slow));
        for path in ["/kafka/stop", "/kafka/stop?for_ms=soon", "/kafka/stop?for_ms=99999999"] {
            check(&Method::POST, path, &Err(Refusal::NoTime("for_ms")));
        }
        check(&Method::POST, "/table/slow?for_ms=1", &Err(Refusal::NoTime("delay_ms")));
    }

    #[test]
    fn a_fault_of_the_broker_says_what_it_meets() {
        let times = Some(2);
        let text = |text: &str| Some(text.to_owned());
        let (api, topic, client_id) = (text("Produce"), text("t.1"), text("c"));
        let rule = FaultRule { fault: broker::Fault::LoseAnswer, api, topic, client_id, times };
        let path = "/kafka/faults?fault=lose-answer&api=Produce&topic=t.1&client_id=c&times=2";
        check(&Method::POST, path, &Ok(Route::BreakKafka(rule)));
        let all = FaultRule::new(broker::Fault::Drop);
        check(&Method::POST, "/kafka/faults?fault=drop", &Ok(Route::BreakKafka(all)));
        check(&Method::POST, "/kafka/faults?fault=dorp", &Err(Refusal::NoFault));
        let wrong = "/kafka/faults?fault=drop&times=often";
        check(&Method::POST, wrong, &Err(Refusal::NoNumber("times")));
        check(&Method::GET, "/kafka/faults", &Ok(Route::KafkaFaults));
        check(&Method::POST, "/kafka/mend", &Ok(Route::MendKafka(None)));
        check(&Method::POST, "/kafka/mend?id=7", &Ok(Route::MendKafka(Some(7))));
    }

    #[test]
    fn only_local_names_are_answered() {
        for host in ["127.0.0.1", "127.0.0.1:4000", "localhost", "LocalHost:4000"] {
            assert!(is_local(&headers(host)), "{host}");
        }
        for host in ["evil.example", "evil.example:4000", "127.0.0.1.evil.example", "10.0.0.1", ""]
        {
            assert!(!is_local(&headers(host)), "{host}");
        }
        assert!(!is_local(&HeaderMap::new()));
    }

    #[test]
    fn a_page_in_a_browser_is_not_answered() {
        let mut headers = headers("127.0.0.1:4000");
        headers.insert(header::ORIGIN, "https://evil.example".parse().unwrap());
        let uri = "/shutdown".parse().unwrap();
        assert_eq!(Route::of(&Method::POST, &uri, &headers), Err(Refusal::Stranger));
    }
}
