//! Until when an invocation works.

use std::time::Duration;

use progress::Limits;
use tokio::time::Instant;

/// What is left of the invocation when no further transaction is started.
const LAST_START: Duration = Duration::from_secs(2);

/// What is left of the invocation when running calls are abandoned, to answer instead of being
/// killed.
const LAST_WAIT: Duration = Duration::from_millis(500);

/// Until when an invocation works, from Lambda's deadline and now, in milliseconds since 1970.
///
/// `unit` is how long one transaction takes beyond what the table takes: so much earlier the last one
/// is begun.
pub fn limits(deadline_ms: u64, now_ms: u64, unit: Duration) -> Limits {
    let left = telemetry::time_left(deadline_ms, now_ms);
    // A short timeout shall leave some time for work.
    let at = |margin| Instant::now() + left.saturating_sub(margin).max(left / 2);
    Limits { last_start: at(LAST_START) - unit.min(left / 2), last_wait: at(LAST_WAIT) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_last_transaction_is_begun_early_enough_for_it_to_end() {
        let now = Instant::now();
        let of = |timeout_s: u64, unit_s| {
            let now_ms = 1_763_740_000_000;
            let limits = limits(now_ms + timeout_s * 1_000, now_ms, Duration::from_secs(unit_s));
            (limits.last_start - now, limits.last_wait - now)
        };
        let ms = Duration::from_millis;
        assert_eq!(of(60, 0), (ms(58_000), ms(59_500)));
        assert_eq!(of(60, 10), (ms(48_000), ms(59_500)));
        assert_eq!(of(2, 0), (ms(1_000), ms(1_500)), "a short timeout");
        assert_eq!(of(4, 10), (ms(0), ms(3_500)), "no unit fits");
    }
}
