//! The bookkeeping of a load: what was sent, what was found, and what that makes of each id. No I/O.

use load::Outcome;
use serde::Serialize;

/// How many ids of each wrong kind are kept to be shown.
const IDS_SHOWN_MAX: usize = 20;

/// One load's ids with what was found of each: three bytes an id.
#[derive(Debug)]
pub(crate) struct Accounts {
    run: String,
    sent: Vec<Outcome>,
    processed: Vec<u8>,
    failed: Vec<u8>,
    dead: Vec<u8>,
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

/// The ledger's answer, as the design's contract spells it.
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
}

/// The totals, with the first ids of what must not be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) totals: Totals,
    pub(crate) lost: Vec<String>,
    pub(crate) twice: Vec<String>,
}

impl Verdict {
    /// Whether nothing was lost and nothing applied twice.
    pub(crate) fn holds(&self) -> bool {
        self.totals.lost == 0 && self.totals.twice == 0
    }
}

impl Accounts {
    /// Opens the books for run `run`, of which `sent` says what became of each request.
    pub(crate) fn open(run: String, sent: Vec<Outcome>) -> Self {
        let empty = || vec![0; sent.len()];
        Self { processed: empty(), failed: empty(), dead: empty(), run, sent }
    }

    /// Books one sighting of `load_id`; ids of other runs are passed over. Says whether it is one
    /// of this run.
    pub(crate) fn book(&mut self, load_id: &str, found: Found) -> bool {
        let Some(sequence) = self.sequence(load_id) else { return false };
        let column = match found {
            Found::Processed => &mut self.processed,
            Found::Failed => &mut self.failed,
            Found::Dead => &mut self.dead,
        };
        let Some(count) = column.get_mut(sequence) else { return false };
        *count = count.saturating_add(1);
        true
    }

    fn sequence(&self, load_id: &str) -> Option<usize> {
        load_id.strip_prefix(&self.run)?.strip_prefix('-')?.parse().ok()
    }

    /// Closes the books.
    pub(crate) fn close(&self, drained: Drained) -> Verdict {
        let mut verdict =
            Verdict { totals: Totals::default(), lost: Vec::new(), twice: Vec::new() };
        for sequence in 0..self.sent.len() {
            self.judge(sequence, drained, &mut verdict);
        }
        verdict
    }

    fn judge(&self, sequence: usize, drained: Drained, verdict: &mut Verdict) {
        let (processed, failed) = (self.processed[sequence], self.failed[sequence]);
        let totals = &mut verdict.totals;
        totals.processed += u64::from(processed > 0);
        totals.failed += u64::from(failed > 0);
        totals.dead += u64::from(self.dead[sequence] > 0);
        let ended = processed.saturating_add(failed);
        if ended > 1 {
            totals.twice += 1;
            self.show(sequence, &mut verdict.twice);
        }
        match self.sent[sequence] {
            Outcome::Accepted => {
                totals.accepted += 1;
                match (ended, drained) {
                    (0, Drained::Yes) => {
                        totals.lost += 1;
                        self.show(sequence, &mut verdict.lost);
                    }
                    (0, Drained::No) => totals.pending += 1,
                    (1.., Drained::Yes | Drained::No) => {}
                }
            }
            Outcome::Ambiguous => totals.ambiguous += 1,
            Outcome::Refused | Outcome::NotSent => {}
        }
    }

    fn show(&self, sequence: usize, ids: &mut Vec<String>) {
        if ids.len() < IDS_SHOWN_MAX {
            ids.push(format!("{}-{sequence}", self.run));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accounts(sent: &[Outcome]) -> Accounts {
        Accounts::open("cafe0123".to_owned(), sent.to_vec())
    }

    #[test]
    fn an_accepted_id_found_once_is_processed() {
        let mut accounts = accounts(&[Outcome::Accepted]);
        accounts.book("cafe0123-0", Found::Processed);
        let verdict = accounts.close(Drained::Yes);
        assert_eq!(verdict.totals, Totals { accepted: 1, processed: 1, ..Totals::default() });
        assert!(verdict.holds());
    }

    #[test]
    fn an_accepted_id_that_is_nowhere_is_lost_once_nothing_waits() {
        let verdict = accounts(&[Outcome::Accepted, Outcome::Accepted]).close(Drained::Yes);
        assert_eq!(verdict.totals, Totals { accepted: 2, lost: 2, ..Totals::default() });
        assert_eq!(verdict.lost, ["cafe0123-0", "cafe0123-1"]);
        assert!(!verdict.holds());
    }

    #[test]
    fn an_accepted_id_that_is_nowhere_is_pending_while_records_wait() {
        let verdict = accounts(&[Outcome::Accepted]).close(Drained::No);
        assert_eq!(verdict.totals, Totals { accepted: 1, pending: 1, ..Totals::default() });
        assert!(verdict.holds());
    }

    #[test]
    fn an_id_applied_twice_is_told() {
        let mut accounts = accounts(&[Outcome::Accepted]);
        accounts.book("cafe0123-0", Found::Processed);
        accounts.book("cafe0123-0", Found::Processed);
        let verdict = accounts.close(Drained::Yes);
        assert_eq!((verdict.totals.processed, verdict.totals.twice), (1, 1));
        assert_eq!(verdict.twice, ["cafe0123-0"]);
        assert!(!verdict.holds());
    }

    #[test]
    fn an_id_both_processed_and_failed_was_applied_twice() {
        let mut accounts = accounts(&[Outcome::Accepted]);
        accounts.book("cafe0123-0", Found::Processed);
        accounts.book("cafe0123-0", Found::Failed);
        assert_eq!(accounts.close(Drained::Yes).totals.twice, 1);
    }

    #[test]
    fn an_ambiguous_id_may_be_there_or_not_but_not_twice() {
        let mut accounts = accounts(&[Outcome::Ambiguous, Outcome::Ambiguous, Outcome::Ambiguous]);
        accounts.book("cafe0123-1", Found::Processed);
        accounts.book("cafe0123-2", Found::Processed);
        accounts.book("cafe0123-2", Found::Processed);
        let totals = accounts.close(Drained::Yes).totals;
        assert_eq!(totals, Totals { ambiguous: 3, processed: 2, twice: 1, ..Totals::default() });
    }

    #[test]
    fn a_failed_id_is_not_lost_and_its_dead_letters_are_no_second_application() {
        let mut accounts = accounts(&[Outcome::Accepted]);
        accounts.book("cafe0123-0", Found::Failed);
        accounts.book("cafe0123-0", Found::Dead);
        accounts.book("cafe0123-0", Found::Dead);
        let totals = accounts.close(Drained::Yes).totals;
        assert_eq!(totals, Totals { accepted: 1, failed: 1, dead: 1, ..Totals::default() });
    }

    #[test]
    fn ids_of_other_runs_and_beyond_the_run_are_passed_over() {
        let mut accounts = accounts(&[Outcome::Refused]);
        for id in ["beef0123-0", "cafe0123-7", "cafe0123-x", "cafe01230", ""] {
            assert!(!accounts.book(id, Found::Processed), "{id}");
        }
        assert_eq!(accounts.close(Drained::Yes).totals, Totals::default());
    }
}
