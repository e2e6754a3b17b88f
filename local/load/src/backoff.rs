//! How long to wait before the next attempt to connect. Pure.

use std::time::Duration;

/// The first wait: a server that restarts is not hammered, one that hiccups is not missed.
const FIRST: Duration = Duration::from_millis(10);

/// The longest wait, so that a server that came back is loaded again at once.
const LONGEST: Duration = Duration::from_millis(500);

/// Waits that double while connecting fails.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    last: Option<Duration>,
}

impl Backoff {
    /// The wait after a further failure.
    pub(crate) fn after_failure(&mut self) -> Duration {
        let wait = self.last.map_or(FIRST, |last| (last * 2).min(LONGEST));
        self.last = Some(wait);
        wait
    }

    /// A connection was made.
    pub(crate) fn reset(&mut self) {
        self.last = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_up_to_half_a_second_and_starts_over() {
        let mut backoff = Backoff::default();
        let waits: Vec<_> = (0..8).map(|_| backoff.after_failure().as_millis()).collect();
        assert_eq!(waits, [10, 20, 40, 80, 160, 320, 500, 500]);
        backoff.reset();
        assert_eq!(backoff.after_failure(), FIRST);
    }
}
