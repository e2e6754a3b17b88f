//! Where requests go, and their bytes on the wire.

use std::io::Write as _;

use http::uri::Scheme;
use http::{Method, Uri};

use crate::connection::Tcp;
use crate::run_id::RunId;
use crate::scenario::{Kind, Scenario, Text, Values};

/// Said by every request that a scenario gives no other of these headers.
const USUAL_HEADERS: [(&str, &str); 3] =
    [("user-agent", "millrace-load"), ("accept", "*/*"), ("content-type", "application/json")];

/// Why requests cannot be sent to a URL.
#[derive(Debug, thiserror::Error)]
#[error("`{url}` is not a URL like `http://127.0.0.1:3000`")]
pub struct TargetError {
    /// The URL: it has no host, or another scheme than `http`.
    pub url: Uri,
}

/// A server's address and what a scenario asks of it.
#[derive(Debug)]
pub(crate) struct Target {
    tcp: Tcp,
    scenario: Scenario,
    kinds: Vec<Wire>,
}

/// What does not change between requests of a kind, and what does.
#[derive(Debug)]
struct Wire {
    /// Method, blank, and what comes before the path.
    start: String,
    path: Text,
    /// From the path's end to the first header with a template.
    head: String,
    headers: Vec<(String, Text)>,
    body: Text,
    /// Whether the length of the body is told.
    sized: bool,
    to_head: bool,
}

/// The bytes of a request, in memory that is used again for the next.
#[derive(Debug, Default)]
pub(crate) struct Bytes {
    whole: Vec<u8>,
    body: Vec<u8>,
}

/// A request to be sent.
#[derive(Debug)]
pub(crate) struct Outgoing<'a> {
    pub(crate) bytes: &'a [u8],
    /// Whether it is a HEAD request, whose answer has no body.
    pub(crate) to_head: bool,
}

impl Target {
    /// The target of `scenario` below `url`.
    pub(crate) fn new(url: &Uri, scenario: Scenario) -> Result<Self, TargetError> {
        let bad_url = || TargetError { url: url.clone() };
        let authority = url.authority().ok_or_else(bad_url)?;
        if url.scheme() != Some(&Scheme::HTTP) {
            return Err(bad_url());
        }
        // A user's name and password are no part of the host.
        let host = authority.as_str().rsplit('@').next().unwrap_or_default();
        let base = url.path().trim_end_matches('/');
        let kinds = scenario.kinds().iter().map(|kind| Wire::new(kind, base, host)).collect();
        let tcp = Tcp {
            host: authority.host().trim_matches(['[', ']']).to_owned(),
            port: authority.port_u16().unwrap_or(80),
        };
        Ok(Self { tcp, scenario, kinds })
    }

    /// How to connect to it.
    pub(crate) fn tcp(&self) -> Tcp {
        self.tcp.clone()
    }

    /// Writes request `sequence` of `run` to `bytes`.
    pub(crate) fn request<'a>(
        &self,
        run: RunId,
        sequence: u64,
        bytes: &'a mut Bytes,
    ) -> Outgoing<'a> {
        let wire = &self.kinds[self.scenario.choose(run, sequence)];
        wire.render(&mut Values::new(run, sequence), bytes);
        Outgoing { bytes: &bytes.whole, to_head: wire.to_head }
    }
}

impl Wire {
    fn new(kind: &Kind, base: &str, host: &str) -> Self {
        let mut head = format!(" HTTP/1.1\r\nhost: {host}\r\n");
        for (name, value) in USUAL_HEADERS {
            let given = kind.headers.iter().any(|(given, _)| given == name);
            if !given && (name != "content-type" || !kind.body.is_empty()) {
                head.extend([name, ": ", value, "\r\n"]);
            }
        }
        let headers = kind.headers.iter();
        Self {
            start: format!("{} {base}", kind.method),
            path: kind.path.clone(),
            head,
            headers: headers.map(|(name, value)| (name.to_string(), value.clone())).collect(),
            body: kind.body.clone(),
            sized: !kind.body.is_empty() || !matches!(kind.method, Method::GET | Method::HEAD),
            to_head: kind.method == Method::HEAD,
        }
    }

    fn render(&self, values: &mut Values, bytes: &mut Bytes) {
        let Bytes { whole, body } = bytes;
        whole.clear();
        body.clear();
        // The body comes first to chance, so that it is the same as of the scenario alone.
        self.body.render(values, body);
        whole.extend_from_slice(self.start.as_bytes());
        self.path.render(values, whole);
        whole.extend_from_slice(self.head.as_bytes());
        for (name, value) in &self.headers {
            whole.extend_from_slice(name.as_bytes());
            whole.extend_from_slice(b": ");
            value.render(values, whole);
            whole.extend_from_slice(b"\r\n");
        }
        if self.sized {
            write!(whole, "content-length: {}\r\n", body.len()).expect("a vector takes everything");
        }
        whole.extend_from_slice(b"\r\n");
        whole.extend_from_slice(body);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(url: &'static str, scenario: &str) -> String {
        let scenario = Scenario::parse("s", scenario).unwrap();
        let target = Target::new(&Uri::from_static(url), scenario).unwrap();
        let mut bytes = Bytes::default();
        let run = "0000beef".parse().unwrap();
        String::from_utf8(target.request(run, 7, &mut bytes).bytes.to_vec()).unwrap()
    }

    #[test]
    fn writes_requests_as_servers_expect_them() {
        let scenario = r#"[[request]]
path = "/events/${sequence}"
headers = { "X-Partition-Key" = "u${sequence % 5}", accept = "application/json" }
body = "${load_id}"
"#;
        assert_eq!(
            request("http://h:1/prod/", scenario),
            "POST /prod/events/7 HTTP/1.1\r\nhost: h:1\r\nuser-agent: millrace-load\r\n\
             content-type: application/json\r\nx-partition-key: u2\r\n\
             accept: application/json\r\ncontent-length: 10\r\n\r\n0000beef-7"
        );
        assert_eq!(
            request("http://u:p@h", "[[request]]\npath = \"/\"\n"),
            "GET / HTTP/1.1\r\nhost: h\r\nuser-agent: millrace-load\r\naccept: */*\r\n\r\n"
        );
        let delete = request("http://h", "[[request]]\npath = \"/\"\nmethod = \"DELETE\"\n");
        assert!(delete.ends_with("\r\ncontent-length: 0\r\n\r\n"), "{delete}");
    }

    #[test]
    fn connects_to_the_urls_host_and_port() {
        for (url, address) in [
            ("http://localhost:3000", ("localhost", 3000)),
            ("http://[::1]/prod", ("::1", 80)),
            ("http://u@h:1/", ("h", 1)),
        ] {
            let scenario = Scenario::built_in("events").unwrap();
            let tcp = Target::new(&Uri::from_static(url), scenario).unwrap().tcp();
            assert_eq!((tcp.host.as_str(), tcp.port), address);
        }
    }

    #[test]
    fn refuses_what_it_cannot_speak() {
        for url in ["https://example.com/", "localhost:3000", "/path"] {
            let scenario = Scenario::built_in("events").unwrap();
            let error = Target::new(&Uri::from_static(url), scenario).unwrap_err();
            assert_eq!(
                error.to_string(),
                format!("`{url}` is not a URL like `http://127.0.0.1:3000`")
            );
        }
    }
}
