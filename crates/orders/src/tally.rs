//! How many orders ended how, and over which time.

use serde::Serialize;

use crate::Decision;

/// The shortest time that a rate is told for: below it, a rate would be a guess.
const SPAN_MIN_MS: i64 = 60_000;

/// Orders by what was decided, with the times of the first and the last one decided.
///
/// Times are those at which orders were placed, so that counting again gives the same figures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// Orders that got what they asked for.
    pub reserved: u64,
    /// Orders that got nothing.
    pub failed: u64,
    /// When the first was placed, in milliseconds since 1970; `None` before it.
    pub first_ms: Option<i64>,
    /// When the last was placed.
    pub last_ms: Option<i64>,
}

impl Tally {
    /// Counts one order.
    pub fn add(&mut self, decision: &Decision, placed_at_ms: i64) {
        match decision {
            Decision::Reserved => self.reserved += 1,
            Decision::Failed(_) => self.failed += 1,
        }
        self.first_ms = self.first_ms.or(Some(placed_at_ms));
        self.last_ms = Some(placed_at_ms);
    }

    /// Adds what was counted elsewhere.
    pub fn merge(&mut self, other: &Self) {
        self.reserved += other.reserved;
        self.failed += other.failed;
        self.first_ms = [self.first_ms, other.first_ms].into_iter().flatten().min();
        self.last_ms = [self.last_ms, other.last_ms].into_iter().flatten().max();
    }

    /// All orders.
    pub fn orders(&self) -> u64 {
        self.reserved + self.failed
    }

    /// How many in 100 orders failed; 0 where there are none.
    pub fn failure_rate(&self) -> f64 {
        if self.orders() == 0 { 0.0 } else { percent(self.failed, self.orders()) }
    }

    /// Orders per minute between the first and the last, over a minute at least.
    pub fn orders_per_minute(&self) -> f64 {
        let (Some(first_ms), Some(last_ms)) = (self.first_ms, self.last_ms) else { return 0.0 };
        let span_ms = (last_ms - first_ms).max(SPAN_MIN_MS);
        hundredths(float(self.orders()) * 60_000.0 / float(span_ms.unsigned_abs()))
    }
}

fn percent(part: u64, whole: u64) -> f64 {
    hundredths(float(part) * 100.0 / float(whole))
}

/// Figures for people: two digits, and no noise behind them.
fn hundredths(number: f64) -> f64 {
    (number * 100.0).round() / 100.0
}

#[expect(clippy::cast_precision_loss, reason = "a figure to read, exact up to 2^53")]
fn float(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(times_ms: &[i64]) -> Tally {
        let mut tally = Tally::default();
        for at_ms in times_ms {
            tally.add(&Decision::Reserved, *at_ms);
        }
        tally
    }

    #[test]
    fn rates_come_from_when_orders_were_placed() {
        assert!(tally(&[]).orders_per_minute().abs() < f64::EPSILON);
        assert!((tally(&[5, 6, 7]).orders_per_minute() - 3.0).abs() < f64::EPSILON, "in a minute");
        let two_minutes = tally(&[0, 30_000, 120_000]);
        assert!((two_minutes.orders_per_minute() - 1.5).abs() < f64::EPSILON);
    }

    #[test]
    fn failures_are_told_in_percent() {
        let mut some = tally(&[1, 2]);
        some.add(&Decision::Failed("x".into()), 3);
        assert!((some.failure_rate() - 33.33).abs() < f64::EPSILON);
        assert!(Tally::default().failure_rate().abs() < f64::EPSILON);
    }

    #[test]
    fn merging_takes_the_earliest_and_the_latest() {
        let mut merged = tally(&[50, 60]);
        merged.merge(&tally(&[10]));
        merged.merge(&Tally::default());
        assert_eq!((merged.orders(), merged.first_ms, merged.last_ms), (3, Some(10), Some(60)));
    }
}
