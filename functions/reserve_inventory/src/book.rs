//! What one invocation knows of the outbox that it adds to. No I/O.

use orders::{Entry, Head, Outcome};

/// What an invocation has added to an outbox.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Added {
    /// These entries, behind a head that was read before; nobody else has decided any of their orders.
    Entries(Head, Vec<Entry>),
    /// Nothing; the entry that was to leave is still there.
    Nothing(Option<u64>),
    /// That is not certain, or not all: the table knows.
    Unknown,
}

/// Entries on their way into the table.
#[derive(Debug, Default)]
pub(crate) struct Book {
    leaving: Option<u64>,
    /// The head before the first entry.
    read: Option<Head>,
    /// The head and the outcomes of the last judgement.
    judged: Option<(Head, Vec<Outcome>)>,
    entries: Vec<Entry>,
    /// Whether an entry is in the table that may be another invocation's.
    is_unclear: bool,
}

impl Book {
    /// A book for an outbox with an entry that may leave it, by its first number.
    pub(crate) fn new(leaving: Option<u64>) -> Self {
        Self { leaving, ..Self::default() }
    }

    /// The first number of the entry that leaves with the next transaction.
    pub(crate) fn leaving(&self) -> Option<u64> {
        self.leaving
    }

    /// Outcomes are on their way into the table, behind a head that was read.
    pub(crate) fn judged(&mut self, read: Head, outcomes: Vec<Outcome>) {
        self.judged = Some((read, outcomes));
    }

    /// The last judgement is in the table, or one that looks the same.
    pub(crate) fn committed(&mut self, is_own: bool) {
        let Some((read, outcomes)) = self.judged.take().filter(|(_, some)| !some.is_empty()) else {
            return;
        };
        self.is_unclear |= !is_own;
        self.read.get_or_insert(read);
        self.entries.push(Entry { outcomes });
        self.leaving = None;
    }

    /// What was added; `alone` where no order of the slice was decided by anybody else, and none is left.
    pub(crate) fn added(self, alone: bool) -> Added {
        match self.read {
            _ if !alone || self.is_unclear => Added::Unknown,
            Some(read) => Added::Entries(read, self.entries),
            None => Added::Nothing(self.leaving),
        }
    }
}

#[cfg(test)]
mod tests {
    use orders::Decision;

    use super::*;

    fn outcomes(numbers: std::ops::Range<u64>) -> Vec<Outcome> {
        let outcome = |number| Outcome {
            number,
            offset: 0,
            order_id: String::new(),
            user_id: String::new(),
            item: String::new(),
            quantity: 1,
            placed_at_ms: 0,
            decision: Decision::Reserved,
        };
        numbers.map(outcome).collect()
    }

    fn head(next: u64) -> Head {
        Head { next, published: next }
    }

    #[test]
    fn only_what_was_committed_is_added_behind_the_first_head() {
        let mut book = Book::new(Some(3));
        book.judged(head(5), outcomes(5..7));
        book.judged(head(6), outcomes(6..8));
        assert_eq!(book.leaving(), Some(3), "it has not left yet");
        book.committed(true);
        assert_eq!(book.leaving(), None);
        book.judged(head(8), outcomes(8..9));
        book.committed(true);
        let entry = |numbers| Entry { outcomes: outcomes(numbers) };
        assert_eq!(book.added(true), Added::Entries(head(6), vec![entry(6..8), entry(8..9)]));
    }

    #[test]
    fn a_commit_without_outcomes_adds_nothing_and_lets_nothing_leave() {
        let mut book = Book::new(Some(3));
        book.judged(head(5), Vec::new());
        book.committed(true);
        assert_eq!(book.added(true), Added::Nothing(Some(3)));
    }

    #[test]
    fn an_entry_that_may_be_anothers_is_not_forgotten_over_what_follows() {
        for before in [0..0, 3..5] {
            let mut book = Book::new(Some(3));
            book.judged(head(before.start), outcomes(before.clone()));
            book.committed(true);
            book.judged(head(5), outcomes(5..6));
            book.committed(false);
            book.judged(head(6), Vec::new());
            book.committed(true);
            assert_eq!(book.added(true), Added::Unknown, "{before:?}");
        }
    }

    #[test]
    fn what_others_may_have_decided_is_not_known() {
        let mut book = Book::new(None);
        book.judged(head(5), outcomes(5..6));
        book.committed(true);
        assert_eq!(book.added(false), Added::Unknown);
    }
}
