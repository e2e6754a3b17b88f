//! What a person reads: aligned text.

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
    rows.iter().map(|(name, count)| format!("{name:<14}{count:>10}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_counts_are_aligned() {
        let totals = Totals { accepted: 10_000, processed: 9_999, lost: 1, ..Totals::default() };
        let text = ledger(&totals);
        assert_eq!(text.lines().next(), Some("accepted           10000"));
        assert!(text.lines().all(|line| line.len() == 24), "{text}");
    }
}
