//! What a person reads: aligned text.

use std::fmt::Write as _;

use crate::accounts::Totals;
use crate::pipeline::OrderTotals;

/// The ledger, a line a count; what is rare has one only where it is.
pub(crate) fn ledger(totals: &Totals) -> String {
    let usual = [
        ("accepted", totals.accepted),
        ("ambiguous", totals.ambiguous),
        ("processed", totals.processed),
        ("failed", totals.failed),
        ("dead letters", totals.dead),
        ("pending", totals.pending),
        ("lost", totals.lost),
        ("applied twice", totals.twice),
    ];
    let rare = [("unknown", totals.unknown), ("refused, yet applied", totals.refused_applied)];
    let poison = totals.poison.map(|poison| {
        [
            ("poison sent", poison.sent),
            ("poison failed", poison.failed),
            ("poison lost", poison.lost),
            ("poison twice", poison.twice),
        ]
    });
    let rare = rare.into_iter().filter(|(_, count)| *count > 0);
    let rows = usual.into_iter().chain(rare).chain(poison.into_iter().flatten());
    let mut text = String::new();
    for (name, count) in rows {
        writeln!(text, "{name:<21}{count:>10}").expect("text grows");
    }
    for (reason, count) in &totals.reasons {
        writeln!(text, "  failed: {count} x {reason}").expect("text grows");
    }
    text
}

/// What a ledger of orders tells beyond that.
pub(crate) fn orders(totals: &OrderTotals) -> String {
    let adds_up = if totals.stock_adds_up { "yes" } else { "no" };
    let rows = [
        ("outcomes missing", totals.outcomes_missing.to_string()),
        ("outcomes twice", totals.outcomes_twice.to_string()),
        ("decided, of all", totals.decided.to_string()),
        ("counted, of all", totals.counted.to_string()),
        ("stock adds up", adds_up.to_owned()),
    ];
    rows.iter().fold(String::new(), |mut text, (name, value)| {
        writeln!(text, "{name:<21}{value:>10}").expect("text grows");
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
    use crate::accounts::Poison;

    #[test]
    fn ids_that_are_not_shown_are_counted() {
        let shown = ["a".to_owned(), "b".to_owned()];
        assert_eq!(ids("lost", &shown, 2), "lost: a b");
        assert_eq!(ids("lost", &shown, 5), "lost: a b and 3 more");
    }

    #[test]
    fn the_counts_are_aligned() {
        let poison = Some(Poison { sent: 3, failed: 3, lost: 0, twice: 0 });
        let totals = Totals { accepted: 10_000, unknown: 1, poison, ..Totals::default() };
        let text = ledger(&totals);
        assert_eq!(text.lines().next(), Some("accepted                  10000"));
        assert_eq!(text.lines().count(), 8 + 1 + 4, "{text}");
        assert!(text.lines().all(|line| line.len() == 31), "{text}");
    }
}
