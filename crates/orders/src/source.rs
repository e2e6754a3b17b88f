//! What was counted of the outcomes of one source: only the next one counts.

use std::collections::BTreeMap;

use crate::{Outcome, Tally};

/// How many minutes are told apart.
const MINUTES_MAX: i64 = 60;

const MINUTE_MS: i64 = 60_000;

/// What was counted of one source.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Source {
    /// The number of the next outcome: every lower one is counted, none from it on is.
    pub next: u64,
    /// Its orders.
    pub tally: Tally,
    /// Orders placed in each of the last minutes, by minutes since 1970.
    pub minutes: BTreeMap<i64, u64>,
    /// Raised by one by every write, and the condition of each. 0 where nothing was written yet.
    pub version: u64,
}

/// What an outcome is to a count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// The next one: it counts.
    Counted,
    /// One that was counted before.
    Repeated,
    /// One before which others are missing. Whoever published it will publish those, and then it
    /// again, for it counts as published only behind them.
    Early,
}

impl Source {
    /// Counts an outcome if it is the next one.
    pub fn take(&mut self, outcome: &Outcome) -> Taken {
        if outcome.number < self.next {
            return Taken::Repeated;
        }
        if outcome.number > self.next {
            return Taken::Early;
        }
        self.next += 1;
        self.tally.add(&outcome.decision, outcome.placed_at_ms);
        let minute = outcome.placed_at_ms.div_euclid(MINUTE_MS);
        *self.minutes.entry(minute).or_default() += 1;
        let latest = self.minutes.last_key_value().map_or(minute, |(latest, _)| *latest);
        self.minutes.retain(|minute, _| latest - minute < MINUTES_MAX);
        Taken::Counted
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Decision;

    fn outcome(number: u64, minute: i64) -> Outcome {
        Outcome {
            number,
            offset: 0,
            order_id: String::new(),
            user_id: String::new(),
            item: String::new(),
            quantity: 1,
            placed_at_ms: minute * MINUTE_MS + 1,
            decision: Decision::Reserved,
        }
    }

    #[test]
    fn only_the_next_outcome_counts() {
        use Taken::{Counted, Early, Repeated};
        let mut source = Source::default();
        let taken = [0, 2, 0, 1, 3, 2, 1, 3].map(|number| source.take(&outcome(number, 0)));
        let expected = [Counted, Early, Repeated, Counted, Early, Counted, Repeated, Counted];
        assert_eq!(taken, expected);
        assert_eq!((source.next, source.tally.orders()), (4, 4));
    }

    #[test]
    fn an_hour_of_minutes_is_told_apart() {
        let mut source = Source::default();
        for (number, minute) in [(0, 100), (1, 100), (2, 159), (3, 101), (4, 160), (5, 90)] {
            source.take(&outcome(number, minute));
        }
        assert_eq!(source.minutes, BTreeMap::from([(101, 1), (159, 1), (160, 1)]));
        assert_eq!(source.tally.orders(), 6);
    }
}
