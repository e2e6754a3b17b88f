//! The layouts against the codec: bytes made from a layout must decode, to the last one.

use bytes::{BufMut, Bytes};
use kafka_protocol::messages as api;
use kafka_protocol::protocol::Decodable;
use proptest::prelude::*;

use super::*;
use crate::protocol::versions;

/// A request with two elements in every array.
pub(in crate::protocol) fn sample(key: ApiKey, version: i16) -> Vec<u8> {
    let layout = layouts::layout(key).unwrap();
    let mut bytes = Vec::new();
    put_structure(&mut bytes, layout.fields, version, version >= layout.compact_since);
    bytes
}

fn put_structure(into: &mut Vec<u8>, fields: &[Field], version: i16, compact: bool) {
    for field in fields.iter().filter(|one| (one.since..=one.until).contains(&version)) {
        put_field(into, &field.shape, version, compact);
    }
    if compact {
        into.put_slice(&[1, 99, 1, 0]);
    }
}

fn put_field(into: &mut Vec<u8>, shape: &Shape, version: i16, compact: bool) {
    match shape {
        Shape::Fixed(size) => into.put_bytes(0, *size),
        Shape::Text if compact => into.put_slice(&[3, b'a', b'b']),
        Shape::Text => into.put_slice(&[0, 2, b'a', b'b']),
        Shape::Blob if compact => into.put_slice(&[3, 1, 2]),
        Shape::Blob => into.put_slice(&[0, 0, 0, 2, 1, 2]),
        Shape::Items(_) | Shape::Structs(_) => {
            into.put_slice(if compact { &[3] } else { &[0, 0, 0, 2] });
            for _ in 0..2 {
                match shape {
                    Shape::Items(shape) => put_field(into, shape, version, compact),
                    Shape::Structs(fields) => put_structure(into, fields, version, compact),
                    Shape::Fixed(_) | Shape::Text | Shape::Blob => {}
                }
            }
        }
    }
}

/// Decodes with the codec and returns how many bytes it left.
fn decode(key: ApiKey, version: i16, bytes: Vec<u8>) -> Result<usize, String> {
    fn with<Q: Decodable>(version: i16, bytes: Vec<u8>) -> Result<usize, String> {
        let mut body = Bytes::from(bytes);
        Q::decode(&mut body, version).map(|_| body.len()).map_err(|error| format!("{error:#}"))
    }
    match key {
        ApiKey::Produce => with::<api::ProduceRequest>(version, bytes),
        ApiKey::Fetch => with::<api::FetchRequest>(version, bytes),
        ApiKey::ListOffsets => with::<api::ListOffsetsRequest>(version, bytes),
        ApiKey::Metadata => with::<api::MetadataRequest>(version, bytes),
        ApiKey::OffsetCommit => with::<api::OffsetCommitRequest>(version, bytes),
        ApiKey::OffsetFetch => with::<api::OffsetFetchRequest>(version, bytes),
        ApiKey::FindCoordinator => with::<api::FindCoordinatorRequest>(version, bytes),
        ApiKey::JoinGroup => with::<api::JoinGroupRequest>(version, bytes),
        ApiKey::Heartbeat => with::<api::HeartbeatRequest>(version, bytes),
        ApiKey::LeaveGroup => with::<api::LeaveGroupRequest>(version, bytes),
        ApiKey::SyncGroup => with::<api::SyncGroupRequest>(version, bytes),
        ApiKey::DescribeGroups => with::<api::DescribeGroupsRequest>(version, bytes),
        ApiKey::ListGroups => with::<api::ListGroupsRequest>(version, bytes),
        ApiKey::ApiVersions => with::<api::ApiVersionsRequest>(version, bytes),
        ApiKey::CreateTopics => with::<api::CreateTopicsRequest>(version, bytes),
        ApiKey::DeleteTopics => with::<api::DeleteTopicsRequest>(version, bytes),
        ApiKey::DeleteRecords => with::<api::DeleteRecordsRequest>(version, bytes),
        ApiKey::InitProducerId => with::<api::InitProducerIdRequest>(version, bytes),
        ApiKey::OffsetForLeaderEpoch => with::<api::OffsetForLeaderEpochRequest>(version, bytes),
        ApiKey::DescribeConfigs => with::<api::DescribeConfigsRequest>(version, bytes),
        ApiKey::DescribeLogDirs => with::<api::DescribeLogDirsRequest>(version, bytes),
        ApiKey::CreatePartitions => with::<api::CreatePartitionsRequest>(version, bytes),
        ApiKey::DeleteGroups => with::<api::DeleteGroupsRequest>(version, bytes),
        ApiKey::AlterConfigs => with::<api::AlterConfigsRequest>(version, bytes),
        ApiKey::IncrementalAlterConfigs => {
            with::<api::IncrementalAlterConfigsRequest>(version, bytes)
        }
        ApiKey::OffsetDelete => with::<api::OffsetDeleteRequest>(version, bytes),
        ApiKey::DescribeCluster => with::<api::DescribeClusterRequest>(version, bytes),
        key => Err(format!("{key:?} is not answered")),
    }
}

#[test]
fn every_layout_is_the_codecs_in_every_version() {
    for (key, version) in versions::all() {
        let bytes = sample(key, version);
        assert!(holds(key, version, &bytes), "{key:?} {version}");
        assert_eq!(decode(key, version, bytes), Ok(0), "{key:?} {version}");
    }
}

#[test]
fn a_request_cut_anywhere_is_refused() {
    for (key, version) in versions::all() {
        let bytes = sample(key, version);
        for length in 0..bytes.len() {
            assert!(!holds(key, version, &bytes[..length]), "{key:?} {version} to {length}");
        }
    }
}

#[test]
fn a_count_beyond_the_request_is_refused() {
    let metadata = [0x7f, 0xff, 0xff, 0xff];
    assert!(!holds(ApiKey::Metadata, 1, &metadata));
    let compact = [0xff, 0xff, 0xff, 0xff, 0x0f, 0, 0, 0];
    assert!(!holds(ApiKey::Metadata, 9, &compact));
}

#[test]
fn more_elements_than_any_honest_request_has_are_refused() {
    let names = ELEMENTS_MAX + 1;
    let mut bytes = u32::try_from(names).unwrap().to_be_bytes().to_vec();
    bytes.extend([0, 0].repeat(names));
    assert!(!holds(ApiKey::DeleteGroups, 0, &bytes));
}

proptest! {
    /// Whatever passes can be decoded, or fails to, without a panic and without much memory.
    #[test]
    fn mutated_requests_never_panic(
        at in 0..200_usize, pick in any::<prop::sample::Index>(), byte in any::<u8>(),
    ) {
        let all: Vec<_> = versions::all().collect();
        let (key, version) = all[pick.index(all.len())];
        let mut bytes = sample(key, version);
        let place = at % bytes.len().max(1);
        if let Some(target) = bytes.get_mut(place) {
            *target = byte;
        }
        if holds(key, version, &bytes) {
            let _outcome = decode(key, version, bytes);
        }
    }
}
