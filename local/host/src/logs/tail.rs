//! The last lines of environments whose callers asked for them (`LogType=Tail`).

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::ids::{EnvironmentId, RequestId};

/// A caller gets this much of the end.
///
/// Source: <https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html#API_Invoke_ResponseElements>
const TAIL_BYTES: usize = 4 * 1024;

/// What is written by several tasks and wanted by one. The lock is held for a copy of a line, and
/// taken only while somebody wants a tail.
#[derive(Debug, Default)]
pub(super) struct Tails {
    wanted: AtomicUsize,
    /// One for each invocation; those of one environment get the same lines.
    tails: Mutex<BTreeMap<(EnvironmentId, RequestId), String>>,
}

impl Tails {
    /// From now on the environment's lines are kept for this request.
    pub(super) fn begin(&self, environment: EnvironmentId, request: RequestId) {
        let mut tails = self.lock();
        tails.insert((environment, request), String::new());
        self.wanted.store(tails.len(), Ordering::Release);
    }

    pub(super) fn push(&self, environment: EnvironmentId, line: &str) {
        if self.wanted.load(Ordering::Acquire) == 0 {
            return;
        }
        for (_, tail) in self.lock().iter_mut().filter(|((wanted, _), _)| *wanted == environment) {
            tail.push_str(line);
            tail.push('\n');
            // Not at every line: moving text to the front costs.
            if tail.len() > 2 * TAIL_BYTES {
                cut(tail);
            }
        }
    }

    /// The end of the environment's lines, which are not kept any longer for this request.
    pub(super) fn end(&self, environment: EnvironmentId, request: RequestId) -> String {
        let mut tails = self.lock();
        let mut tail = tails.remove(&(environment, request)).unwrap_or_default();
        self.wanted.store(tails.len(), Ordering::Release);
        cut(&mut tail);
        tail
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<(EnvironmentId, RequestId), String>> {
        // Texts are whole whenever the lock is free.
        self.tails.lock().unwrap_or_else(PoisonError::into_inner)
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
        let (one, other, request) = (EnvironmentId(1), EnvironmentId(2), RequestId::random());
        tails.push(one, "before");
        tails.begin(one, request);
        tails.push(one, "first");
        tails.push(other, "other");
        assert_eq!(tails.end(one, request), "first\n");
        assert_eq!(tails.end(one, request), "");
        tails.begin(one, request);
        for _ in 0..1_000 {
            tails.push(one, "\u{e4}bcdefg");
        }
        let end = tails.end(one, request);
        assert!(end.len() <= TAIL_BYTES && end.len() > TAIL_BYTES - 8, "{}", end.len());
        assert!(end.ends_with("\u{e4}bcdefg\n"));
    }

    #[test]
    fn two_invocations_of_one_environment_have_a_tail_each() {
        let tails = Tails::default();
        let (environment, first, second) =
            (EnvironmentId(1), RequestId::random(), RequestId::random());
        tails.begin(environment, first);
        tails.push(environment, "one");
        tails.begin(environment, second);
        tails.push(environment, "two");
        assert_eq!(tails.end(environment, first), "one\ntwo\n");
        assert_eq!(tails.end(environment, second), "two\n");
    }
}
