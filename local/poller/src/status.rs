//! What a mapping says about itself.

use serde::Serialize;

use crate::mapping::{Counts, Mapping, Membership};

/// A mapping's state and how far it is behind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MappingStatus {
    /// Whether it is reading.
    pub state: MappingState,
    /// Records written but not yet processed, over all partitions (AWS's `OffsetLag`); `None`
    /// while Kafka cannot say, or before the group has a position in every partition.
    pub lag: Option<i64>,
    /// The partitions of the topic, in order.
    pub partitions: Vec<PartitionStatus>,
    /// What it has counted since it was started.
    pub counts: Counts,
}

/// One partition's progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct PartitionStatus {
    /// The partition's number.
    pub partition: i32,
    /// The group's committed offset: the next record to process; `None` before the first commit.
    pub committed: Option<i64>,
    /// The offset after the last record; `None` while Kafka cannot say.
    pub end: Option<i64>,
}

impl PartitionStatus {
    /// Records written but not yet processed, where both ends are known.
    pub(crate) fn lag(&self) -> Option<i64> {
        Some((self.end? - self.committed?).max(0))
    }
}

/// What can be seen of one poller without asking it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) state: MappingState,
    pub(crate) counts: Counts,
}

impl Seen {
    pub(crate) fn of(mapping: &Mapping) -> Self {
        Self { state: MappingState::of(mapping), counts: mapping.counts() }
    }
}

/// A mapping's `State`, spelt as AWS spells it where AWS has the word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum MappingState {
    /// Reading and invoking.
    Enabled,
    /// Paused, with invocations or commits still to finish.
    Disabling,
    /// Paused; the consumer group has been left.
    Disabled,
    /// Shut down, or broken by a bug; it does not come back.
    Stopped,
}

impl MappingState {
    /// The state that a running mapping is in.
    pub(crate) fn of(mapping: &Mapping) -> Self {
        match mapping.membership() {
            Membership::Joined => Self::Enabled,
            Membership::Leaving => Self::Disabling,
            Membership::Left if !mapping.is_out() => Self::Disabling,
            Membership::Left => Self::Disabled,
        }
    }
}

impl MappingStatus {
    /// The status of a mapping that cannot say more than its state.
    pub(crate) fn unknown(state: MappingState, counts: Counts) -> Self {
        Self { state, lag: None, partitions: Vec::new(), counts }
    }

    /// The status of a mapping whose partitions are known.
    pub(crate) fn new(
        state: MappingState,
        counts: Counts,
        partitions: Vec<PartitionStatus>,
    ) -> Self {
        let lag = partitions
            .iter()
            .map(PartitionStatus::lag)
            .sum::<Option<i64>>()
            .filter(|_| !partitions.is_empty());
        Self { state, lag, partitions, counts }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn partition(partition: i32, committed: Option<i64>, end: Option<i64>) -> PartitionStatus {
        PartitionStatus { partition, committed, end }
    }

    #[test]
    fn lag_is_the_sum_over_partitions() {
        let partitions = vec![partition(0, Some(3), Some(10)), partition(1, Some(5), Some(5))];
        assert_eq!(
            MappingStatus::new(MappingState::Enabled, Counts::default(), partitions).lag,
            Some(7)
        );
    }

    #[test]
    fn lag_is_unknown_while_one_partition_is() {
        let partitions = vec![partition(0, Some(3), Some(10)), partition(1, None, Some(5))];
        assert_eq!(
            MappingStatus::new(MappingState::Enabled, Counts::default(), partitions).lag,
            None
        );
        assert_eq!(
            MappingStatus::new(MappingState::Enabled, Counts::default(), Vec::new()).lag,
            None
        );
    }
}
