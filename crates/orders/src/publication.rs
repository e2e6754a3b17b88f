//! Which outcomes of an outbox are to be published, and which are. No I/O.

use crate::Outcome;

/// How far a source's outcomes are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// The number of the next outcome.
    pub next: u64,
    /// Every outcome with a lower number is published.
    pub published: u64,
}

/// The outcomes of one transaction, at least one, with consecutive numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// In order of their numbers.
    pub outcomes: Vec<Outcome>,
}

impl Entry {
    /// The number of the first outcome.
    pub fn first(&self) -> u64 {
        self.outcomes.first().map_or(0, |outcome| outcome.number)
    }

    /// The number after the last outcome's.
    pub fn end(&self) -> u64 {
        self.outcomes.last().map_or(0, |outcome| outcome.number + 1)
    }
}

/// What is to be done with the entries of an outbox.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Publication {
    /// Published, and not removed yet.
    pub done: Vec<Entry>,
    /// To be published, in this order: consecutive, from the first that is not published.
    ///
    /// Where entries were read while others were written or removed, some may be missing; what lies
    /// behind a gap waits until somebody reads again.
    pub due: Vec<Entry>,
}

impl Publication {
    /// Sorts the entries of an outbox, given in order, by how far it is published.
    pub fn of(head: Head, entries: Vec<Entry>) -> Self {
        let mut publication = Self::default();
        let mut next = head.published;
        for entry in entries {
            if entry.end() <= head.published {
                publication.done.push(entry);
            } else if entry.first() == next {
                next = entry.end();
                publication.due.push(entry);
            } else {
                break;
            }
        }
        publication
    }

    /// How many of the entries that were due are published, by the offset of each outcome's
    /// acknowledgement, `None` where there was none.
    ///
    /// Outcomes count as published as far as every one is acknowledged, each behind the one before:
    /// whoever reads the topic then meets all of them in order.
    pub fn published(&self, acknowledged: &[Option<i64>]) -> usize {
        let mut last = -1;
        let in_order = acknowledged.iter().take_while(|offset| {
            let behind = offset.filter(|offset| *offset > last);
            last = behind.unwrap_or(last);
            behind.is_some()
        });
        let mut outcomes = in_order.count();
        let whole = self.due.iter().take_while(|entry| {
            let left = outcomes.checked_sub(entry.outcomes.len());
            outcomes = left.unwrap_or_default();
            left.is_some()
        });
        whole.count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Decision;

    fn entry(numbers: std::ops::Range<u64>) -> Entry {
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
        Entry { outcomes: numbers.map(outcome).collect() }
    }

    #[test]
    fn what_follows_on_what_is_published_is_due() {
        let head = Head { next: 20, published: 5 };
        let entries = vec![entry(0..3), entry(3..5), entry(5..8), entry(8..9), entry(12..20)];
        let publication = Publication::of(head, entries);
        assert_eq!(publication.done, [entry(0..3), entry(3..5)]);
        assert_eq!(publication.due, [entry(5..8), entry(8..9)], "a gap is not stepped over");
        let behind_a_gap = Publication::of(head, vec![entry(8..9)]);
        assert_eq!(behind_a_gap, Publication::default());
    }

    #[test]
    fn entries_are_published_whole_without_a_gap_and_in_order() {
        let publication = Publication::of(Head::default(), vec![entry(0..2), entry(2..4)]);
        for (acknowledged, published) in [
            ([Some(7), Some(8), Some(9), Some(10)], 2),
            ([Some(0), Some(8), Some(9), None], 1),
            ([Some(7), None, Some(9), Some(10)], 0),
            ([Some(8), Some(7), Some(9), Some(10)], 0),
            ([Some(7), Some(9), Some(8), Some(10)], 1),
            ([Some(7), Some(9), Some(9), Some(10)], 1),
        ] {
            assert_eq!(publication.published(&acknowledged), published, "{acknowledged:?}");
        }
    }
}
