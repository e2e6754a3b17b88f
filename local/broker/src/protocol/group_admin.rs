//! Groups as administrators see them: `DescribeGroups`, `ListGroups`, `DeleteGroups`.

use kafka_protocol::error::ResponseError;
use kafka_protocol::messages::delete_groups_response::DeletableGroupResult;
use kafka_protocol::messages::describe_groups_response::{DescribedGroup, DescribedGroupMember};
use kafka_protocol::messages::list_groups_response::ListedGroup;
use kafka_protocol::messages::{
    DeleteGroupsRequest, DeleteGroupsResponse, DescribeGroupsRequest, DescribeGroupsResponse,
    GroupId, ListGroupsRequest, ListGroupsResponse,
};
use kafka_protocol::protocol::StrBytes;

use crate::groups::handle::{DescribedMember, Description};
use crate::node::Node;
use crate::protocol::membership::code;
use crate::protocol::text;

/// All operations of a group as a bit field: read, delete, describe.
const GROUP_OPERATIONS: i32 = 0b1_0100_1000;

/// The first version that can ask for operations (KIP-430).
const OPERATIONS_SINCE: i16 = 3;

/// The type of every group here (KIP-848).
const GROUP_TYPE: &str = "classic";

pub(super) async fn describe_groups(
    node: &Node,
    version: i16,
    asked: DescribeGroupsRequest,
) -> DescribeGroupsResponse {
    let with_operations = asked.include_authorized_operations && version >= OPERATIONS_SINCE;
    let mut groups = Vec::with_capacity(asked.groups.len());
    for id in asked.groups {
        let answer = match node.groups.describe(id.to_string()).await {
            Err(error) => DescribedGroup::default().with_error_code(error.code()),
            // A group that does not exist is a dead one, not an error.
            Ok(None) => DescribedGroup::default().with_group_state(text("Dead")),
            Ok(Some(group)) => describe(group),
        };
        let mut answer = answer.with_group_id(id);
        if with_operations {
            answer.authorized_operations = GROUP_OPERATIONS;
        }
        groups.push(answer);
    }
    DescribeGroupsResponse::default().with_groups(groups)
}

fn describe(group: Description) -> DescribedGroup {
    DescribedGroup::default()
        .with_group_state(text(group.state))
        .with_protocol_type(StrBytes::from(group.protocol_type))
        .with_protocol_data(StrBytes::from(group.protocol))
        .with_members(group.members.into_iter().map(member).collect())
}

fn member(member: DescribedMember) -> DescribedGroupMember {
    DescribedGroupMember::default()
        .with_member_id(StrBytes::from(member.member_id))
        .with_client_id(StrBytes::from(member.client_id))
        .with_client_host(StrBytes::from(member.client_host))
        .with_member_metadata(member.metadata)
        .with_member_assignment(member.assignment)
}

pub(super) async fn list_groups(node: &Node, asked: &ListGroupsRequest) -> ListGroupsResponse {
    let response = ListGroupsResponse::default();
    let groups = match node.groups.list().await {
        Ok(groups) => groups,
        Err(error) => return response.with_error_code(error.code()),
    };
    let listed = |filter: &[StrBytes], word: &str| {
        filter.is_empty() || filter.iter().any(|wanted| wanted.eq_ignore_ascii_case(word))
    };
    let groups = groups.into_iter().filter(|group| {
        listed(&asked.states_filter, group.state) && listed(&asked.types_filter, GROUP_TYPE)
    });
    let groups = groups.map(|group| {
        ListedGroup::default()
            .with_group_id(GroupId(StrBytes::from(group.group)))
            .with_protocol_type(StrBytes::from(group.protocol_type))
            .with_group_state(text(group.state))
            .with_group_type(text(GROUP_TYPE))
    });
    response.with_groups(groups.collect())
}

pub(super) async fn delete_groups(node: &Node, asked: DeleteGroupsRequest) -> DeleteGroupsResponse {
    let mut results = Vec::with_capacity(asked.groups_names.len());
    for id in asked.groups_names {
        let outcome: Result<(), ResponseError> = node.groups.delete_group(id.to_string()).await;
        let result = DeletableGroupResult::default().with_group_id(id);
        results.push(result.with_error_code(code(outcome)));
    }
    DeleteGroupsResponse::default().with_results(results)
}
