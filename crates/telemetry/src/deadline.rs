//! How long an invocation may still take. Reads no clock.

use std::time::Duration;

/// 2001-09-09, in milliseconds since 1970: before Lambda, and longer than any invocation takes.
const FIRST_MOMENT_MS: u64 = 1_000_000_000_000;

/// What is left of an invocation at `now_ms` that Lambda ends at `deadline_ms`, in milliseconds since 1970.
///
/// `cargo lambda watch` (as of 1.9.2) sends how long an invocation may take, always 600,000, and not when it ends: a
/// number that would be a moment before Lambda was there is taken for that.
pub fn time_left(deadline_ms: u64, now_ms: u64) -> Duration {
    if deadline_ms < FIRST_MOMENT_MS {
        return Duration::from_millis(deadline_ms);
    }
    Duration::from_millis(deadline_ms.saturating_sub(now_ms))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_MS: u64 = 1_763_740_000_000;

    #[test]
    fn a_moment_leaves_what_lies_before_it() {
        assert_eq!(time_left(NOW_MS + 29_000, NOW_MS), Duration::from_secs(29));
        assert_eq!(time_left(NOW_MS, NOW_MS), Duration::ZERO);
        assert_eq!(time_left(NOW_MS - 1, NOW_MS), Duration::ZERO);
    }

    #[test]
    fn the_duration_that_cargo_lambda_sends_is_not_taken_for_a_moment_in_1970() {
        assert_eq!(time_left(600_000, NOW_MS), Duration::from_mins(10));
    }
}
