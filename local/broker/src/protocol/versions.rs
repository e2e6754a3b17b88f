//! Which requests are answered, in which versions, and the `ApiVersions` answer that says so.

use kafka_protocol::error::ResponseError;
use kafka_protocol::messages::api_versions_response::ApiVersion;
use kafka_protocol::messages::{ApiKey, ApiVersionsRequest, ApiVersionsResponse};

/// A request with the versions that work.
struct Supported {
    key: ApiKey,
    min: i16,
    max: i16,
}

const fn supports(key: ApiKey, min: i16, max: i16) -> Supported {
    Supported { key, min, max }
}

/// Everything answered here. Where the newest version is left out, it needs something that is:
/// topic ids in commits (`OffsetCommit` 10), transactions (`InitProducerId` 5), fetch sessions' log
/// directories (Fetch 17).
const SUPPORTED: &[Supported] = &[
    supports(ApiKey::Produce, 3, 11),
    supports(ApiKey::Fetch, 4, 16),
    supports(ApiKey::ListOffsets, 1, 9),
    supports(ApiKey::Metadata, 0, 12),
    supports(ApiKey::OffsetCommit, 2, 9),
    supports(ApiKey::OffsetFetch, 1, 9),
    supports(ApiKey::FindCoordinator, 0, 5),
    supports(ApiKey::JoinGroup, 0, 9),
    supports(ApiKey::Heartbeat, 0, 4),
    supports(ApiKey::LeaveGroup, 0, 5),
    supports(ApiKey::SyncGroup, 0, 5),
    supports(ApiKey::DescribeGroups, 0, 5),
    supports(ApiKey::ListGroups, 0, 5),
    supports(ApiKey::ApiVersions, 0, 4),
    supports(ApiKey::CreateTopics, 2, 7),
    supports(ApiKey::DeleteTopics, 1, 6),
    supports(ApiKey::DeleteRecords, 0, 2),
    supports(ApiKey::InitProducerId, 0, 4),
    supports(ApiKey::OffsetForLeaderEpoch, 2, 4),
    supports(ApiKey::DescribeConfigs, 1, 4),
    supports(ApiKey::AlterConfigs, 0, 2),
    supports(ApiKey::DescribeLogDirs, 1, 4),
    supports(ApiKey::CreatePartitions, 0, 3),
    supports(ApiKey::DeleteGroups, 0, 2),
    supports(ApiKey::IncrementalAlterConfigs, 0, 1),
    supports(ApiKey::OffsetDelete, 0, 0),
    supports(ApiKey::DescribeCluster, 0, 1),
];

/// The request with this key, where this version of it works.
pub(super) fn supported(key: i16, version: i16) -> Option<ApiKey> {
    let mut all = SUPPORTED.iter();
    let found = all.find(|one| one.key as i16 == key && (one.min..=one.max).contains(&version));
    found.map(|one| one.key)
}

/// All requests that are answered.
pub(crate) fn answered() -> impl Iterator<Item = ApiKey> {
    SUPPORTED.iter().map(|one| one.key)
}

/// The same for every client, whatever it says it is.
pub(super) fn api_versions(_asked: &ApiVersionsRequest) -> ApiVersionsResponse {
    ApiVersionsResponse::default().with_api_keys(listed())
}

/// The answer to an `ApiVersions` request newer than any here (KIP-511).
pub(super) fn too_new() -> ApiVersionsResponse {
    let error = ResponseError::UnsupportedVersion.code();
    ApiVersionsResponse::default().with_error_code(error).with_api_keys(listed())
}

fn listed() -> Vec<ApiVersion> {
    let list = |one: &Supported| {
        // Some librdkafka versions take a broker that does not list Produce 0 for one that cannot
        // do compression; Kafka 4 lists it for their sake too, without answering it (KAFKA-18659).
        let min = if one.key == ApiKey::Produce { 0 } else { one.min };
        let version = ApiVersion::default().with_api_key(one.key as i16);
        version.with_min_version(min).with_max_version(one.max)
    };
    SUPPORTED.iter().map(list).collect()
}

#[cfg(test)]
pub(super) fn all() -> impl Iterator<Item = (ApiKey, i16)> {
    SUPPORTED.iter().flat_map(|one| (one.min..=one.max).map(|version| (one.key, version)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_listed_version_is_one_the_codec_knows() {
        for one in SUPPORTED {
            let known = one.key.valid_versions();
            assert!(known.min <= one.min && one.max <= known.max, "{:?}", one.key);
        }
    }

    #[test]
    fn produce_is_listed_from_zero_and_answered_from_three() {
        assert!(supported(0, 2).is_none());
        assert!(supported(0, 3).is_some());
        let produce = listed().into_iter().find(|one| one.api_key == 0).unwrap();
        assert_eq!(produce.min_version, 0);
    }
}
