//! What the control endpoint can be asked, in one closed enum, and who may ask.

use http::{HeaderMap, Method, StatusCode, Uri, header};

/// A call of the control endpoint. Later commands add theirs here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Route {
    /// `GET /status`
    Status,
    /// `GET /mappings`
    Mappings,
    /// `POST /mappings/{id}/pause`
    Pause(String),
    /// `POST /mappings/{id}/resume`
    Resume(String),
    /// `POST /functions/{name}/kill-environment`
    KillEnvironment(String),
    /// `POST /shutdown`
    Shutdown,
}

/// Why a call is not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refusal {
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
    #[error("the stack is stopping")]
    Stopping,
}

impl Refusal {
    pub(super) fn status(self) -> StatusCode {
        match self {
            Self::Stranger => StatusCode::FORBIDDEN,
            Self::NoRoute | Self::NoMapping | Self::NoEnvironment => StatusCode::NOT_FOUND,
            Self::WrongMethod => StatusCode::METHOD_NOT_ALLOWED,
            Self::Stopping => StatusCode::SERVICE_UNAVAILABLE,
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
            ["mappings", id, "pause"] => (Method::POST, Self::Pause((*id).to_owned())),
            ["mappings", id, "resume"] => (Method::POST, Self::Resume((*id).to_owned())),
            ["functions", name, "kill-environment"] => {
                (Method::POST, Self::KillEnvironment((*name).to_owned()))
            }
            ["shutdown"] => (Method::POST, Self::Shutdown),
            _ => return Err(Refusal::NoRoute),
        };
        if *method == wanted { Ok(route) } else { Err(Refusal::WrongMethod) }
    }
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
        check(&Method::POST, "/mappings/m-1/pause", &Ok(Route::Pause("m-1".to_owned())));
        check(&Method::POST, "/mappings/m-1/resume", &Ok(Route::Resume("m-1".to_owned())));
        check(&Method::POST, "/shutdown", &Ok(Route::Shutdown));
        let kill = Route::KillEnvironment("process_events".to_owned());
        check(&Method::POST, "/functions/process_events/kill-environment", &Ok(kill));
        check(&Method::GET, "/shutdown", &Err(Refusal::WrongMethod));
        check(&Method::POST, "/status", &Err(Refusal::WrongMethod));
        check(&Method::GET, "/", &Err(Refusal::NoRoute));
        check(&Method::POST, "/mappings/m-1/forget", &Err(Refusal::NoRoute));
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
