//! A member of a group asks on after its broker was stopped and started again.

use bytes::Bytes;
use kafka_protocol::messages::offset_commit_request::{
    OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use kafka_protocol::messages::sync_group_request::SyncGroupRequestAssignment;
use kafka_protocol::messages::{
    DescribeGroupsRequest, DescribeGroupsResponse, GroupId, HeartbeatRequest, JoinGroupResponse,
    OffsetCommitRequest, SyncGroupRequest,
};
use kafka_protocol::protocol::{Decodable, Request, StrBytes};
use tokio::time::Instant;

use super::cases::{TOPIC, name, text};
use super::group_cases::join;
use super::{ApiKey, BytesMut, Connection, Row, cleaned};
use crate::clusters::{Clusters, LIMIT};

const GROUP: &str = "requests.outliving";

/// What a coordinator says that has not read its groups yet.
const NOT_YET: std::ops::RangeInclusive<i16> = 14..=16;

/// A member that knows its generation.
struct Member {
    id: StrBytes,
    generation: i32,
}

pub(super) async fn compare(
    clusters: &Clusters,
    real: &mut Connection,
    ours: &mut Connection,
) -> Vec<Row> {
    let members = (Member::join(real).await, Member::join(ours).await);
    clusters.restart().await;
    let real = members.0.go_on(real).await;
    let ours = members.1.go_on(ours).await;
    let rows = real.into_iter().zip(ours).map(|((api, version, real), (.., ours))| {
        let is_same = real == ours;
        Row {
            api: format!("{api:?}"),
            asked: "by a member, after the broker restarted",
            reason: None,
            same: is_same.then_some(version).into_iter().collect(),
            different: (!is_same).then_some((version, real, ours)).into_iter().collect(),
        }
    });
    rows.collect()
}

impl Member {
    /// Alone, in versions in which that takes one request each.
    async fn join(connection: &mut Connection) -> Self {
        // Longer than any restart: what a lost session is answered is another question.
        let join = join(GROUP).with_session_timeout_ms(60_000).with_rebalance_timeout_ms(60_000);
        let joined: JoinGroupResponse = ask(connection, 3, &join).await;
        let member = Self { id: joined.member_id, generation: joined.generation_id };
        let assignment = SyncGroupRequestAssignment::default()
            .with_member_id(member.id.clone())
            .with_assignment(Bytes::from_static(b"all"));
        ask(connection, 2, &member.sync().with_assignments(vec![assignment])).await;
        member
    }

    fn sync(&self) -> SyncGroupRequest {
        SyncGroupRequest::default()
            .with_group_id(GroupId(text(GROUP)))
            .with_generation_id(self.generation)
            .with_member_id(self.id.clone())
    }

    fn beat(&self) -> HeartbeatRequest {
        HeartbeatRequest::default()
            .with_group_id(GroupId(text(GROUP)))
            .with_generation_id(self.generation)
            .with_member_id(self.id.clone())
    }

    fn commit(&self) -> OffsetCommitRequest {
        let offset = OffsetCommitRequestPartition::default().with_committed_offset(1);
        let topic = OffsetCommitRequestTopic::default()
            .with_name(name(TOPIC))
            .with_partitions(vec![offset]);
        OffsetCommitRequest::default()
            .with_group_id(GroupId(text(GROUP)))
            .with_generation_id_or_member_epoch(self.generation)
            .with_member_id(self.id.clone())
            .with_topics(vec![topic])
    }

    async fn go_on(&self, connection: &mut Connection) -> Vec<(ApiKey, i16, String)> {
        let until = Instant::now() + LIMIT;
        connection.reopen().await;
        let described = DescribeGroupsRequest::default().with_groups(vec![GroupId(text(GROUP))]);
        // Kafka takes heartbeats blindly while it loads its groups.
        loop {
            let group: DescribeGroupsResponse = ask(connection, 3, &described).await;
            let error = group.groups.first().map_or(0, |group| group.error_code);
            if !NOT_YET.contains(&error) || Instant::now() > until {
                break;
            }
        }
        vec![
            (ApiKey::Heartbeat, 2, said(&ask(connection, 2, &self.beat()).await)),
            (ApiKey::SyncGroup, 2, said(&ask(connection, 2, &self.sync()).await)),
            (ApiKey::OffsetCommit, 6, said(&ask(connection, 6, &self.commit()).await)),
            (ApiKey::DescribeGroups, 3, said(&ask(connection, 3, &described).await)),
        ]
    }
}

fn said(answer: &impl std::fmt::Debug) -> String {
    cleaned(&format!("{answer:?}"))
}

async fn ask<Q: Request>(connection: &mut Connection, version: i16, request: &Q) -> Q::Response {
    let mut body = BytesMut::new();
    request.encode(&mut body, version).expect("a request of its version");
    let api = ApiKey::try_from(Q::KEY).expect("a request of the codec");
    let answer = connection.call(api, version, &body).await.expect("an answer");
    Q::Response::decode(&mut Bytes::from(answer), version).expect("an answer of its version")
}
