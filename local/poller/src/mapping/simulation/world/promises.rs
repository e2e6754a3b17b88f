//! What holds in a world once it is at rest.

use super::{Fact, World};
use crate::mapping::Condition;

impl World {
    fn is_committed(&self, partition: i32) -> bool {
        let truth = &self.truths[&partition];
        usize::try_from(truth.committed.next).is_ok_and(|next| next == truth.log.len())
    }

    pub(in crate::mapping::simulation) fn all_committed(&self, but: Option<i32>) -> bool {
        self.truths.keys().all(|number| Some(*number) == but || self.is_committed(*number))
    }

    pub(in crate::mapping::simulation) fn all_disposed(&self) -> bool {
        self.truths.values().flat_map(|truth| &truth.log).all(Fact::is_disposed)
    }

    pub(in crate::mapping::simulation) fn has_processed(&self, partition: i32) -> bool {
        self.truths[&partition].log.iter().any(|fact| fact.processed)
    }

    /// Poison was never processed; and what used up its attempts was tried as often as configured,
    /// less one for each poller that died.
    pub(in crate::mapping::simulation) fn check_given_up(&self) {
        let Some(max) = self.settings.policy.attempts_max else { return };
        for (partition, offset) in &self.function.poisoned {
            let fact = &self.truths[partition].log[usize::try_from(*offset).expect("small")];
            self.check(!fact.processed, "poison is not processed");
        }
        for fact in self.truths.values().flat_map(|truth| &truth.log) {
            if fact.given_up == Some(Condition::RetriesExhausted) {
                let made = fact.tried + self.crashes;
                self.check(made >= max, "as many attempts as configured, one fewer per crash");
            }
        }
    }
}

impl Fact {
    pub(super) fn is_disposed(&self) -> bool {
        self.processed || self.filtered || self.given_up.is_some()
    }
}
