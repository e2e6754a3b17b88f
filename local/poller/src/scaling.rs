//! How many pollers a mapping should have, by how far it is behind. Pure: time is an argument.
//!
//! AWS adds pollers to what falls behind and takes them away again, between `MinimumPollers` and
//! `MaximumPollers`, never more than partitions; by what figures it does not say:
//! <https://docs.aws.amazon.com/lambda/latest/dg/kafka-scaling-modes.html>. Those here are ours.

#[cfg(test)]
mod tests;

use std::time::Duration;

use crate::config::Pollers;
use crate::status::PartitionStatus;

/// Batches of each partition that may wait without anybody being behind.
const BATCHES_WAITING: i64 = 2;

/// How often in a row a mapping must be found behind before it gets more pollers: each change costs
/// a rebalance.
const BEHIND_TIMES: u32 = 2;

/// How long a mapping must keep up before it gets one poller less.
const KEEPS_UP: Duration = Duration::from_mins(1);

/// More pollers of one mapping are not started here: each is a Kafka client with its threads.
const POLLERS_HERE_MAX: usize = 32;

/// What is known of a mapping's progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sample {
    /// Records written and not processed.
    pub(crate) lag: i64,
    pub(crate) partitions: usize,
}

/// How many pollers there are, and what speaks for more or fewer.
#[derive(Debug)]
pub(crate) struct Scaling {
    least: usize,
    most: usize,
    batch_size: i64,
    pollers: usize,
    lag_before: Option<i64>,
    /// How often in a row it was found behind.
    behind: u32,
    keeps_up_since: Option<Duration>,
}

impl Sample {
    /// The sample of a group that has a position in every partition: before, its first poller is
    /// alone, and says for all of them where they start.
    pub(crate) fn of(partitions: &[PartitionStatus]) -> Option<Self> {
        let lag = partitions.iter().map(PartitionStatus::lag).sum::<Option<i64>>()?;
        Some(Self { lag, partitions: partitions.len() })
    }
}

impl Scaling {
    /// One poller.
    pub(crate) fn new(pollers: Pollers, batch_size: u32) -> Self {
        let count =
            |count: u32| usize::try_from(count).unwrap_or(usize::MAX).clamp(1, POLLERS_HERE_MAX);
        Self {
            least: count(pollers.least),
            most: count(pollers.most),
            batch_size: batch_size.into(),
            pollers: 1,
            lag_before: None,
            behind: 0,
            keeps_up_since: None,
        }
    }

    /// Whether there can ever be another number of pollers than one.
    pub(crate) fn may_change(&self) -> bool {
        self.most > 1
    }

    /// How many pollers there should be.
    pub(crate) fn handle(&mut self, now: Duration, sample: Sample) -> usize {
        let most = self.most.min(sample.partitions).max(1);
        let least = self.least.min(most);
        let partitions = i64::try_from(sample.partitions).unwrap_or(i64::MAX);
        let waiting = self.batch_size.saturating_mul(partitions).saturating_mul(BATCHES_WAITING);
        let before = self.lag_before.replace(sample.lag);
        // A fifth less than the last time: it catches up by itself.
        let catches_up = before.is_some_and(|before| sample.lag < before - before / 5);
        let keeps_up = sample.lag <= waiting;
        self.behind = if keeps_up || catches_up { 0 } else { self.behind + 1 };
        self.keeps_up_since = keeps_up.then(|| self.keeps_up_since.unwrap_or(now));
        if self.behind >= BEHIND_TIMES {
            self.behind = 0;
            self.pollers *= 2;
        } else if self.keeps_up_since.is_some_and(|since| now.saturating_sub(since) >= KEEPS_UP) {
            self.keeps_up_since = Some(now);
            self.pollers -= 1;
        }
        self.pollers = self.pollers.clamp(least, most);
        self.pollers
    }
}
