//! The layouts of all answered requests: what comes in which order in which versions.

use kafka_protocol::messages::ApiKey;

use super::Shape::{Blob, Fixed, Items, Structs, Text};
use super::{Field, Layout, Shape};

const NEVER: i16 = i16::MAX;

const I8: Shape = Fixed(1);
const I16: Shape = Fixed(2);
const I32: Shape = Fixed(4);
const I64: Shape = Fixed(8);
const UUID: Shape = Fixed(16);
const TEXTS: Shape = Items(&Text);
const I32S: Shape = Items(&I32);

const fn all(shape: Shape) -> Field {
    Field { since: 0, until: i16::MAX, shape }
}

const fn since(since: i16, shape: Shape) -> Field {
    Field { since, until: i16::MAX, shape }
}

const fn until(until: i16, shape: Shape) -> Field {
    Field { since: 0, until, shape }
}

const fn only(since: i16, until: i16, shape: Shape) -> Field {
    Field { since, until, shape }
}

/// The layout of a request's body.
pub(super) fn layout(key: ApiKey) -> Option<Layout> {
    let (compact_since, fields): (i16, &[Field]) = match key {
        ApiKey::Produce => (9, PRODUCE),
        ApiKey::Fetch => (12, FETCH),
        ApiKey::ListOffsets => (6, LIST_OFFSETS),
        ApiKey::Metadata => (9, METADATA),
        ApiKey::OffsetCommit => (8, OFFSET_COMMIT),
        ApiKey::OffsetFetch => (6, OFFSET_FETCH),
        ApiKey::FindCoordinator => (3, FIND_COORDINATOR),
        ApiKey::JoinGroup => (6, JOIN_GROUP),
        ApiKey::Heartbeat => (4, HEARTBEAT),
        ApiKey::LeaveGroup => (4, LEAVE_GROUP),
        ApiKey::SyncGroup => (4, SYNC_GROUP),
        ApiKey::DescribeGroups => (5, DESCRIBE_GROUPS),
        ApiKey::ListGroups => (3, LIST_GROUPS),
        ApiKey::ApiVersions => (3, API_VERSIONS),
        ApiKey::CreateTopics => (5, CREATE_TOPICS),
        ApiKey::DeleteTopics => (4, DELETE_TOPICS),
        ApiKey::DeleteRecords => (2, DELETE_RECORDS),
        ApiKey::InitProducerId => (2, INIT_PRODUCER_ID),
        ApiKey::OffsetForLeaderEpoch => (4, OFFSET_FOR_LEADER_EPOCH),
        ApiKey::DescribeConfigs => (4, DESCRIBE_CONFIGS),
        ApiKey::DescribeLogDirs => (2, DESCRIBE_LOG_DIRS),
        ApiKey::CreatePartitions => (2, CREATE_PARTITIONS),
        ApiKey::DeleteGroups => (2, DELETE_GROUPS),
        ApiKey::AlterConfigs => (2, ALTER_CONFIGS),
        ApiKey::IncrementalAlterConfigs => (1, INCREMENTAL_ALTER_CONFIGS),
        ApiKey::OffsetDelete => (NEVER, OFFSET_DELETE),
        ApiKey::DescribeCluster => (0, DESCRIBE_CLUSTER),
        _ => return None,
    };
    Some(Layout { compact_since, fields })
}

const PRODUCE: &[Field] = &[
    since(3, Text),
    all(I16),
    all(I32),
    all(Structs(&[all(Text), all(Structs(&[all(I32), all(Blob)]))])),
];

const FETCH_PARTITION: &[Field] =
    &[all(I32), since(9, I32), all(I64), since(12, I32), since(5, I64), all(I32)];

const FETCH: &[Field] = &[
    until(14, I32),
    all(I32),
    all(I32),
    all(I32),
    all(I8),
    since(7, I32),
    since(7, I32),
    all(Structs(&[until(12, Text), since(13, UUID), all(Structs(FETCH_PARTITION))])),
    since(7, Structs(&[until(12, Text), since(13, UUID), all(I32S)])),
    since(11, Text),
];

const LIST_OFFSETS: &[Field] = &[
    all(I32),
    since(2, I8),
    all(Structs(&[all(Text), all(Structs(&[all(I32), since(4, I32), all(I64)]))])),
];

const METADATA: &[Field] =
    &[all(Structs(&[since(10, UUID), all(Text)])), since(4, I8), only(8, 10, I8), since(8, I8)];

const OFFSET_COMMIT: &[Field] = &[
    all(Text),
    all(I32),
    all(Text),
    since(7, Text),
    only(2, 4, I64),
    all(Structs(&[all(Text), all(Structs(&[all(I32), all(I64), since(6, I32), all(Text)]))])),
];

const OFFSET_FETCH: &[Field] = &[
    until(7, Text),
    until(7, Structs(&[all(Text), all(I32S)])),
    since(
        8,
        Structs(&[all(Text), since(9, Text), since(9, I32), all(Structs(&[all(Text), all(I32S)]))]),
    ),
    since(7, I8),
];

const FIND_COORDINATOR: &[Field] = &[until(3, Text), since(1, I8), since(4, TEXTS)];

const JOIN_GROUP: &[Field] = &[
    all(Text),
    all(I32),
    since(1, I32),
    all(Text),
    since(5, Text),
    all(Text),
    all(Structs(&[all(Text), all(Blob)])),
    since(8, Text),
];

const HEARTBEAT: &[Field] = &[all(Text), all(I32), all(Text), since(3, Text)];

const LEAVE_GROUP: &[Field] =
    &[all(Text), until(2, Text), since(3, Structs(&[all(Text), all(Text), since(5, Text)]))];

const SYNC_GROUP: &[Field] = &[
    all(Text),
    all(I32),
    all(Text),
    since(3, Text),
    since(5, Text),
    since(5, Text),
    all(Structs(&[all(Text), all(Blob)])),
];

const DESCRIBE_GROUPS: &[Field] = &[all(TEXTS), since(3, I8)];

const LIST_GROUPS: &[Field] = &[since(4, TEXTS), since(5, TEXTS)];

const API_VERSIONS: &[Field] = &[since(3, Text), since(3, Text)];

const CREATE_TOPICS: &[Field] = &[
    all(Structs(&[
        all(Text),
        all(I32),
        all(I16),
        all(Structs(&[all(I32), all(I32S)])),
        all(Structs(&[all(Text), all(Text)])),
    ])),
    all(I32),
    since(1, I8),
];

const DELETE_TOPICS: &[Field] =
    &[since(6, Structs(&[all(Text), all(UUID)])), until(5, TEXTS), all(I32)];

const DELETE_RECORDS: &[Field] =
    &[all(Structs(&[all(Text), all(Structs(&[all(I32), all(I64)]))])), all(I32)];

const INIT_PRODUCER_ID: &[Field] = &[all(Text), all(I32), since(3, I64), since(3, I16)];

const OFFSET_FOR_LEADER_EPOCH: &[Field] = &[
    since(3, I32),
    all(Structs(&[all(Text), all(Structs(&[all(I32), since(2, I32), all(I32)]))])),
];

const DESCRIBE_CONFIGS: &[Field] =
    &[all(Structs(&[all(I8), all(Text), all(TEXTS)])), since(1, I8), since(3, I8)];

const DESCRIBE_LOG_DIRS: &[Field] = &[all(Structs(&[all(Text), all(I32S)]))];

const CREATE_PARTITIONS: &[Field] =
    &[all(Structs(&[all(Text), all(I32), all(Structs(&[all(I32S)]))])), all(I32), all(I8)];

const DELETE_GROUPS: &[Field] = &[all(TEXTS)];

const ALTER_CONFIGS: &[Field] =
    &[all(Structs(&[all(I8), all(Text), all(Structs(&[all(Text), all(Text)]))])), all(I8)];

const INCREMENTAL_ALTER_CONFIGS: &[Field] =
    &[all(Structs(&[all(I8), all(Text), all(Structs(&[all(Text), all(I8), all(Text)]))])), all(I8)];

const OFFSET_DELETE: &[Field] = &[all(Text), all(Structs(&[all(Text), all(Structs(&[all(I32)]))]))];

const DESCRIBE_CLUSTER: &[Field] = &[all(I8), since(1, I8)];
