//! Where requests go and what all of them have in common.

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, HOST, HeaderMap, HeaderValue, USER_AGENT};
use http::uri::{InvalidUri, PathAndQuery, Scheme};
use http::{Method, Request, Uri};
use http_body_util::Full;

use crate::scenario::Scenario;

/// Why requests cannot be sent to a URL.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    /// The URL has no host, or another scheme than `http`.
    #[error("`{url}` is not a URL like `http://127.0.0.1:3000`")]
    Url {
        /// The URL.
        url: Uri,
    },
    /// The scenario's path cannot be part of a URL.
    #[error("the scenario's path `{path}` cannot be part of a URL")]
    Path {
        /// The path.
        path: String,
        /// What is wrong with it.
        #[source]
        source: InvalidUri,
    },
}

/// A server's address and a request without its body.
#[derive(Debug)]
pub(crate) struct Target {
    host: String,
    port: u16,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
}

impl Target {
    /// The target of `scenario` below `url`.
    pub(crate) fn new(url: &Uri, scenario: &Scenario) -> Result<Self, TargetError> {
        let bad_url = || TargetError::Url { url: url.clone() };
        let authority = url.authority().ok_or_else(bad_url)?;
        if url.scheme() != Some(&Scheme::HTTP) {
            return Err(bad_url());
        }
        let path = format!("{}{}", url.path().trim_end_matches('/'), scenario.path);
        let path: PathAndQuery =
            path.parse().map_err(|source| TargetError::Path { path, source })?;
        let host = HeaderValue::from_str(authority.as_str()).map_err(|_invalid| bad_url())?;
        let headers = HeaderMap::from_iter([
            (HOST, host),
            (USER_AGENT, HeaderValue::from_static("millrace-load")),
            (ACCEPT, HeaderValue::from_static("*/*")),
            (CONTENT_TYPE, HeaderValue::from_static("application/json")),
        ]);
        Ok(Self {
            host: authority.host().trim_matches(['[', ']']).to_owned(),
            port: authority.port_u16().unwrap_or(80),
            method: scenario.method.clone(),
            uri: Uri::from(path),
            headers,
        })
    }

    /// Host and port to connect to.
    pub(crate) fn address(&self) -> (&str, u16) {
        (&self.host, self.port)
    }

    /// The request with `body`.
    pub(crate) fn request(&self, body: Bytes) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::new(body));
        request.method_mut().clone_from(&self.method);
        request.uri_mut().clone_from(&self.uri);
        request.headers_mut().clone_from(&self.headers);
        request
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(url: &'static str) -> Result<Target, TargetError> {
        Target::new(&Uri::from_static(url), &Scenario::built_in("events").unwrap())
    }

    #[test]
    fn puts_the_scenarios_path_below_the_url() {
        for (url, address, path) in [
            ("http://localhost:3000", ("localhost", 3000), "/register_event"),
            ("http://localhost:3000/", ("localhost", 3000), "/register_event"),
            ("http://[::1]/prod", ("::1", 80), "/prod/register_event"),
        ] {
            let target = target(url).unwrap();
            assert_eq!(target.address(), address);
            let request = target.request(Bytes::from_static(b"{}"));
            assert_eq!(request.uri(), path);
            assert_eq!(request.headers()[CONTENT_TYPE], "application/json");
        }
        assert_eq!(target("http://h:1/").unwrap().request(Bytes::new()).headers()[HOST], "h:1");
    }

    #[test]
    fn refuses_what_it_cannot_speak() {
        for url in ["https://example.com/", "localhost:3000", "/path"] {
            let error = target(url).unwrap_err();
            assert_eq!(
                error.to_string(),
                format!("`{url}` is not a URL like `http://127.0.0.1:3000`")
            );
        }
        let mut scenario = Scenario::built_in("events").unwrap();
        scenario.path = "/a b".to_owned();
        let error = Target::new(&Uri::from_static("http://h"), &scenario).unwrap_err();
        assert_eq!(error.to_string(), "the scenario's path `/a b` cannot be part of a URL");
    }
}
