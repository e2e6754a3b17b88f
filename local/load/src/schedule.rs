//! When requests of an open model are due: so many a second, or a rate that moves from one to
//! another. Pure.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// More than one generator can send; a higher rate is a mistake.
const RATE_MAX: f64 = 1_000_000.0;

/// Requests a second: one rate, or two, between which it moves evenly over the run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rate {
    from: f64,
    to: f64,
}

/// A text that is no rate.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected requests a second, as in `500`, or a ramp, as in `100..2000`")]
pub struct RateError;

impl Rate {
    /// The same rate all the time.
    pub const fn constant(per_second: u32) -> Self {
        Self { from: per_second as f64, to: per_second as f64 }
    }
}

impl FromStr for Rate {
    type Err = RateError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (from, to) = text.split_once("..").unwrap_or((text, text));
        let rate =
            |text: &str| text.trim().parse().ok().filter(|rate| (0.0..=RATE_MAX).contains(rate));
        match (rate(from), rate(to)) {
            (Some(from), Some(to)) if from + to > 0.0 => Ok(Self { from, to }),
            _ => Err(RateError),
        }
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { from, to } = self;
        write!(formatter, "{from}")?;
        if self.is_ramp() { write!(formatter, "..{to}") } else { Ok(()) }
    }
}

impl Rate {
    #[expect(clippy::float_cmp, reason = "both come from one text, or from two")]
    fn is_ramp(self) -> bool {
        self.from != self.to
    }

    /// Requests due in `duration`.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a positive count")]
    fn requests_in(self, duration: Duration) -> u64 {
        let exact = f64::midpoint(self.from, self.to) * duration.as_secs_f64();
        // A hair less, so that 0.1 s at 30/s is 3 and not 4 requests.
        ((exact - 1e-6).ceil() as u64).max(1)
    }

    /// The time in which so many requests become due.
    #[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
    fn time_of(self, requests: u64) -> Duration {
        Duration::from_secs_f64(requests as f64 / f64::midpoint(self.from, self.to))
    }
}

/// The times at which a run's requests are due.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Schedule {
    from: f64,
    /// Requests a second, gained each second.
    slope: f64,
    requests: u64,
}

impl Schedule {
    /// All requests of `duration`.
    pub(crate) fn over(rate: Rate, duration: Duration) -> Self {
        let slope = (rate.to - rate.from) / duration.as_secs_f64();
        Self { from: rate.from, slope, requests: rate.requests_in(duration) }
    }

    /// So many requests.
    pub(crate) fn of(rate: Rate, requests: u64) -> Self {
        Self { requests, ..Self::over(rate, rate.time_of(requests)) }
    }

    /// How many requests there are.
    pub(crate) fn requests(&self) -> u64 {
        self.requests
    }

    /// When request `sequence` is due, after the start.
    #[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
    pub(crate) fn due(&self, sequence: u64) -> Duration {
        if sequence == 0 {
            return Duration::ZERO;
        }
        // The area under the rate is the count: from * t + slope * t^2 / 2 = sequence.
        let count = sequence as f64;
        let root = (self.from * self.from + 2.0 * self.slope * count).max(0.0).sqrt();
        Duration::from_secs_f64(2.0 * count / (self.from + root))
    }

    /// How many requests are due `elapsed` after the start.
    pub(crate) fn due_by(&self, elapsed: Duration) -> u64 {
        let (mut low, mut high) = (0, self.requests);
        while low < high {
            let middle = low + (high - low) / 2;
            if self.due(middle) <= elapsed { low = middle + 1 } else { high = middle }
        }
        low
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(text: &str) -> Rate {
        text.parse().unwrap()
    }

    #[test]
    fn a_rate_spreads_its_requests_evenly() {
        let schedule = Schedule::over(rate("4"), Duration::from_secs(1));
        let due: Vec<_> = (0..schedule.requests()).map(|n| schedule.due(n).as_millis()).collect();
        assert_eq!(due, [0, 250, 500, 750]);
        assert_eq!(Schedule::over(rate("30"), Duration::from_millis(100)).requests(), 3);
        assert_eq!(Schedule::over(rate("0.1"), Duration::from_secs(1)).requests(), 1);
    }

    #[test]
    fn a_ramp_goes_evenly_from_one_rate_to_the_other() {
        let schedule = Schedule::over(rate("0..200"), Duration::from_secs(10));
        assert_eq!(schedule.requests(), 1_000);
        assert_eq!(schedule.due(250), Duration::from_secs(5), "a quarter in the first half");
        let down = Schedule::of(rate("200..0"), 1_000);
        assert_eq!(down.due(750), Duration::from_secs(5));
        assert!(down.due(999) < Duration::from_secs(10));
    }

    #[test]
    fn what_is_due_is_counted_and_never_in_the_wrong_order() {
        for text in ["7", "1..1000", "1000..1", "0..3"] {
            let schedule = Schedule::of(rate(text), 500);
            for sequence in 0..500 {
                let due = schedule.due(sequence);
                assert!(sequence == 0 || due > schedule.due(sequence - 1), "{text} {sequence}");
                assert_eq!(schedule.due_by(due), sequence + 1, "{text} {sequence}");
            }
            assert_eq!(schedule.due_by(Duration::from_secs(1_000_000)), 500);
        }
    }

    #[test]
    fn reads_rates_and_ramps_and_nothing_else() {
        for text in ["500", "0.5", "100..2000"] {
            assert_eq!(rate(text).to_string(), text);
        }
        for text in ["", "0", "-1", "x", "1..", "..", "nan", "inf", "2000000", "5..-1"] {
            assert_eq!(text.parse::<Rate>(), Err(RateError), "{text}");
        }
    }
}
