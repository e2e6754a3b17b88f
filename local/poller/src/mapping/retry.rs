//! Batches that did not succeed: how they go again, and when.

use std::time::Duration;

use crate::mapping::{Action, Mapping, Note, Slice};

/// A batch that will be invoked again.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) slices: Vec<Slice>,
    pub(super) tries: Tries,
    pub(super) due: Duration,
}

/// How often a batch was tried without success.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tries {
    /// The function failed, crashed or ran out of time.
    pub(super) failures: u32,
    /// The function was not reached: throttled, or the service failed. AWS does not count these.
    pub(super) refusals: u32,
}

impl Mapping {
    /// After a failure: one batch per partition from here on, so that a partition whose record
    /// cannot be processed does not hold up the others that happened to share its batch.
    pub(super) fn retry_apart(
        &mut self,
        now: Duration,
        slices: Vec<Slice>,
        tries: Tries,
        reason: String,
    ) -> Option<Action> {
        let tries = Tries { failures: tries.failures.saturating_add(1), ..tries };
        let delay = self.settings.back_off.delay(tries.failures);
        let note = Note::failed(&slices, tries.failures, delay, reason);
        for slice in slices {
            self.wait(vec![slice], tries, now + delay);
        }
        note
    }

    /// The batch never reached the function: it goes again as it was.
    pub(super) fn retry_together(
        &mut self,
        now: Duration,
        slices: Vec<Slice>,
        tries: Tries,
        reason: String,
    ) -> Option<Action> {
        let tries = Tries { refusals: tries.refusals.saturating_add(1), ..tries };
        let delay = self.settings.back_off.delay(tries.refusals);
        let note = Note::not_invoked(&slices, delay, reason);
        self.wait(slices, tries, now + delay);
        note
    }

    fn wait(&mut self, slices: Vec<Slice>, tries: Tries, due: Duration) {
        if slices.is_empty() {
            return;
        }
        self.held.extend(slices.iter().map(|slice| slice.partition));
        self.waiting.push(Waiting { slices, tries, due });
    }
}
