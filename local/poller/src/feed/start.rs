//! Where a partition starts: at the group's committed offset, or where the mapping says.
//!
//! Source: <https://docs.aws.amazon.com/lambda/latest/dg/kafka-consumer-group-id.html>.

use std::collections::BTreeMap;

use rdkafka::consumer::{CommitMode, Consumer as _};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::{Offset, TopicPartitionList};

use crate::config::StartingPosition;
use crate::feed::Consumer;
use crate::mapping::{Position, Start};
use crate::questions::{all_partitions, committed, listed};

/// What Kafka knows about one partition.
#[derive(Clone, Copy, Debug)]
struct Known {
    /// The group's committed offset.
    committed: Option<i64>,
    /// The first offset kept.
    low: i64,
    /// The offset after the last record.
    high: i64,
    /// The first offset at or after the starting timestamp, where there is one of either.
    at_timestamp: Option<i64>,
}

/// Why a partition starts where it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reason {
    /// The group goes on.
    Committed,
    /// The group is new; the mapping's starting position counts.
    Fresh,
    /// The group is not new but the partition is: its records would otherwise be lost.
    NewPartition,
    /// What was committed is no longer there: retention removed it, or the topic was made anew.
    OutOfRange,
}

/// Finds where each of `partitions` starts, and commits what was not committed before: a restart
/// before the first batch must not move `LATEST`.
pub(crate) fn resolve(
    consumer: &Consumer,
    topic: &str,
    partitions: &[i32],
    starting: StartingPosition,
) -> KafkaResult<Vec<Start>> {
    if partitions.is_empty() {
        return Ok(Vec::new());
    }
    let all = all_partitions(consumer, topic)?;
    if !partitions.iter().all(|partition| all.contains(partition)) {
        // A broker that has just started, or lags behind. Without all partitions the group would
        // look new, and its offsets would be committed over.
        return Err(KafkaError::MetadataFetch(RDKafkaErrorCode::UnknownTopicOrPartition));
    }
    let committed = committed(consumer, topic, &all)?;
    let lows = listed(consumer, topic, partitions, Offset::Beginning)?;
    let highs = listed(consumer, topic, partitions, Offset::End)?;
    let at_timestamp = match starting {
        StartingPosition::AtTimestamp { timestamp_ms } => {
            listed(consumer, topic, partitions, Offset::Offset(timestamp_ms))?
        }
        StartingPosition::TrimHorizon | StartingPosition::Latest => BTreeMap::new(),
    };
    let mut starts = Vec::with_capacity(partitions.len());
    let mut fresh = TopicPartitionList::new();
    for &partition in partitions {
        let known = Known {
            committed: committed.get(&partition).map(|position| position.next),
            low: lows.get(&partition).copied().unwrap_or(0),
            high: highs.get(&partition).copied().unwrap_or(0),
            at_timestamp: at_timestamp.get(&partition).copied(),
        };
        let (offset, reason) = start(known, starting, committed.is_empty());
        if reason != Reason::Committed {
            fresh.add_partition_offset(topic, partition, Offset::Offset(offset))?;
        }
        if reason == Reason::OutOfRange {
            tracing::warn!(
                kafka.topic = topic,
                kafka.partition = partition,
                kafka.offset = offset,
                committed = known.committed,
                "The committed offset is out of range; starting position applied again",
            );
        }
        // What is remembered belongs to the offset it was committed with.
        let memory = match reason {
            Reason::Committed => committed.get(&partition).map(|found| found.memory.clone()),
            Reason::Fresh | Reason::NewPartition | Reason::OutOfRange => None,
        };
        let position = Position { next: offset, memory: memory.unwrap_or_default() };
        starts.push(Start { partition, position });
    }
    if fresh.count() > 0 {
        consumer.commit(&fresh, CommitMode::Sync)?;
    }
    Ok(starts)
}

fn start(known: Known, starting: StartingPosition, group_is_new: bool) -> (i64, Reason) {
    let reason = match known.committed {
        Some(committed) if (known.low..=known.high).contains(&committed) => {
            return (committed, Reason::Committed);
        }
        Some(_) => Reason::OutOfRange,
        None if group_is_new => Reason::Fresh,
        None => return (known.low, Reason::NewPartition),
    };
    let offset = match starting {
        StartingPosition::TrimHorizon => known.low,
        StartingPosition::Latest => known.high,
        StartingPosition::AtTimestamp { .. } => known.at_timestamp.unwrap_or(known.high),
    };
    (offset, reason)
}

#[cfg(test)]
mod tests {
    use rdkafka::mocking::MockCluster;
    use rdkafka::types::RDKafkaRespErr;

    use super::*;
    use crate::config::{EventSource, FailureHandling, MappingConfig, Pollers};
    use crate::feed;

    /// What a broker knows that has just started: it has the partitions, and not yet their topic.
    #[test]
    fn a_kafka_that_does_not_know_the_topic_yet_is_asked_again_and_no_offset_is_lost() {
        let kafka = MockCluster::new(1).unwrap();
        kafka.create_topic("events", 1, 1).unwrap();
        let config = MappingConfig {
            id: "id".to_owned(),
            function: "process".to_owned(),
            topic: "events".to_owned(),
            bootstrap_servers: kafka.bootstrap_servers(),
            source: EventSource::SelfManaged,
            batch_size: 1,
            window: None,
            starting_position: StartingPosition::Latest,
            group_id: "group".to_owned(),
            enabled: true,
            filters: Vec::new(),
            failures: FailureHandling::default(),
            pollers: Pollers::default(),
            system_log: None,
            access: crate::access::Access::default(),
            client_settings: BTreeMap::new(),
        };
        let client = feed::create(&config, 0).unwrap();
        let resolve = || resolve(&client.consumer, "events", &[0], StartingPosition::Latest);
        let position = Position { next: 0, memory: String::new() };
        assert_eq!(resolve().unwrap(), [Start { partition: 0, position }]);
        let unknown = RDKafkaRespErr::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
        kafka.topic_error("events", unknown).unwrap();
        let unknown = KafkaError::MetadataFetch(RDKafkaErrorCode::UnknownTopicOrPartition);
        assert_eq!(resolve(), Err(unknown));
    }

    const AT: StartingPosition = StartingPosition::AtTimestamp { timestamp_ms: 7 };

    fn known(committed: Option<i64>) -> Known {
        Known { committed, low: 10, high: 20, at_timestamp: Some(15) }
    }

    #[track_caller]
    fn check(known: Known, starting: StartingPosition, new: bool, expected: (i64, Reason)) {
        assert_eq!(start(known, starting, new), expected);
    }

    #[test]
    fn a_committed_offset_wins_over_the_starting_position() {
        for starting in [StartingPosition::TrimHorizon, StartingPosition::Latest, AT] {
            for committed in [10, 12, 20] {
                check(known(Some(committed)), starting, false, (committed, Reason::Committed));
            }
        }
    }

    #[test]
    fn a_new_group_starts_where_the_mapping_says() {
        check(known(None), StartingPosition::TrimHorizon, true, (10, Reason::Fresh));
        check(known(None), StartingPosition::Latest, true, (20, Reason::Fresh));
        check(known(None), AT, true, (15, Reason::Fresh));
    }

    #[test]
    fn a_timestamp_after_the_last_record_starts_at_the_end() {
        let known = Known { at_timestamp: None, ..known(None) };
        check(known, AT, true, (20, Reason::Fresh));
    }

    #[test]
    fn a_new_partition_of_a_known_group_starts_at_its_first_record() {
        check(known(None), StartingPosition::Latest, false, (10, Reason::NewPartition));
    }

    #[test]
    fn an_offset_out_of_range_starts_where_the_mapping_says() {
        check(known(Some(9)), StartingPosition::TrimHorizon, false, (10, Reason::OutOfRange));
        check(known(Some(21)), StartingPosition::Latest, false, (20, Reason::OutOfRange));
        check(known(Some(21)), AT, false, (15, Reason::OutOfRange));
    }
}
