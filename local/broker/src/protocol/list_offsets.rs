//! `ListOffsets` (by timestamp, and the special ones) and `OffsetForLeaderEpoch`.

use std::collections::BTreeMap;
use std::io;

use kafka_protocol::error::ResponseError;
use kafka_protocol::messages::list_offsets_response::{
    ListOffsetsPartitionResponse, ListOffsetsTopicResponse,
};
use kafka_protocol::messages::offset_for_leader_epoch_response::{
    EpochEndOffset, OffsetForLeaderTopicResult,
};
use kafka_protocol::messages::{
    ListOffsetsRequest, ListOffsetsResponse, OffsetForLeaderEpochRequest,
    OffsetForLeaderEpochResponse,
};
use tokio::task::spawn_blocking;

use crate::batch::LEADER_EPOCH;
use crate::log::{self, LogHandle, Stamp};
use crate::node::Node;

/// `ListOffsetsRequest.LATEST_TIMESTAMP`.
const LATEST: i64 = -1;
/// `ListOffsetsRequest.EARLIEST_TIMESTAMP`.
const EARLIEST: i64 = -2;
/// `ListOffsetsRequest.MAX_TIMESTAMP` (KIP-734).
const MAX_TIMESTAMP: i64 = -3;
/// `ListOffsetsRequest.EARLIEST_LOCAL_TIMESTAMP` (KIP-405): all of the log is local.
const EARLIEST_LOCAL: i64 = -4;

/// `ListOffsetsRequest.LATEST_TIERED_TIMESTAMP` (KIP-1005): nothing of the log is elsewhere.
const LATEST_TIERED: i64 = -5;

/// The first version that tells the epoch of the leader (KIP-320).
const EPOCH_SINCE: i16 = 4;

/// An offset with its timestamp; both -1 where there is none.
struct Place {
    offset: i64,
    timestamp: i64,
}

const NOWHERE: Place = Place { offset: -1, timestamp: -1 };

pub(super) async fn list_offsets(
    node: &Node,
    version: i16,
    asked: ListOffsetsRequest,
) -> ListOffsetsResponse {
    let catalogue = node.topics.catalogue();
    let mut topics = Vec::with_capacity(asked.topics.len());
    for topic in asked.topics {
        let known = catalogue.topic(&topic.name);
        let mut partitions = Vec::with_capacity(topic.partitions.len());
        let mut named: BTreeMap<i32, usize> = BTreeMap::new();
        for partition in &topic.partitions {
            *named.entry(partition.partition_index).or_default() += 1;
        }
        for partition in topic.partitions {
            let index = partition.partition_index;
            let log = check_time(version, partition.timestamp)
                .and_then(|()| check_epoch(partition.current_leader_epoch))
                .and(known)
                .and_then(|topic| topic.partition(index));
            let place = match log {
                _ if named[&index] > 1 => Err(ResponseError::InvalidRequest),
                Ok(log) => find(log, partition.timestamp).await,
                Err(error) => Err(error),
            };
            partitions.push(answer(version, index, place));
        }
        let response = ListOffsetsTopicResponse::default().with_name(topic.name);
        topics.push(response.with_partitions(partitions));
    }
    ListOffsetsResponse::default().with_topics(topics)
}

/// Which special times a version knows; any other below 0 is refused.
fn check_time(version: i16, timestamp: i64) -> Result<(), ResponseError> {
    let since = match timestamp {
        0.. | LATEST | EARLIEST => 0,
        MAX_TIMESTAMP => 7,
        EARLIEST_LOCAL => 8,
        LATEST_TIERED => 9,
        _ => i16::MAX,
    };
    if version >= since { Ok(()) } else { Err(ResponseError::UnsupportedVersion) }
}

async fn find(log: &LogHandle, timestamp: i64) -> Result<Place, ResponseError> {
    let view = log.view.borrow().clone();
    let ends = view.ends();
    let found = match timestamp {
        LATEST => return Ok(Place { offset: ends.end, timestamp: -1 }),
        EARLIEST | EARLIEST_LOCAL => return Ok(Place { offset: ends.start, timestamp: -1 }),
        MAX_TIMESTAMP => search(move || view.find_newest()).await?,
        LATEST_TIERED => None,
        timestamp => search(move || view.find_timestamp(timestamp)).await?,
    };
    let place = |stamp: Stamp| Place { offset: stamp.offset, timestamp: stamp.timestamp };
    Ok(found.map_or(NOWHERE, place))
}

/// Searches where it may wait for the disk: what is asked for may be old.
async fn search(
    look: impl FnOnce() -> io::Result<Option<Stamp>> + Send + 'static,
) -> Result<Option<Stamp>, ResponseError> {
    match spawn_blocking(look).await {
        Ok(Ok(found)) => Ok(found),
        Ok(Err(error)) => Err(log::unreadable(&error)),
        Err(_stopping) => Err(ResponseError::UnknownServerError),
    }
}

fn answer(
    version: i16,
    index: i32,
    place: Result<Place, ResponseError>,
) -> ListOffsetsPartitionResponse {
    let mut response = ListOffsetsPartitionResponse::default().with_partition_index(index);
    if version >= EPOCH_SINCE && place.as_ref().is_ok_and(|place| place.offset >= 0) {
        response.leader_epoch = LEADER_EPOCH;
    }
    let (error, place) = match place {
        Ok(place) => (0, place),
        Err(error) => (error.code(), NOWHERE),
    };
    response.with_error_code(error).with_offset(place.offset).with_timestamp(place.timestamp)
}

pub(super) fn offset_for_leader_epoch(
    node: &Node,
    asked: &OffsetForLeaderEpochRequest,
) -> OffsetForLeaderEpochResponse {
    let catalogue = node.topics.catalogue();
    let topics = asked.topics.iter().map(|topic| {
        let known = catalogue.topic(&topic.topic);
        let partitions = topic.partitions.iter().map(|partition| {
            let log = check_epoch(partition.current_leader_epoch)
                .and(known)
                .and_then(|topic| topic.partition(partition.partition));
            let response = EpochEndOffset::default().with_partition(partition.partition);
            match log {
                Err(error) => response.with_error_code(error.code()),
                Ok(log) if partition.leader_epoch == LEADER_EPOCH => response
                    .with_leader_epoch(LEADER_EPOCH)
                    .with_end_offset(log.view.borrow().ends().end),
                // No such epoch: undefined, which is the default.
                Ok(_) => response,
            }
        });
        let partitions = partitions.collect();
        let response = OffsetForLeaderTopicResult::default().with_topic(topic.topic.clone());
        response.with_partitions(partitions)
    });
    OffsetForLeaderEpochResponse::default().with_topics(topics.collect())
}

/// Checks the epoch that a client believes the leader has (KIP-320); -1 is none.
pub(super) fn check_epoch(epoch: i32) -> Result<(), ResponseError> {
    if epoch > LEADER_EPOCH { Err(ResponseError::UnknownLeaderEpoch) } else { Ok(()) }
}
