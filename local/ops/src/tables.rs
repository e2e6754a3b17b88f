//! What a person reads: aligned text.

use std::fmt::Write as _;

use crate::accounts::Totals;

/// The ledger, a line a count.
pub(crate) fn ledger(totals: &Totals) -> String {
    let Totals { accepted, ambiguous, processed, failed, dead, pending, lost, twice } = totals;
    let rows = [
        ("accepted", accepted),
        ("ambiguous", ambiguous),
        ("processed", processed),
        ("failed", failed),
        ("dead letters", dead),
        ("pending", pending),
        ("lost", lost),
        ("applied twice", twice),
    ];
    rows.iter().fold(String::new(), |mut text, (name, count)| {
        writeln!(text, "{name:<14}{count:>10}").expect("text grows");
        text
    })
}

/// The ids of what must not be: the first of them, and how many more there are.
pub(crate) fn ids(what: &str, shown: &[String], count: u64) -> String {
    let mut text = format!("{what}: {}", shown.join(" "));
    let more = count.saturating_sub(shown.len() as u64);
    if more > 0 {
        write!(text, " and {more} more").expect("text grows");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_that_are_not_shown_are_counted() {
        let shown = ["a".to_owned(), "b".to_owned()];
        assert_eq!(ids("lost", &shown, 2), "lost: a b");
        assert_eq!(ids("lost", &shown, 5), "lost: a b and 3 more");
    }

    #[test]
    fn the_counts_are_aligned() {
        let totals = Totals { accepted: 10_000, processed: 9_999, lost: 1, ..Totals::default() };
        let text = ledger(&totals);
        assert_eq!(text.lines().next(), Some("accepted           10000"));
        assert!(text.lines().all(|line| line.len() == 24), "{text}");
    }
}
