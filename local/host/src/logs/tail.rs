//! The last lines of environments whose callers asked for them (`LogType=Tail`).

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::ids::EnvironmentId;

/// A caller gets this much of the end.
///
/// Source: <https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html#API_Invoke_ResponseElements>
const TAIL_BYTES: usize = 4 * 1024;

/// What is written by several tasks and wanted by one. The lock is held for a copy of a line, and
/// taken only while somebody wants a tail.
#[derive(Debug, Default)]
pub(super) struct Tails {
    wanted: AtomicUsize,
    by_environment: Mutex<BTreeMap<EnvironmentId, String>>,
}

impl Tails {
    /// From now on the environment's lines are kept.
    pub(super) fn begin(&self, environment: EnvironmentId) {
        let mut tails = self.lock();
        tails.insert(environment, String::new());
        self.wanted.store(tails.len(), Ordering::Release);
    }

    pub(super) fn push(&self, environment: EnvironmentId, line: &str) {
        if self.wanted.load(Ordering::Acquire) == 0 {
            return;
        }
        if let Some(tail) = self.lock().get_mut(&environment) {
            tail.push_str(line);
            tail.push('\n');
            // Not at every line: moving text to the front costs.
            if tail.len() > 2 * TAIL_BYTES {
                cut(tail);
            }
        }
    }

    /// The end of the environment's lines, which are not kept any longer.
    pub(super) fn end(&self, environment: EnvironmentId) -> String {
        let mut tails = self.lock();
        let mut tail = tails.remove(&environment).unwrap_or_default();
        self.wanted.store(tails.len(), Ordering::Release);
        cut(&mut tail);
        tail
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<EnvironmentId, String>> {
        // Texts are whole whenever the lock is free.
        self.by_environment.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn cut(tail: &mut String) {
    let start = tail.ceil_char_boundary(tail.len().saturating_sub(TAIL_BYTES));
    tail.drain(..start);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_end_is_kept_and_only_where_it_is_wanted() {
        let tails = Tails::default();
        let (one, other) = (EnvironmentId(1), EnvironmentId(2));
        tails.push(one, "before");
        tails.begin(one);
        tails.push(one, "first");
        tails.push(other, "other");
        assert_eq!(tails.end(one), "first\n");
        assert_eq!(tails.end(one), "");
        tails.begin(one);
        for _ in 0..1_000 {
            tails.push(one, "\u{e4}bcdefg");
        }
        let end = tails.end(one);
        assert!(end.len() <= TAIL_BYTES && end.len() > TAIL_BYTES - 8, "{}", end.len());
        assert!(end.ends_with("\u{e4}bcdefg\n"));
    }
}
