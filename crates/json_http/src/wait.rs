//! How long a request may wait for Kafka.

use std::time::Duration;

use lambda_http::{Request, RequestExt};
use tokio::time::Instant;

/// The longest wait for Kafka's acknowledgement. API Gateway gives up after 30 s; callers do long before.
pub const WAIT_MAX: Duration = Duration::from_secs(10);

/// What is left of an invocation to answer in, so that a caller hears from us and not from a timeout.
const ANSWER_MARGIN: Duration = Duration::from_millis(500);

/// Until when a request that arrived at `now_ms`, in milliseconds since 1970, waits for Kafka.
pub fn deadline(request: &Request, now_ms: i64) -> Instant {
    let deadline_ms = request.lambda_context_ref().map(|context| context.deadline);
    Instant::now() + wait(now_ms, deadline_ms)
}

/// How long to wait, given when the invocation ends.
fn wait(now_ms: i64, deadline_ms: Option<u64>) -> Duration {
    let Some(deadline_ms) = deadline_ms else { return WAIT_MAX };
    let now_ms = u64::try_from(now_ms).unwrap_or(0);
    telemetry::time_left(deadline_ms, now_ms).saturating_sub(ANSWER_MARGIN).min(WAIT_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_for_kafka_ends_before_the_invocation() {
        for (deadline_ms, expected_ms) in [
            (Some(1_763_740_003_000), 2_500),
            (Some(1_763_740_060_000), 10_000),
            (Some(1_763_740_000_500), 0),
            (Some(1_763_739_999_995), 0),
            (Some(600_000), 10_000),
            (None, 10_000),
        ] {
            let wait = wait(1_763_740_000_000, deadline_ms);
            assert_eq!(wait, Duration::from_millis(expected_ms), "{deadline_ms:?}");
        }
    }
}
