//! Waits until no record waits to be processed. Reads how far everybody is, and no event.

use std::ops::Range;
use std::time::Duration;

use millrace::terminal::Waiting;
use tokio::time::{Instant, sleep};

use crate::accounts::Drained;
use crate::failure::OpsFailure;
use crate::surroundings::Surroundings;

/// How often is looked while records wait.
const LOOK: Duration = Duration::from_millis(200);

/// Waits until no record of the topic, as it is now, waits any more, for as long as `patience`
/// lasts.
pub(crate) async fn drained(
    surroundings: &Surroundings,
    patience: Duration,
) -> Result<Drained, OpsFailure> {
    let waiting = Waiting::start("waiting until every record is processed");
    let give_up = Instant::now() + patience;
    let offsets = surroundings.offsets(&surroundings.stream.topic).await?;
    loop {
        let records = records_waiting(surroundings, &offsets).await?;
        if records == 0 {
            return Ok(Drained::Yes);
        }
        if Instant::now() >= give_up {
            return Ok(Drained::No);
        }
        waiting.say(format!("waiting until {records} records are processed"));
        sleep(LOOK).await;
    }
}

async fn records_waiting(
    surroundings: &Surroundings,
    offsets: &[Range<i64>],
) -> Result<i64, OpsFailure> {
    let committed = surroundings.committed().await?;
    let mut records = 0;
    for (partition, held) in (0..).zip(offsets) {
        let fence = surroundings.fence(partition).await?.map(|fence| fence.next);
        records += waiting_in(held, fence, committed.get(&partition).copied());
    }
    Ok(records)
}

/// How many of the offsets that a partition holds are still to be processed.
///
/// The fence alone cannot tell: a mapping that starts at `LATEST`, or whose records expired before
/// it came to them, never brings the function what lies before its start. What the mapping has
/// committed it will not bring again.
fn waiting_in(held: &Range<i64>, fence: Option<i64>, committed: Option<i64>) -> i64 {
    let done = fence.max(committed).unwrap_or(0).max(held.start);
    (held.end - done).max(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_fence_passed_does_not_wait() {
        assert_eq!(waiting_in(&(0..10), Some(7), Some(5)), 3);
        assert_eq!(waiting_in(&(0..10), Some(12), None), 0, "more came in the meantime");
    }

    #[test]
    fn what_was_never_reached_waits() {
        assert_eq!(waiting_in(&(0..10), None, None), 10);
        assert_eq!(waiting_in(&(0..0), None, None), 0);
    }

    #[test]
    fn what_a_mapping_started_behind_does_not_wait() {
        assert_eq!(waiting_in(&(0..10), None, Some(10)), 0);
        assert_eq!(waiting_in(&(0..10), Some(0), Some(10)), 0, "begun, and not yet committed");
    }

    #[test]
    fn what_expired_does_not_wait() {
        assert_eq!(waiting_in(&(10..10), None, None), 0);
        assert_eq!(waiting_in(&(8..10), Some(3), None), 2);
    }
}
