//! The bookkeeping of a load: what was sent, what was found, and what that makes of each id. No I/O.
//!
//! One byte an id, whatever is found: ten million ids take 10 MB.

mod entry;

use std::collections::BTreeMap;

use load::Outcome;
use serde::Serialize;

use self::entry::Entry;

/// How many ids of each wrong kind are kept to be shown.
const IDS_SHOWN_MAX: usize = 20;

/// One load's ids with what was found of each.
#[derive(Debug)]
pub(crate) struct Accounts {
    run: String,
    entries: Vec<Entry>,
    /// Ids found beyond those: a generator that was killed could not write its last ones down.
    beyond: BTreeMap<usize, Entry>,
    reasons: BTreeMap<String, u64>,
    /// Failures of which nobody can know whether they are of this load.
    nameless: u64,
    poison: Option<Poison>,
}

/// Where an id was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// Applied, its body archived.
    Processed,
    /// Given up, with a reason.
    Failed,
    /// A copy among the dead letters.
    Dead,
}

/// Whether everything that was accepted had the time to be processed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Drained {
    /// No record waits any more: what is not found is lost.
    Yes,
    /// Records wait: what is not found may still come.
    No,
}

/// What became of the records that cannot be processed, which were written on purpose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Poison {
    /// Kafka has them.
    pub(crate) sent: u64,
    /// Given up, as they should be.
    pub(crate) failed: u64,
    /// Not given up, and nothing waits.
    pub(crate) lost: u64,
    /// Given up more than once.
    pub(crate) twice: u64,
}

/// The ledger's answer, as the design's contract spells it; what is rare comes only where it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Totals {
    /// Answered with 202.
    pub(crate) accepted: u64,
    /// Nobody can know whether they were registered.
    pub(crate) ambiguous: u64,
    /// Found in the archive.
    pub(crate) processed: u64,
    /// Given up, with a reason.
    pub(crate) failed: u64,
    /// Found among the dead letters.
    pub(crate) dead: u64,
    /// Accepted, not found, and records still wait.
    pub(crate) pending: u64,
    /// Accepted, not found, and nothing waits.
    pub(crate) lost: u64,
    /// Applied more than once.
    pub(crate) twice: u64,
    /// Whether records still waited: nothing is certain before they are processed.
    #[serde(skip)]
    pub(crate) waiting: bool,
    /// Accepted, not found, and perhaps among failures whose record nobody has any more.
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) unknown: u64,
    /// Refused, and applied all the same: whoever sends it again applies it twice.
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) refused_applied: u64,
    /// Failures of this load by kind of reason.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) reasons: BTreeMap<String, u64>,
    /// What was written to fail.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) poison: Option<Poison>,
    /// The first ids of those lost or unknown.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) lost_ids: Vec<String>,
    /// The first ids of those applied twice.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) twice_ids: Vec<String>,
    /// The first ids of those refused and applied.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) refused_applied_ids: Vec<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl Totals {
    /// Whether every id is accounted for, which none is for certain while records wait.
    pub(crate) fn holds(&self) -> bool {
        let poison = self.poison.unwrap_or_default();
        let wrong = [self.lost, self.twice, self.unknown, self.refused_applied];
        !self.waiting && wrong.iter().sum::<u64>() + poison.lost + poison.twice == 0
    }
}

impl Accounts {
    /// Opens the books for run `run`, of which `sent` says what became of each request.
    pub(crate) fn open(run: String, sent: impl Iterator<Item = Outcome>) -> Self {
        let entries = sent.map(Entry::new).collect();
        let (beyond, reasons) = Default::default();
        Self { run, entries, beyond, reasons, nameless: 0, poison: None }
    }

    /// Books one sighting of `load_id`; ids of other runs are passed over. Says whether it is one
    /// of this run.
    pub(crate) fn book(&mut self, load_id: &str, found: Found) -> bool {
        let Some(sequence) = self.sequence(load_id) else { return false };
        let unwritten = || Entry::new(Outcome::Ambiguous);
        let entry = match self.entries.get_mut(sequence) {
            Some(entry) => entry,
            None => self.beyond.entry(sequence).or_insert_with(unwritten),
        };
        entry.book(found);
        true
    }

    /// Books the kind of reason for which one of the load's records failed.
    pub(crate) fn book_reason(&mut self, kind: &str) {
        *self.reasons.entry(kind.to_owned()).or_default() += 1;
    }

    /// Books failures that may or may not be of this load.
    pub(crate) fn book_nameless(&mut self, failures: u64) {
        self.nameless += failures;
    }

    /// Books what became of the poison.
    pub(crate) fn book_poison(&mut self, poison: Poison) {
        self.poison = Some(poison);
    }

    fn sequence(&self, load_id: &str) -> Option<usize> {
        load_id.strip_prefix(&self.run)?.strip_prefix('-')?.parse().ok()
    }

    /// Closes the books.
    pub(crate) fn close(self, drained: Drained) -> Totals {
        let mut totals = Totals::default();
        let beyond = self.beyond.iter().map(|(sequence, entry)| (*sequence, entry));
        for (sequence, entry) in self.entries.iter().enumerate().chain(beyond) {
            self.judge(sequence, *entry, &mut totals);
        }
        let missing = std::mem::take(&mut totals.lost);
        match drained {
            Drained::No => {
                totals.waiting = true;
                totals.pending = missing;
                totals.lost_ids.clear();
            }
            Drained::Yes => {
                totals.unknown = missing.min(self.nameless);
                totals.lost = missing - totals.unknown;
            }
        }
        totals.poison = self.poison.map(|poison| poison.settled(drained));
        totals.reasons = self.reasons;
        totals
    }

    fn judge(&self, sequence: usize, entry: Entry, totals: &mut Totals) {
        totals.processed += u64::from(entry.processed() > 0);
        totals.failed += u64::from(entry.failed() > 0);
        totals.dead += u64::from(entry.is_dead());
        let ended = entry.processed() + entry.failed();
        if ended > 1 {
            totals.twice += 1;
            self.show(sequence, &mut totals.twice_ids);
        }
        match entry.outcome() {
            Outcome::Accepted => {
                totals.accepted += 1;
                if ended == 0 {
                    totals.lost += 1;
                    self.show(sequence, &mut totals.lost_ids);
                }
            }
            Outcome::Ambiguous => totals.ambiguous += 1,
            Outcome::Refused | Outcome::NotSent if ended > 0 => {
                totals.refused_applied += 1;
                self.show(sequence, &mut totals.refused_applied_ids);
            }
            Outcome::Refused | Outcome::NotSent => {}
        }
    }

    fn show(&self, sequence: usize, ids: &mut Vec<String>) {
        if ids.len() < IDS_SHOWN_MAX {
            ids.push(format!("{}-{sequence}", self.run));
        }
    }
}

impl Poison {
    /// What is missing while records wait may still come.
    fn settled(self, drained: Drained) -> Self {
        match drained {
            Drained::Yes => self,
            Drained::No => Self { lost: 0, ..self },
        }
    }
}

#[cfg(test)]
mod tests;
