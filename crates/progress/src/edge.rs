//! The clock and the dice, handed in so that tests can hold both.

use std::{
    fmt,
    time::{SystemTime, UNIX_EPOCH},
};

/// Where the ledger takes the time and chance from.
pub struct Edge {
    now_ms: Box<dyn Fn() -> i64 + Send + Sync>,
    chance: Box<dyn Fn() -> f64 + Send + Sync>,
}

impl Edge {
    /// `now_ms` gives milliseconds since 1970, `chance` numbers from 0 to 1.
    pub fn new(
        now_ms: impl Fn() -> i64 + Send + Sync + 'static,
        chance: impl Fn() -> f64 + Send + Sync + 'static,
    ) -> Self {
        Self { now_ms: Box::new(now_ms), chance: Box::new(chance) }
    }

    /// The machine's own.
    pub fn system() -> Self {
        Self::new(system_now_ms, fastrand::f64)
    }

    pub(crate) fn now_ms(&self) -> i64 {
        (self.now_ms)()
    }

    pub(crate) fn chance(&self) -> f64 {
        (self.chance)()
    }
}

impl fmt::Debug for Edge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Edge").finish_non_exhaustive()
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the edge that reads the clock")]
fn system_now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
