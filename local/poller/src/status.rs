//! What a mapping says about itself.

use serde::Serialize;

use crate::mapping::{Counts, Mapping, Membership, Processed, Processing};
use crate::trouble::Trouble;

/// `StateTransitionReason` of a mapping with which nothing is wrong: it is what its user made it.
const USER_ACTION: &str = "User action";

/// `LastProcessingResult` before the first invocation.
const NOTHING_PROCESSED: &str = "No records processed";

/// A mapping's state and how far it is behind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MappingStatus {
    /// Whether it is reading.
    pub state: MappingState,
    /// `StateTransitionReason`: `User action`, or AWS's code for what keeps it from its work.
    pub state_transition_reason: &'static str,
    /// `LastProcessingResult`: `No records processed`, `OK`, or `PROBLEM` with AWS's words for it.
    pub last_processing_result: &'static str,
    /// How many pollers are in its group.
    pub pollers: usize,
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
    pub(crate) done: Done,
    /// Why it does not read.
    pub(crate) trouble: Option<Trouble>,
}

/// What pollers have done, which stays when they are gone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Done {
    pub(crate) counts: Counts,
    /// What came of the last invocation.
    pub(crate) last: Option<Processed>,
}

impl Seen {
    pub(crate) fn of(mapping: &Mapping, trouble: Option<Trouble>) -> Self {
        let done = Done { counts: mapping.counts(), last: mapping.processed() };
        Self { state: MappingState::of(mapping), done, trouble }
    }
}

impl Done {
    /// Adds what another poller has done.
    pub(crate) fn add(&mut self, other: Self) {
        self.counts += other.counts;
        self.last = self.last.into_iter().chain(other.last).max_by_key(|last| last.at_ms);
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
    /// The status of a mapping of which only the state is known.
    pub fn unknown(state: MappingState) -> Self {
        Self {
            state,
            state_transition_reason: USER_ACTION,
            last_processing_result: NOTHING_PROCESSED,
            pollers: 0,
            lag: None,
            partitions: Vec::new(),
            counts: Counts::default(),
        }
    }

    /// The status of a mapping that has these pollers, and had others that have done `before`.
    pub(crate) fn of(pollers: &[Seen], before: Done) -> Self {
        let is = |state| pollers.iter().any(|seen| seen.state == state);
        let state = [MappingState::Enabled, MappingState::Disabling].into_iter().find(|s| is(*s));
        let state = state.unwrap_or(MappingState::Disabled);
        let mut done = before;
        for seen in pollers {
            done.add(seen.done);
        }
        let trouble = pollers.iter().find_map(|seen| seen.trouble);
        let last = done.last.map(|last| last.processing);
        let reason = trouble.and_then(Trouble::state_reason);
        let reason = reason.or(last.and_then(Processing::state_reason));
        let reason = reason.filter(|_| state == MappingState::Enabled);
        let result = trouble.map(Trouble::text).or(last.map(Processing::text));
        Self {
            state_transition_reason: reason.unwrap_or(USER_ACTION),
            last_processing_result: result.unwrap_or(NOTHING_PROCESSED),
            pollers: pollers.iter().filter(|seen| seen.state != MappingState::Disabled).count(),
            counts: done.counts,
            ..Self::unknown(state)
        }
    }

    /// The same, now that how far the partitions are is known.
    pub(crate) fn with(self, partitions: Vec<PartitionStatus>) -> Self {
        let lag = partitions
            .iter()
            .map(PartitionStatus::lag)
            .sum::<Option<i64>>()
            .filter(|_| !partitions.is_empty());
        Self { lag, partitions, ..self }
    }

    /// The same of a mapping that has stopped since.
    pub(crate) fn stopped(self) -> Self {
        let state = MappingState::Stopped;
        Self { state, state_transition_reason: USER_ACTION, pollers: 0, ..self }
    }
}

#[cfg(test)]
mod tests;
