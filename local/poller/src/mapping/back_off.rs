//! How long to wait before the next try.

use std::time::Duration;

/// Exponential back-off: the first delay, doubled up to the longest.
///
/// AWS documents none for Kafka; these are ours.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BackOff {
    pub(crate) first: Duration,
    pub(crate) longest: Duration,
}

impl BackOff {
    /// The delay after the nth try in a row without success, from 1.
    pub(crate) fn delay(&self, tries: u32) -> Duration {
        let doublings = tries.saturating_sub(1).min(31);
        self.first.saturating_mul(1 << doublings).min(self.longest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_up_to_the_longest() {
        let back_off = BackOff { first: Duration::from_secs(1), longest: Duration::from_mins(1) };
        let seconds = [1, 2, 3, 6, 7, 40, u32::MAX].map(|tries| back_off.delay(tries).as_secs());
        assert_eq!(seconds, [1, 2, 4, 32, 60, 60, 60]);
    }
}
