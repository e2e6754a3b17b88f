//! Requests for groups and their offsets.

use bytes::Bytes;
use kafka_protocol::messages::join_group_request::JoinGroupRequestProtocol;
use kafka_protocol::messages::leave_group_request::MemberIdentity;
use kafka_protocol::messages::offset_commit_request::{
    OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use kafka_protocol::messages::offset_delete_request::{
    OffsetDeleteRequestPartition, OffsetDeleteRequestTopic,
};
use kafka_protocol::messages::offset_fetch_request::{
    OffsetFetchRequestGroup, OffsetFetchRequestTopic, OffsetFetchRequestTopics,
};
use kafka_protocol::messages::{
    DeleteGroupsRequest, DescribeGroupsRequest, FindCoordinatorRequest, GroupId, HeartbeatRequest,
    InitProducerIdRequest, JoinGroupRequest, LeaveGroupRequest, ListGroupsRequest,
    OffsetCommitRequest, OffsetDeleteRequest, OffsetFetchRequest, SyncGroupRequest,
    TransactionalId,
};

use super::cases::{TOPIC, name, text};
use super::{Case, case};

const GROUP: &str = "requests.group";
const ABSENT: &str = "requests.no-group";

/// The first version that asks for several groups.
const SEVERAL_FETCHED_SINCE: i16 = 8;

/// The first version that asks for several coordinators.
const SEVERAL_FOUND_SINCE: i16 = 4;

/// The first version in which several members leave.
const SEVERAL_LEAVE_SINCE: i16 = 3;

/// The first version in which a member has to have an id: before, it joins at once, and waits.
const ID_FIRST_SINCE: i16 = 4;

pub(super) fn all() -> Vec<Case> {
    let mut all = offsets();
    all.extend(members());
    all.extend(administration());
    all
}

fn group(name: &str) -> GroupId {
    GroupId(text(name))
}

fn offsets() -> Vec<Case> {
    vec![
        case("an offset with metadata", |_| commit(GROUP, TOPIC, 0, "note")),
        case("for a topic that is absent", |_| commit(GROUP, "requests.absent", 0, "")),
        case("for a partition that is absent", |_| commit(GROUP, TOPIC, 9, "")),
        case("metadata too long", |_| commit(GROUP, TOPIC, 0, &"m".repeat(4_097))),
        case("to a group without a name", |_| commit("", TOPIC, 0, "")),
        case("as a member that is unknown", |_| {
            let request = commit(GROUP, TOPIC, 0, "").with_generation_id_or_member_epoch(3);
            request.with_member_id(text("x"))
        }),
        case("what was committed and what was not", |version| {
            fetch(version, GROUP, Some(&[0, 1, 9]))
        }),
        case("everything", |version| fetch(version, GROUP, None)).since(2),
        case("of a group that is absent", |version| fetch(version, ABSENT, Some(&[0]))),
        case("everything of a group that is absent", |version| fetch(version, ABSENT, None))
            .since(2),
        case("stable offsets", |version| {
            fetch(version, GROUP, Some(&[0])).with_require_stable(true)
        }),
        case("of a partition", |_| forget(GROUP, 1)),
        case("of a partition that is absent", |_| forget(GROUP, 9)),
        case("of a group that is absent", |_| forget(ABSENT, 0)),
    ]
}

fn commit(to: &str, topic: &str, partition: i32, metadata: &str) -> OffsetCommitRequest {
    let offset = OffsetCommitRequestPartition::default()
        .with_partition_index(partition)
        .with_committed_offset(3)
        .with_committed_metadata(Some(text(metadata)));
    let topic =
        OffsetCommitRequestTopic::default().with_name(name(topic)).with_partitions(vec![offset]);
    OffsetCommitRequest::default()
        .with_group_id(group(to))
        .with_generation_id_or_member_epoch(-1)
        .with_topics(vec![topic])
}

fn fetch(version: i16, of: &str, partitions: Option<&[i32]>) -> OffsetFetchRequest {
    let indexes = partitions.map(<[i32]>::to_vec);
    if version < SEVERAL_FETCHED_SINCE {
        let topic = |indexes| {
            OffsetFetchRequestTopic::default()
                .with_name(name(TOPIC))
                .with_partition_indexes(indexes)
        };
        let topics = indexes.map(|indexes| vec![topic(indexes)]);
        return OffsetFetchRequest::default().with_group_id(group(of)).with_topics(topics);
    }
    let topic = |indexes| {
        OffsetFetchRequestTopics::default().with_name(name(TOPIC)).with_partition_indexes(indexes)
    };
    let topics = indexes.map(|indexes| vec![topic(indexes)]);
    let group = OffsetFetchRequestGroup::default().with_group_id(group(of)).with_topics(topics);
    OffsetFetchRequest::default().with_groups(vec![group])
}

fn forget(of: &str, partition: i32) -> OffsetDeleteRequest {
    let place = OffsetDeleteRequestPartition::default().with_partition_index(partition);
    let topic =
        OffsetDeleteRequestTopic::default().with_name(name(TOPIC)).with_partitions(vec![place]);
    OffsetDeleteRequest::default().with_group_id(group(of)).with_topics(vec![topic])
}

fn members() -> Vec<Case> {
    vec![
        case("as nobody yet", |_| join(GROUP)).since(ID_FIRST_SINCE),
        case("as a member that is unknown", |_| join(GROUP).with_member_id(text("x"))),
        case("a group without a name", |_| join("")),
        case("with a session too short", |_| join(GROUP).with_session_timeout_ms(10)),
        case("with a session too long", |_| join(GROUP).with_session_timeout_ms(i32::MAX)),
        case("with no protocol", |_| join(GROUP).with_protocols(Vec::new())),
        case("with no type", |_| join(GROUP).with_protocol_type(text(""))),
        case("as a static member that is unknown", |_| {
            join(GROUP).with_member_id(text("x")).with_group_instance_id(Some(text("one")))
        })
        .differs("there are no static members"),
        case("an unknown member", |version| sync(version, GROUP)),
        case("an unknown member of an unknown group", |version| sync(version, ABSENT)),
        case("an unknown member", |_| beat(GROUP)),
        case("an unknown member of an unknown group", |_| beat(ABSENT)),
        case("a member of a group without a name", |_| beat("")),
        case("an unknown member", |version| leave(version, GROUP)),
        case("an unknown member of an unknown group", |version| leave(version, ABSENT)),
    ]
}

pub(super) fn join(to: &str) -> JoinGroupRequest {
    let protocol = JoinGroupRequestProtocol::default()
        .with_name(text("range"))
        .with_metadata(Bytes::from_static(&[0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff]));
    JoinGroupRequest::default()
        .with_group_id(group(to))
        .with_session_timeout_ms(10_000)
        .with_rebalance_timeout_ms(10_000)
        .with_protocol_type(text("consumer"))
        .with_protocols(vec![protocol])
}

fn sync(version: i16, to: &str) -> SyncGroupRequest {
    let request = SyncGroupRequest::default()
        .with_group_id(group(to))
        .with_generation_id(1)
        .with_member_id(text("x"));
    if version < 5 {
        return request;
    }
    request.with_protocol_type(Some(text("consumer"))).with_protocol_name(Some(text("range")))
}

fn beat(to: &str) -> HeartbeatRequest {
    let request = HeartbeatRequest::default().with_group_id(group(to));
    request.with_generation_id(1).with_member_id(text("x"))
}

fn leave(version: i16, to: &str) -> LeaveGroupRequest {
    let request = LeaveGroupRequest::default().with_group_id(group(to));
    if version < SEVERAL_LEAVE_SINCE {
        return request.with_member_id(text("x"));
    }
    let members = ["x", "y"].map(|id| MemberIdentity::default().with_member_id(text(id)));
    request.with_members(members.to_vec())
}

fn administration() -> Vec<Case> {
    vec![
        case("a group's coordinator", |version| find(version, 0)),
        case("the coordinator of what is neither group nor transaction", |version| {
            find(version, if version == 0 { 0 } else { 9 })
        }),
        case("an id for a producer", |_| {
            InitProducerIdRequest::default().with_transactional_id(None)
        }),
        case("an id for a transactional producer without a name", |_| {
            InitProducerIdRequest::default()
        }),
        case("an id for a transactional producer", |_| {
            let id = TransactionalId(text("shop"));
            let request = InitProducerIdRequest::default().with_transactional_id(Some(id));
            request.with_transaction_timeout_ms(1_000)
        })
        .differs("there are no transactions"),
        case("a group with offsets, and one that is absent", |_| {
            DescribeGroupsRequest::default().with_groups(vec![group(GROUP), group(ABSENT)])
        }),
        case("with operations", |_| {
            let request = DescribeGroupsRequest::default().with_groups(vec![group(GROUP)]);
            request.with_include_authorized_operations(true)
        }),
        case("groups in a state that none has", |_| {
            ListGroupsRequest::default().with_states_filter(vec![text("Dead")])
        }),
        case("groups of a type that none has", |_| {
            ListGroupsRequest::default().with_types_filter(vec![text("share")])
        }),
        case("a group that is absent", |_| {
            DeleteGroupsRequest::default().with_groups_names(vec![group(ABSENT)])
        }),
        case("a group without a name", |version| {
            // The offset that it was given above, once.
            let name = if version == 0 { "" } else { ABSENT };
            DeleteGroupsRequest::default().with_groups_names(vec![group(name)])
        }),
    ]
}

fn find(version: i16, key_type: i8) -> FindCoordinatorRequest {
    let request = FindCoordinatorRequest::default().with_key_type(key_type);
    if version < SEVERAL_FOUND_SINCE {
        return request.with_key(text(GROUP));
    }
    request.with_coordinator_keys(vec![text(GROUP), text(ABSENT)])
}
