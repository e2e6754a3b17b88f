//! How many bytes a second may be invoked, where that is limited.

use std::time::Duration;

/// How far invocations may be ahead of the rate: a second's worth at once.
const AHEAD_MAX: Duration = Duration::from_secs(1);

/// Bytes invoked, as the time that they take at the rate allowed.
#[derive(Debug)]
pub(crate) struct Throughput {
    bytes_per_s: Option<u32>,
    /// When everything invoked so far is paid for.
    paid_at: Duration,
    /// Somebody asked before it was time.
    holding: bool,
}

impl Throughput {
    /// Nothing invoked yet; without a rate nothing is limited.
    pub(crate) fn new(bytes_per_s: Option<u32>) -> Self {
        Self { bytes_per_s, paid_at: Duration::ZERO, holding: false }
    }

    /// Whether a batch may go, whatever its size.
    pub(crate) fn allows(&mut self, now: Duration) -> bool {
        self.holding = self.bytes_per_s.is_some() && now + AHEAD_MAX < self.paid_at;
        !self.holding
    }

    /// When whoever was not allowed may go.
    pub(crate) fn held_until(&self) -> Option<Duration> {
        self.holding.then(|| self.paid_at.saturating_sub(AHEAD_MAX))
    }

    /// A batch goes.
    pub(crate) fn spend(&mut self, now: Duration, bytes: usize) {
        let Some(rate) = self.bytes_per_s else { return };
        let micros = u64::try_from(bytes).unwrap_or(u64::MAX).saturating_mul(1_000_000);
        let takes = Duration::from_micros(micros / u64::from(rate.max(1)));
        self.paid_at = self.paid_at.max(now) + takes;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_invoked_keeps_to_the_rate_after_a_second_at_once() {
        let mut throughput = Throughput::new(Some(1_000));
        let mut now = Duration::from_secs(100);
        let mut bytes = 0;
        while now < Duration::from_secs(110) {
            if throughput.allows(now) {
                throughput.spend(now, 300);
                bytes += 300;
            } else {
                now = throughput.held_until().unwrap();
            }
        }
        assert!((11_000..=11_300).contains(&bytes), "{bytes} in ten seconds");
    }

    #[test]
    fn a_batch_larger_than_a_second_goes_and_is_paid_for() {
        let mut throughput = Throughput::new(Some(1_000));
        assert!(throughput.allows(Duration::ZERO));
        throughput.spend(Duration::ZERO, 5_000);
        assert!(!throughput.allows(Duration::from_millis(3_999)));
        assert_eq!(throughput.held_until(), Some(Duration::from_secs(4)));
        assert!(throughput.allows(Duration::from_secs(4)));
        assert_eq!(throughput.held_until(), None);
    }

    #[test]
    fn without_a_rate_everything_goes() {
        let mut throughput = Throughput::new(None);
        throughput.spend(Duration::ZERO, usize::MAX);
        assert!(throughput.allows(Duration::ZERO));
    }
}
