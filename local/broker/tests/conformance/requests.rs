//! Requests in every version that both clusters answer, and the answers compared field by field.

use std::collections::BTreeMap;

use bytes::{Buf, BufMut, BytesMut};
use kafka_protocol::messages::{
    ApiKey, ApiVersionsRequest, ApiVersionsResponse, RequestHeader, ResponseHeader,
};
use kafka_protocol::protocol::{Decodable, Encodable, Request, StrBytes};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::clusters::{Clusters, LIMIT};
use crate::normal::normal;
use crate::problem::Problem;

mod cases;
#[expect(dead_code, clippy::unwrap_used, reason = "made for unit tests, which need more of it")]
#[path = "../../src/batch/fixture.rs"]
mod fixture;
mod group_cases;
mod restart;

/// A request, built for each version.
pub(crate) struct Case {
    key: i16,
    asked: &'static str,
    differs: Option<&'static str>,
    codec: std::ops::RangeInclusive<i16>,
    /// The request's body; `None` where the version has no such request.
    encode: Box<dyn Fn(i16) -> Option<BytesMut>>,
    /// The answer as text.
    decode: fn(&mut bytes::Bytes, i16) -> String,
}

/// A request without a difference that is known.
fn case<Q>(asked: &'static str, build: impl Fn(i16) -> Q + 'static) -> Case
where
    Q: Request,
    Q::Response: std::fmt::Debug,
{
    let encode = move |version| {
        let mut body = BytesMut::new();
        build(version).encode(&mut body, version).ok().map(|()| body)
    };
    Case {
        key: Q::KEY,
        asked,
        differs: None,
        codec: Q::VERSIONS.min..=Q::VERSIONS.max,
        encode: Box::new(encode),
        decode: |body, version| match Q::Response::decode(body, version) {
            Ok(answer) if body.is_empty() => format!("{answer:?}"),
            Ok(answer) => format!("{answer:?} and {} bytes more", body.len()),
            Err(error) => format!("not to be decoded: {error}"),
        },
    }
}

impl Case {
    /// Only from this version on.
    fn since(self, version: i16) -> Self {
        let last = *self.codec.end();
        Self { codec: version..=last, ..self }
    }

    /// The answers are not the same.
    fn differs(self, reason: &'static str) -> Self {
        Self { differs: Some(reason), ..self }
    }
}

/// What came of one case.
#[derive(Debug)]
pub(crate) struct Row {
    api: String,
    asked: &'static str,
    reason: Option<&'static str>,
    same: Vec<i16>,
    different: Vec<(i16, String, String)>,
}

impl Row {
    /// What is not as expected.
    pub(crate) fn problem(&self) -> Option<Problem> {
        let asked = format!("{}, {}", self.api, self.asked);
        if self.same.is_empty() && self.different.is_empty() {
            return Some(Problem::of_case(format!("{asked}: no version was compared")));
        }
        match (self.reason, self.different.first()) {
            (None, None) | (Some(_), Some(_)) => None,
            (Some(reason), None) => {
                Some(Problem::of_case(format!("{asked}: no longer differs ({reason})")))
            }
            (None, Some((version, real, ours))) => {
                let more = self.different.len() - 1;
                let asked =
                    format!("{} {version} (and {more} versions more), {}", self.api, self.asked);
                Some(Problem::new(asked, (real, ours), "").in_any_order((real, ours)))
            }
        }
    }

    /// As a line of the document.
    pub(crate) fn line(&self) -> String {
        let versions = self.same.iter().chain(self.different.iter().map(|(version, ..)| version));
        let (first, last) = (versions.clone().min(), versions.max());
        let range = match (first, last) {
            (Some(first), Some(last)) if first == last => first.to_string(),
            (Some(first), Some(last)) => format!("{first} to {last}"),
            _ => String::new(),
        };
        let verdict = self.reason.map_or("same".to_owned(), |reason| format!("differs: {reason}"));
        format!("| {} | {range} | {} | {verdict} |", self.api, self.asked)
    }
}

/// What came of all cases.
#[derive(Debug, Default)]
pub(crate) struct Compared {
    pub(crate) rows: Vec<Row>,
    /// The requests that a real Kafka answers in other versions: the first and the last there and
    /// here.
    pub(crate) versions: Vec<(String, Range, Option<Range>)>,
}

type Range = (i16, i16);

/// Sends every case to both.
pub(crate) async fn compare(clusters: &Clusters) -> Compared {
    let mut real = Connection::open(&clusters.real).await;
    let mut ours = Connection::open(&clusters.ours).await;
    let mut rows = Vec::new();
    for case in cases::all().into_iter().chain(group_cases::all()) {
        rows.push(compare_case(&case, &mut real, &mut ours).await);
    }
    rows.extend(restart::compare(clusters, &mut real, &mut ours).await);
    let versions = real.versions.iter().map(|(key, range)| (key, range, ours.versions.get(key)));
    let others = versions.filter(|(_, real, ours)| Some(*real) != *ours);
    let named = others.map(|(key, real, ours)| {
        let api = ApiKey::try_from(*key).map_or(format!("request {key}"), |api| format!("{api:?}"));
        (api, *real, ours.copied())
    });
    Compared { rows, versions: named.collect() }
}

async fn compare_case(case: &Case, real: &mut Connection, ours: &mut Connection) -> Row {
    let api = ApiKey::try_from(case.key).expect("a request of the codec");
    let mut row = Row {
        api: format!("{api:?}"),
        asked: case.asked,
        reason: case.differs,
        same: Vec::new(),
        different: Vec::new(),
    };
    for version in case.codec.clone() {
        if !real.answers(case.key, version) || !ours.answers(case.key, version) {
            continue;
        }
        let Some(body) = (case.encode)(version) else { continue };
        let (real, ours) = tokio::join!(
            real.exchange(api, version, &body, case.decode),
            ours.exchange(api, version, &body, case.decode)
        );
        if real == ours {
            row.same.push(version);
        } else {
            row.different.push((version, real, ours));
        }
    }
    row
}

/// A connection to one cluster, opened again when the cluster closes it.
struct Connection {
    address: String,
    stream: TcpStream,
    versions: BTreeMap<i16, (i16, i16)>,
}

impl Connection {
    async fn open(address: &str) -> Self {
        let address = address.replace("localhost", "127.0.0.1");
        let stream = TcpStream::connect(&address).await.expect("a connection");
        let mut connection = Self { address, stream, versions: BTreeMap::new() };
        let mut body = BytesMut::new();
        ApiVersionsRequest::default().encode(&mut body, 0).expect("an empty request");
        let answer = connection.call(ApiKey::ApiVersions, 0, &body).await.expect("an answer");
        let mut answer = bytes::Bytes::from(answer);
        let listed = ApiVersionsResponse::decode(&mut answer, 0).expect("a list of versions");
        connection.versions = listed
            .api_keys
            .iter()
            .map(|one| (one.api_key, (one.min_version, one.max_version)))
            .collect();
        connection
    }

    fn answers(&self, key: i16, version: i16) -> bool {
        self.versions.get(&key).is_some_and(|(min, max)| (*min..=*max).contains(&version))
    }

    async fn exchange(
        &mut self,
        api: ApiKey,
        version: i16,
        body: &[u8],
        decode: fn(&mut bytes::Bytes, i16) -> String,
    ) -> String {
        if let Some(answer) = self.call(api, version, body).await {
            return cleaned(&decode(&mut bytes::Bytes::from(answer), version));
        }
        self.reopen().await;
        "the connection was closed".to_owned()
    }

    async fn reopen(&mut self) {
        self.stream = TcpStream::connect(&self.address).await.expect("a connection");
    }

    /// The answer's body; `None` where the connection was closed instead.
    async fn call(&mut self, api: ApiKey, version: i16, body: &[u8]) -> Option<Vec<u8>> {
        let header = RequestHeader::default()
            .with_request_api_key(api as i16)
            .with_request_api_version(version)
            .with_correlation_id(7)
            .with_client_id(Some(StrBytes::from_static_str("conformance")));
        let mut request = BytesMut::new();
        request.put_i32(0);
        header.encode(&mut request, api.request_header_version(version)).expect("a header");
        request.put_slice(body);
        let length = i32::try_from(request.len() - 4).expect("a small request");
        request[..4].copy_from_slice(&length.to_be_bytes());
        let exchanged = async {
            self.stream.write_all(&request).await.ok()?;
            let length = self.stream.read_u32().await.ok()?;
            let mut answer = vec![0; usize::try_from(length).ok()?];
            self.stream.read_exact(&mut answer).await.ok()?;
            Some(answer)
        };
        let mut answer = bytes::Bytes::from(timeout(LIMIT, exchanged).await.ok()??);
        ResponseHeader::decode(&mut answer, api.response_header_version(version)).ok()?;
        Some(answer.copy_to_bytes(answer.remaining()).to_vec())
    }
}

/// An answer without what must differ.
fn cleaned(answer: &str) -> String {
    let rules = [
        (r"port: [0-9]+", "port: PORT"),
        (r#"host: "[^"]*""#, "host: HOST"),
        (r#"cluster_id: (Some\()?"[^"]*"\)?"#, "cluster_id: ID"),
        (r"\bproducer_id: [0-9]+", "producer_id: DRAWN"),
        (r#"log_dir: "[^"]*""#, "log_dir: FOLDER"),
        (r"(total|usable)_bytes: [0-9]+", "BYTES"),
    ];
    rules.iter().fold(normal(answer), |text, (rule, instead)| {
        let rule = regex_lite::Regex::new(rule).expect("a rule");
        rule.replace_all(&text, *instead).into_owned()
    })
}
