//! Membership of consumer groups: `JoinGroup`, `SyncGroup`, Heartbeat, `LeaveGroup`.
//!
//! Static membership (`group.instance.id`, KIP-345) is refused with the error that Kafka gives
//! where it is switched off, `UNSUPPORTED_VERSION`.

use std::time::Duration;

use kafka_protocol::error::ResponseError;
use kafka_protocol::messages::join_group_response::JoinGroupResponseMember;
use kafka_protocol::messages::leave_group_response::MemberResponse;
use kafka_protocol::messages::{
    HeartbeatRequest, HeartbeatResponse, JoinGroupRequest, JoinGroupResponse, LeaveGroupRequest,
    LeaveGroupResponse, SyncGroupRequest, SyncGroupResponse,
};
use kafka_protocol::protocol::StrBytes;

use crate::groups::group::{Claim, IdFirst, Joined, Profile};
use crate::groups::handle::JoinRequest;
use crate::node::Node;
use crate::protocol::{Client, text};

/// The first `JoinGroup` version whose senders come back with the id they are given (KIP-394).
const ID_FIRST_SINCE: i16 = 4;

/// The first `JoinGroup` version that takes null for no protocol (KIP-559).
const NULL_PROTOCOL_SINCE: i16 = 7;

/// The first `LeaveGroup` version that names several members (KIP-345).
const SEVERAL_LEAVE_SINCE: i16 = 3;

pub(super) async fn join_group(
    node: &Node,
    version: i16,
    client: &Client,
    asked: JoinGroupRequest,
) -> JoinGroupResponse {
    let asked_id = asked.member_id.to_string();
    let refusal = check(&asked.group_id, asked.group_instance_id.as_ref());
    let (member_id, outcome) = if let Err(error) = refusal {
        (asked_id, Err(error))
    } else {
        let group = asked.group_id.to_string();
        let id_first =
            if version >= ID_FIRST_SINCE { IdFirst::Required } else { IdFirst::NotRequired };
        let join = JoinRequest { member_id: asked_id, id_first, profile: profile(client, asked) };
        node.groups.join(group, join).await
    };
    let response = JoinGroupResponse::default().with_member_id(text(&member_id));
    match outcome {
        Ok(joined) => generation(response, joined),
        Err(error) => {
            let protocol = (version < NULL_PROTOCOL_SINCE).then(StrBytes::default);
            response.with_error_code(error.code()).with_protocol_name(protocol)
        }
    }
}

fn profile(client: &Client, asked: JoinGroupRequest) -> Profile {
    let session_timeout = millis(asked.session_timeout_ms);
    // Version 0 has no rebalance timeout: the session timeout stands in for it.
    let rebalance_timeout = match asked.rebalance_timeout_ms {
        -1 => session_timeout,
        rebalance => millis(rebalance),
    };
    let protocols = asked.protocols.into_iter();
    // The copy frees the request's buffer, which would otherwise live as long as the member.
    let owned = |metadata: &[u8]| bytes::Bytes::copy_from_slice(metadata);
    Profile {
        client_id: client.id.clone(),
        client_host: format!("/{}", client.address.ip()),
        session_timeout,
        rebalance_timeout,
        protocol_type: asked.protocol_type.to_string(),
        protocols: protocols.map(|one| (one.name.to_string(), owned(&one.metadata))).collect(),
    }
}

fn generation(response: JoinGroupResponse, joined: Joined) -> JoinGroupResponse {
    let members = joined.members.into_iter().map(|(id, metadata)| {
        JoinGroupResponseMember::default()
            .with_member_id(StrBytes::from(id))
            .with_metadata(metadata)
    });
    response
        .with_generation_id(joined.generation)
        .with_protocol_type(Some(StrBytes::from(joined.protocol_type)))
        .with_protocol_name(Some(StrBytes::from(joined.protocol)))
        .with_leader(StrBytes::from(joined.leader))
        .with_members(members.collect())
}

pub(super) async fn sync_group(node: &Node, asked: SyncGroupRequest) -> SyncGroupResponse {
    let claim = Claim {
        protocol_type: asked.protocol_type.as_deref().map(str::to_owned),
        protocol: asked.protocol_name.as_deref().map(str::to_owned),
        ..claim(&asked.member_id, asked.generation_id)
    };
    let refusal = check(&asked.group_id, asked.group_instance_id.as_ref());
    let outcome = if let Err(error) = refusal {
        Err(error)
    } else {
        let assignments = asked
            .assignments
            .iter()
            .map(|one| (one.member_id.to_string(), bytes::Bytes::copy_from_slice(&one.assignment)));
        node.groups.sync(asked.group_id.to_string(), claim, assignments.collect()).await
    };
    match outcome {
        Ok(synced) => SyncGroupResponse::default()
            .with_protocol_type(Some(StrBytes::from(synced.protocol_type)))
            .with_protocol_name(Some(StrBytes::from(synced.protocol)))
            .with_assignment(synced.assignment),
        Err(error) => SyncGroupResponse::default().with_error_code(error.code()),
    }
}

pub(super) async fn heartbeat(node: &Node, asked: &HeartbeatRequest) -> HeartbeatResponse {
    let claim = claim(&asked.member_id, asked.generation_id);
    let outcome = match check(&asked.group_id, asked.group_instance_id.as_ref()) {
        Err(error) => Err(error),
        Ok(()) => node.groups.heartbeat(asked.group_id.to_string(), claim).await,
    };
    HeartbeatResponse::default().with_error_code(code(outcome))
}

pub(super) async fn leave_group(
    node: &Node,
    version: i16,
    asked: &LeaveGroupRequest,
) -> LeaveGroupResponse {
    let group = asked.group_id.to_string();
    let response = LeaveGroupResponse::default();
    if let Err(error) = check(&asked.group_id, None) {
        return response.with_error_code(error.code());
    }
    if version < SEVERAL_LEAVE_SINCE {
        let outcome = node.groups.leave(group, asked.member_id.to_string()).await;
        return response.with_error_code(code(outcome));
    }
    let mut members = Vec::with_capacity(asked.members.len());
    for member in &asked.members {
        let outcome = match check(&asked.group_id, member.group_instance_id.as_ref()) {
            Err(error) => Err(error),
            Ok(()) => node.groups.leave(group.clone(), member.member_id.to_string()).await,
        };
        let answer = MemberResponse::default().with_member_id(member.member_id.clone());
        let answer = answer.with_group_instance_id(member.group_instance_id.clone());
        members.push(answer.with_error_code(code(outcome)));
    }
    response.with_members(members)
}

/// Whom a request says it comes from.
pub(super) fn claim(member_id: &str, generation: i32) -> Claim {
    Claim { member_id: member_id.to_owned(), generation, protocol_type: None, protocol: None }
}

/// Refuses what no group may be called, and static members.
pub(super) fn check(group: &str, static_id: Option<&StrBytes>) -> Result<(), ResponseError> {
    if group.is_empty() {
        return Err(ResponseError::InvalidGroupId);
    }
    if static_id.is_some() {
        return Err(ResponseError::UnsupportedVersion);
    }
    Ok(())
}

/// Kafka's code for how something ended.
pub(super) fn code(outcome: Result<(), ResponseError>) -> i16 {
    outcome.map_or_else(|error| error.code(), |()| 0)
}

fn millis(millis: i32) -> Duration {
    Duration::from_millis(u64::try_from(millis).unwrap_or(0))
}
