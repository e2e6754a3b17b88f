//! What holds in a world once it is at rest.

use super::{Fact, Manner, PartialReading, TOO_LARGE_BYTES, World};
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

    /// What was given up was poisoned, or its tries were used up by what happened to its batch; and
    /// poison was tried as often as configured, less one for each poller that died.
    pub(in crate::mapping::simulation) fn check_given_up(&self) {
        let Some(max) = self.settings.policy.attempts_max else { return };
        for (partition, offset) in &self.function.poisoned {
            let fact = &self.truths[partition].log[usize::try_from(*offset).expect("small")];
            if fact.filtered || fact.bytes == TOO_LARGE_BYTES {
                continue;
            }
            self.check(!fact.processed, "poison is not processed");
            let named = self.settings.policy.partial != Some(PartialReading::FromLowest);
            let alone = self.settings.policy.bisect || self.function.manner == Manner::NamesEach;
            if named && alone && fact.given_up == Some(Condition::RetriesExhausted) {
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
