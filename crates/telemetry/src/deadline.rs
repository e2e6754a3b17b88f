//! How long an invocation may still take. Reads no clock.

use std::time::Duration;

/// 2001-09-09, in milliseconds since 1970: before Lambda, and longer than any invocation takes.
const FIRST_MOMENT_MS: u64 = 1_000_000_000_000;

/// The longest that Lambda lets an invocation take: what promises more is no deadline to wait by.
const INVOCATION_MAX: Duration = Duration::from_mins(15);

/// What is left of an invocation at `now_ms` that Lambda ends at `deadline_ms`, in milliseconds since 1970.
///
/// `cargo lambda watch` (as of 1.9.2) sends how long an invocation may take, always 600,000, and not when it ends: a
/// number that would be a moment before Lambda was there is taken for that.
pub fn time_left(deadline_ms: u64, now_ms: u64) -> Duration {
    let begins_ms = if deadline_ms < FIRST_MOMENT_MS { 0 } else { now_ms };
    Duration::from_millis(deadline_ms.saturating_sub(begins_ms)).min(INVOCATION_MAX)
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

    #[test]
    fn no_deadline_leaves_more_than_lambda_gives() {
        for deadline_ms in [u64::MAX, FIRST_MOMENT_MS - 1, NOW_MS / 1_000, NOW_MS * 1_000] {
            assert_eq!(time_left(deadline_ms, NOW_MS), INVOCATION_MAX, "{deadline_ms}");
        }
        assert_eq!(time_left(0, NOW_MS), Duration::ZERO);
        assert_eq!(time_left(NOW_MS, 0), INVOCATION_MAX, "a clock that is not set");
    }
}
