//! From a request's bytes to its answer's bytes: header, version check, dispatch.
//!
//! One file per family of requests below; each turns a decoded request into a response and knows
//! nothing of bytes or sockets. Transactions (`AddPartitionsToTxn`, `EndTxn`, …), the new group
//! protocol (`ConsumerGroupHeartbeat`) and fetch sessions would be families of their own.

mod cluster;
mod configs;
mod fetch;
mod group_admin;
mod group_offsets;
mod list_offsets;
mod log_admin;
mod membership;
mod produce;
mod refusal;
mod shape;
mod topic_admin;
mod versions;

use std::net::SocketAddr;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use kafka_protocol::messages::{self as api, ApiKey, RequestHeader, ResponseHeader};
use kafka_protocol::protocol::{Decodable, Encodable, StrBytes};

use self::refusal::Refusable;
pub(crate) use self::versions::answered;
use crate::faults::{Asked, Course};
use crate::frame::Frame;
use crate::memory::Share;
use crate::node::Node;

/// The length before every request and answer.
pub(crate) const LENGTH_BYTES: usize = 4;

/// Why a request gets no answer; the connection is closed, as Kafka does.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RequestError {
    #[error("a request is not well-formed")]
    Malformed(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("a request is cut short, or counts more than it holds")]
    Shape,
    #[error("version {version} of request {key} is not supported")]
    Unsupported { key: i16, version: i16 },
    #[error("the connection is dropped on purpose")]
    OnPurpose,
    #[error("an answer cannot be encoded")]
    Answer(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// A request whose header was read.
struct Call {
    key: ApiKey,
    version: i16,
    correlation_id: i32,
    client: Client,
    body: Bytes,
}

/// Who sent a request.
#[derive(Clone, Debug)]
struct Client {
    id: String,
    address: SocketAddr,
}

/// An answer's bytes, and the share of memory that they count for until they are sent.
pub(crate) struct Answer {
    pub(crate) frame: Frame,
    _memory: Option<Share>,
}

impl From<BytesMut> for Answer {
    fn from(frame: BytesMut) -> Self {
        Self { frame: frame.into(), _memory: None }
    }
}

/// Answers one request; `None` where its sender expects no answer (Produce with `acks=0`).
pub(crate) async fn answer(
    node: &Node,
    address: SocketAddr,
    frame: Bytes,
) -> Result<Option<Answer>, RequestError> {
    match open(frame, address)? {
        Opened::Call(call) => dispatch(node, call).await,
        Opened::ApiVersionsTooNew { correlation_id } => {
            let response = versions::too_new();
            encode(&response, ApiKey::ApiVersions, 0, correlation_id)
                .map(|frame| Some(frame.into()))
        }
    }
}

enum Opened {
    Call(Call),
    /// A client newer than the broker asks which versions there are: it is told in version 0.
    ApiVersionsTooNew {
        correlation_id: i32,
    },
}

fn open(mut frame: Bytes, address: SocketAddr) -> Result<Opened, RequestError> {
    let mut start = frame.get(..8).ok_or(RequestError::Shape)?;
    let (key, version, correlation_id) = (start.get_i16(), start.get_i16(), start.get_i32());
    let Some(api) = versions::supported(key, version) else {
        if key == ApiKey::ApiVersions as i16 {
            return Ok(Opened::ApiVersionsTooNew { correlation_id });
        }
        return Err(RequestError::Unsupported { key, version });
    };
    let header = RequestHeader::decode(&mut frame, api.request_header_version(version))
        .map_err(|error| RequestError::Malformed(error.into()))?;
    if !shape::holds(api, version, &frame) {
        return Err(RequestError::Shape);
    }
    let id = header.client_id.map(|id| id.to_string()).unwrap_or_default();
    let client = Client { id, address };
    Ok(Opened::Call(Call { key: api, version, correlation_id, client, body: frame }))
}

async fn dispatch(node: &Node, call: Call) -> Result<Option<Answer>, RequestError> {
    let version = call.version;
    let client = call.client.clone();
    match call.key {
        ApiKey::Produce => return produce(node, call).await,
        ApiKey::Fetch => return fetch(node, call).await.map(Some),
        ApiKey::ListOffsets => {
            serve(node, call, async |asked| list_offsets::list_offsets(node, version, asked).await)
                .await
        }
        ApiKey::OffsetForLeaderEpoch => {
            serve(node, call, async |asked| list_offsets::offset_for_leader_epoch(node, &asked))
                .await
        }
        ApiKey::ApiVersions => {
            serve(node, call, async |asked| versions::api_versions(&asked)).await
        }
        ApiKey::Metadata => {
            serve(node, call, async |asked| cluster::metadata(node, version, asked).await).await
        }
        ApiKey::DescribeCluster => {
            serve(node, call, async |asked| cluster::describe_cluster(node, &asked)).await
        }
        ApiKey::FindCoordinator => {
            serve(node, call, async |asked| cluster::find_coordinator(node, version, asked)).await
        }
        ApiKey::InitProducerId => {
            serve(node, call, async |asked| cluster::init_producer_id(node, &asked).await).await
        }
        ApiKey::JoinGroup => {
            let join = async |asked| membership::join_group(node, version, &client, asked).await;
            serve(node, call, join).await
        }
        ApiKey::SyncGroup => {
            serve(node, call, async |asked| membership::sync_group(node, asked).await).await
        }
        ApiKey::Heartbeat => {
            serve(node, call, async |asked| membership::heartbeat(node, &asked).await).await
        }
        ApiKey::LeaveGroup => {
            serve(node, call, async |asked| membership::leave_group(node, version, &asked).await)
                .await
        }
        ApiKey::OffsetCommit => {
            serve(node, call, async |asked| group_offsets::offset_commit(node, asked).await).await
        }
        ApiKey::OffsetFetch => {
            serve(node, call, async |asked| group_offsets::offset_fetch(node, version, asked).await)
                .await
        }
        ApiKey::OffsetDelete => {
            serve(node, call, async |asked| group_offsets::offset_delete(node, &asked).await).await
        }
        key => dispatch_admin(node, key, call).await,
    }
    .map(|frame| Some(frame.into()))
}

async fn dispatch_admin(node: &Node, key: ApiKey, call: Call) -> Result<BytesMut, RequestError> {
    let version = call.version;
    match key {
        ApiKey::DescribeGroups => {
            serve(node, call, async |asked| {
                group_admin::describe_groups(node, version, asked).await
            })
            .await
        }
        ApiKey::ListGroups => {
            serve(node, call, async |asked| group_admin::list_groups(node, &asked).await).await
        }
        ApiKey::DeleteGroups => {
            serve(node, call, async |asked| group_admin::delete_groups(node, asked).await).await
        }
        ApiKey::CreateTopics => {
            serve(node, call, async |asked| topic_admin::create_topics(node, version, asked).await)
                .await
        }
        ApiKey::DeleteTopics => {
            serve(node, call, async |asked| topic_admin::delete_topics(node, asked).await).await
        }
        ApiKey::CreatePartitions => {
            serve(node, call, async |asked| topic_admin::create_partitions(node, asked).await).await
        }
        ApiKey::DeleteRecords => {
            serve(node, call, async |asked| log_admin::delete_records(node, asked).await).await
        }
        ApiKey::DescribeLogDirs => {
            serve(node, call, async |asked| log_admin::describe_log_dirs(node, asked)).await
        }
        ApiKey::DescribeConfigs => {
            serve(node, call, async |asked| configs::describe_configs(node, asked)).await
        }
        ApiKey::IncrementalAlterConfigs => {
            serve(node, call, async |asked| configs::incremental_alter_configs(node, asked).await)
                .await
        }
        ApiKey::AlterConfigs => {
            serve(node, call, async |asked| configs::alter_configs(node, asked).await).await
        }
        key => Err(RequestError::Unsupported { key: key as i16, version }),
    }
}

async fn fetch(node: &Node, mut call: Call) -> Result<Answer, RequestError> {
    let request: api::FetchRequest = decode(&mut call)?;
    let (response, memory, course) = match meet_faults(node, &call, &request).await? {
        Met::Refused(response) => (response, None, Course::Serve),
        Met::Course(course) => {
            let (response, memory) = fetch::fetch(node, call.version, request).await;
            (response, memory, course)
        }
    };
    if course == Course::LoseAnswer {
        return Err(RequestError::OnPurpose);
    }
    let mut frame = fetch::encode(response, call.version).map_err(RequestError::Answer)?;
    let mut head = head(call.key, call.version, call.correlation_id, 0)?;
    set_length(&mut head, frame.remaining())?;
    frame.push_front(head.freeze());
    Ok(Answer { frame, _memory: memory })
}

async fn produce(node: &Node, mut call: Call) -> Result<Option<Answer>, RequestError> {
    let request: api::ProduceRequest = decode(&mut call)?;
    let wants_answer = request.acks != 0;
    let (response, course) = match meet_faults(node, &call, &request).await? {
        Met::Refused(response) => (response, Course::Serve),
        Met::Course(course) => (produce::produce(node, call.version, request).await, course),
    };
    if !wants_answer {
        return Ok(None);
    }
    send(&response, &call, course).map(|frame| Some(frame.into()))
}

async fn serve<Q: Refusable>(
    node: &Node,
    mut call: Call,
    handler: impl AsyncFnOnce(Q) -> Q::Response,
) -> Result<BytesMut, RequestError> {
    let request: Q = decode(&mut call)?;
    let (response, course) = match meet_faults(node, &call, &request).await? {
        Met::Refused(response) => (response, Course::Serve),
        Met::Course(course) => (handler(request).await, course),
    };
    send(&response, &call, course)
}

/// What the faults on purpose have left of a request.
enum Met<A> {
    /// It is not served, but answered.
    Refused(A),
    /// It is served; what becomes of its answer.
    Course(Course),
}

async fn meet_faults<Q: Refusable>(
    node: &Node,
    call: &Call,
    request: &Q,
) -> Result<Met<Q::Response>, RequestError> {
    if node.faults.is_empty() {
        return Ok(Met::Course(Course::Serve));
    }
    let catalogue = node.topics.catalogue();
    let names = |topic: &str| {
        let id = catalogue.topic(topic).ok().map(|topic| topic.id);
        request.names(topic, id)
    };
    let asked = Asked { api: call.key, client_id: &call.client.id, names: &names };
    match node.faults.course(&asked, &node.shutdown).await {
        None | Some(Course::Drop) => Err(RequestError::OnPurpose),
        Some(Course::Answer(error)) => {
            request.refused(error).map(Met::Refused).ok_or(RequestError::OnPurpose)
        }
        Some(course) => Ok(Met::Course(course)),
    }
}

/// The answer's bytes, unless it is to be lost.
fn send<A: Encodable>(response: &A, call: &Call, course: Course) -> Result<BytesMut, RequestError> {
    if course == Course::LoseAnswer {
        return Err(RequestError::OnPurpose);
    }
    encode(response, call.key, call.version, call.correlation_id)
}

fn decode<Q: Decodable>(call: &mut Call) -> Result<Q, RequestError> {
    let decoded = Q::decode(&mut call.body, call.version);
    decoded.map_err(|error| RequestError::Malformed(error.into()))
}

fn encode<A: Encodable>(
    response: &A,
    key: ApiKey,
    version: i16,
    correlation_id: i32,
) -> Result<BytesMut, RequestError> {
    let body_bytes =
        response.compute_size(version).map_err(|error| RequestError::Answer(error.into()))?;
    let mut frame = head(key, version, correlation_id, body_bytes)?;
    let encoded = response.encode(&mut frame, version);
    encoded.map_err(|error| RequestError::Answer(error.into()))?;
    set_length(&mut frame, 0)?;
    Ok(frame)
}

/// The start of an answer, with room for its length and for its body.
fn head(
    key: ApiKey,
    version: i16,
    correlation_id: i32,
    body_bytes: usize,
) -> Result<BytesMut, RequestError> {
    let header = ResponseHeader::default().with_correlation_id(correlation_id);
    let mut head = BytesMut::with_capacity(body_bytes + 16);
    head.put_i32(0);
    let encoded = header.encode(&mut head, key.response_header_version(version));
    encoded.map_err(|error| RequestError::Answer(error.into()))?;
    Ok(head)
}

/// Writes the length of an answer that goes on for so many bytes behind `frame`.
fn set_length(frame: &mut BytesMut, behind: usize) -> Result<(), RequestError> {
    let length = i32::try_from(frame.len() - LENGTH_BYTES + behind);
    let length = length.map_err(|error| RequestError::Answer(error.into()))?;
    frame[..LENGTH_BYTES].copy_from_slice(&length.to_be_bytes());
    Ok(())
}

/// What Kafka says of `INVALID_REQUEST` where it says no more.
const INVALID_REQUEST: &str = "This most likely occurs because of a request being malformed by the client library or the \
     message was sent to an incompatible broker. See the broker logs for more details.";

/// A text of ours as the codec wants it.
fn text(text: &str) -> StrBytes {
    StrBytes::from_string(text.to_owned())
}

/// A request of every kind and version, with two elements in every array.
#[cfg(test)]
pub(crate) fn samples() -> impl Iterator<Item = (ApiKey, i16, Vec<u8>)> {
    versions::all().map(|(key, version)| (key, version, shape::tests::sample(key, version)))
}
