//! The one timer of a function's task.

use std::pin::Pin;
use std::time::Duration;

use tokio::time::{Instant, Sleep};

/// Rings at the time it was set to, or earlier: moving it only forward in time spares the runtime's
/// timer a change for every invocation, whose deadlines mostly lie behind one another.
#[derive(Debug)]
pub(super) struct Alarm {
    sleep: Pin<Box<Sleep>>,
    is_set: bool,
}

impl Alarm {
    pub(super) fn new() -> Self {
        Self { sleep: Box::pin(tokio::time::sleep(Duration::ZERO)), is_set: false }
    }

    /// From now on it rings at `wakeup` at the latest.
    pub(super) fn set(&mut self, wakeup: Option<Instant>) {
        let Some(wakeup) = wakeup else { return };
        if !self.is_set || wakeup < self.sleep.deadline() {
            self.sleep.as_mut().reset(wakeup);
            self.is_set = true;
        }
    }

    /// Ends when it rings, and never while it is not set.
    pub(super) async fn ring(&mut self) {
        if !self.is_set {
            std::future::pending::<()>().await;
        }
        self.sleep.as_mut().await;
        self.is_set = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_earliest_time_counts() {
        let now = Instant::now();
        let at = |seconds| now + Duration::from_secs(seconds);
        let mut alarm = Alarm::new();
        alarm.set(Some(at(300)));
        alarm.set(Some(at(200)));
        alarm.set(Some(at(250)));
        assert_eq!(alarm.sleep.deadline(), at(200));
    }

    #[tokio::test]
    async fn after_it_rang_it_must_be_set_again() {
        let mut alarm = Alarm::new();
        alarm.set(Some(Instant::now()));
        alarm.ring().await;
        let later = Instant::now() + Duration::from_mins(5);
        alarm.set(Some(later));
        assert_eq!(alarm.sleep.deadline(), later);
    }
}
