//! How many invocations may be under way: as many as partitions have records, until the function
//! is throttled.
//!
//! AWS takes pollers away from a throttled function and gives them back over minutes:
//! <https://docs.aws.amazon.com/lambda/latest/dg/kafka-scaling-modes.html>. Here it takes seconds.

use std::time::Duration;

/// How long after a throttle, or after the last raise, one more invocation is tried.
const RAISE_AFTER: Duration = Duration::from_secs(5);

/// The limit that throttles have taught us; none to begin with.
#[derive(Debug, Default)]
pub(crate) struct Concurrency {
    learnt: Option<Learnt>,
}

#[derive(Debug)]
struct Learnt {
    limit: usize,
    raise_at: Duration,
}

impl Concurrency {
    /// Whether one more may start while `under_way` are.
    pub(crate) fn allows(&self, under_way: usize) -> bool {
        self.learnt.as_ref().is_none_or(|learnt| under_way < learnt.limit)
    }

    /// An invocation was throttled while `others` were under way; they fit.
    pub(crate) fn throttled(&mut self, now: Duration, others: usize) {
        self.learnt = Some(Learnt { limit: others.max(1), raise_at: now + RAISE_AFTER });
    }

    /// Raises the limit when it is time, and forgets it once it binds nobody: there is at most one
    /// invocation per partition.
    pub(crate) fn advance(&mut self, now: Duration, partitions: usize) {
        let Some(learnt) = &mut self.learnt else { return };
        if now >= learnt.raise_at {
            learnt.limit += 1;
            learnt.raise_at = now + RAISE_AFTER;
        }
        if learnt.limit >= partitions.max(1) {
            self.learnt = None;
        }
    }

    /// When the limit rises next.
    pub(crate) fn next_raise(&self) -> Option<Duration> {
        self.learnt.as_ref().map(|learnt| learnt.raise_at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_throttle_limits_to_what_fitted_and_time_raises_it_again() {
        let mut concurrency = Concurrency::default();
        assert!(concurrency.allows(1_000));
        concurrency.throttled(seconds(10), 2);
        assert!(concurrency.allows(1) && !concurrency.allows(2));
        concurrency.advance(seconds(14), 8);
        assert!(!concurrency.allows(2));
        concurrency.advance(seconds(15), 8);
        assert!(concurrency.allows(2) && !concurrency.allows(3));
        assert_eq!(concurrency.next_raise(), Some(seconds(20)));
    }

    #[test]
    fn one_invocation_is_always_allowed() {
        let mut concurrency = Concurrency::default();
        concurrency.throttled(seconds(0), 0);
        assert!(concurrency.allows(0));
    }

    #[test]
    fn a_limit_that_binds_nobody_is_forgotten() {
        let mut concurrency = Concurrency::default();
        concurrency.throttled(seconds(0), 2);
        concurrency.advance(seconds(5), 3);
        assert_eq!(concurrency.next_raise(), None);
    }
}
