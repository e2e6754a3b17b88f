//! The records that were given up, until it is known whose they were. No I/O.
//!
//! A chunk tells the place and the reason, not the id: that is in the record's copy among the dead
//! letters, as long as there is one and it carries the value.

use std::collections::{BTreeMap, BTreeSet};

use crate::accounts::Poison;

/// Partition and offset.
pub(crate) type Spot = (i32, i64);

/// Kinds of reasons that are told apart; the rest are counted together.
const KINDS_MAX: usize = 50;

/// The name of the rest.
const OTHER_KINDS: &str = "other reasons";

/// Failures by place, and the poison among them.
#[derive(Debug, Default)]
pub(crate) struct Failures {
    failed: BTreeMap<Spot, Failure>,
    poison: BTreeMap<Spot, u8>,
    kinds: Kinds,
}

/// What a load's record met.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Claim<'f> {
    /// The kind of the reason: what stands before its first colon.
    pub(crate) kind: &'f str,
    /// How often the record was given up: once, if all is well.
    pub(crate) times: u8,
}

/// A few bytes: of ten million records all may have failed.
#[derive(Debug)]
struct Failure {
    /// Its place in [`Kinds`].
    kind: u8,
    times: u8,
    /// Whether it happened since the load began: older ones are not of it.
    recent: bool,
    /// Whether a dead letter says that it is somebody else's.
    foreign: bool,
}

/// The kinds of reasons, in the order in which they were met.
#[derive(Debug, Default)]
struct Kinds(Vec<String>);

impl Kinds {
    fn number(&mut self, reason: &str) -> u8 {
        let kind = reason.split(':').next().unwrap_or(reason).trim();
        let known = self.0.iter().position(|other| other == kind);
        let number = known.unwrap_or_else(|| {
            if self.0.len() < KINDS_MAX {
                self.0.push(kind.to_owned());
                self.0.len() - 1
            } else {
                KINDS_MAX
            }
        });
        u8::try_from(number).expect("there are few kinds")
    }

    fn name(&self, number: u8) -> &str {
        self.0.get(usize::from(number)).map_or(OTHER_KINDS, String::as_str)
    }
}

impl Failures {
    /// No failure yet; at `poison` they were provoked.
    pub(crate) fn expecting(poison: BTreeSet<Spot>) -> Self {
        let poison = poison.into_iter().map(|spot| (spot, 0)).collect();
        Self { poison, ..Self::default() }
    }

    /// A chunk says that the record at `spot` failed.
    pub(crate) fn add(&mut self, spot: Spot, reason: &str, recent: bool) {
        if let Some(count) = self.poison.get_mut(&spot) {
            *count = count.saturating_add(1);
            return;
        }
        let kind = self.kinds.number(reason);
        let none = Failure { kind, times: 0, recent: false, foreign: false };
        let failure = self.failed.entry(spot).or_insert(none);
        failure.times = failure.times.saturating_add(1);
        failure.recent |= recent;
    }

    /// Takes out the failure of one of the load's records.
    pub(crate) fn claim(&mut self, spot: Spot) -> Option<Claim<'_>> {
        let Failure { kind, times, .. } = self.failed.remove(&spot)?;
        Some(Claim { kind: self.kinds.name(kind), times })
    }

    /// A dead letter shows that the failure is not the load's. One by an older epoch of the topic
    /// may name the place of one that is, so the failure stays to be claimed.
    pub(crate) fn disown(&mut self, spot: Spot) {
        if let Some(failure) = self.failed.get_mut(&spot) {
            failure.foreign = true;
        }
    }

    /// How many are left that happened since the load began and of which nobody knows whose they
    /// are: their letters are gone, or do not carry the value.
    pub(crate) fn nameless(&self) -> u64 {
        let nameless = self.failed.values().filter(|failure| failure.recent && !failure.foreign);
        nameless.count() as u64
    }

    /// What became of the poison; `None` where there was none.
    pub(crate) fn poison(&self) -> Option<Poison> {
        let count =
            |is: fn(u8) -> bool| self.poison.values().filter(|seen| is(**seen)).count() as u64;
        (!self.poison.is_empty()).then(|| Poison {
            sent: self.poison.len() as u64,
            failed: count(|seen| seen > 0),
            lost: count(|seen| seen == 0),
            twice: count(|seen| seen > 1),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_claimed_once_with_the_kind_of_its_reason() {
        let mut failures = Failures::default();
        failures.add((0, 4), "no JSON: expected value at line 1 column 1", true);
        assert_eq!(failures.claim((0, 4)), Some(Claim { kind: "no JSON", times: 1 }));
        assert_eq!(failures.claim((0, 4)), None);
        assert_eq!(failures.nameless(), 0);
    }

    #[test]
    fn a_record_that_was_given_up_twice_is_claimed_as_such() {
        let mut failures = Failures::default();
        failures.add((0, 4), "no JSON", true);
        failures.add((0, 4), "3 attempts ended without an answer", true);
        assert_eq!(failures.claim((0, 4)), Some(Claim { kind: "no JSON", times: 2 }));
    }

    #[test]
    fn the_kinds_of_reasons_are_bounded() {
        let mut failures = Failures::default();
        for offset in 0..1_000 {
            failures.add((0, offset), &format!("reason {offset}"), true);
            failures.add((1, offset), &format!("no JSON: line {offset}"), true);
        }
        assert_eq!(failures.kinds.0.len(), KINDS_MAX);
        assert_eq!(failures.claim((0, 0)).unwrap().kind, "reason 0");
        assert_eq!(failures.claim((0, 999)).unwrap().kind, OTHER_KINDS);
        assert_eq!(failures.claim((1, 999)).unwrap().kind, "no JSON");
    }

    #[test]
    fn what_nobody_claims_is_nameless_unless_it_is_old_or_somebody_elses() {
        let mut failures = Failures::default();
        failures.add((0, 4), "no JSON", true);
        failures.add((0, 5), "no JSON", false);
        failures.add((1, 4), "no JSON", true);
        failures.disown((1, 4));
        failures.disown((7, 7));
        assert_eq!(failures.nameless(), 1);
        assert!(failures.claim((1, 4)).is_some(), "an older epoch's letter named it");
    }

    #[test]
    fn poison_is_counted_by_its_places_and_is_nobodys_failure() {
        let mut failures = Failures::expecting(BTreeSet::from([(0, 1), (0, 2), (0, 3)]));
        for spot in [(0, 1), (0, 2), (0, 2)] {
            failures.add(spot, "no JSON", true);
        }
        let poison = Poison { sent: 3, failed: 2, lost: 1, twice: 1 };
        assert_eq!(failures.poison(), Some(poison));
        assert_eq!(failures.nameless(), 0);
        assert_eq!(Failures::default().poison(), None);
    }
}
