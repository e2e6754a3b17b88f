//! A schedule of faults made up from a seed, without end. Pure: the same seed and the same kinds
//! give the same faults at the same times.

use std::time::Duration;

use fastrand::Rng;

use super::spec::{Fault, Share, Timed};

/// Time between two faults, at least; 5 s on average.
const INTERVAL_MIN: Duration = Duration::from_secs(2);

/// How far a fault may lie from the average, either way.
const SPREAD: Duration = Duration::from_secs(3);

/// Records that cannot be processed, among all others.
const POISON: Share = Share::per_million(500);

/// Which kinds of fault a stack can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Kinds {
    /// Functions run here.
    pub(crate) environments: bool,
    /// There is a mapping.
    pub(crate) pollers: bool,
    /// Kafka can be stopped.
    pub(crate) broker: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Environment,
    Poller,
    Broker,
    Table,
}

/// How often each kind comes in a bag, from which faults are drawn until it is empty, one of each
/// kind first: within 32 s every kind has come, however short the load. A killed poller holds its partitions until its session ends, 10 s:
/// often, and nothing would be processed at all.
const WEIGHTS: [(Kind, usize); 4] =
    [(Kind::Environment, 5), (Kind::Poller, 1), (Kind::Broker, 2), (Kind::Table, 2)];

/// Faults in the order of time, without end.
#[derive(Debug)]
pub(crate) struct Chaos {
    random: Rng,
    kinds: Vec<(Kind, usize)>,
    bag: Vec<Kind>,
    last: Duration,
}

impl Chaos {
    /// The faults of a seed, of the kinds that a stack can have.
    pub(crate) fn new(seed: u64, kinds: Kinds) -> Self {
        let possible = |kind: Kind| match kind {
            Kind::Environment => kinds.environments,
            Kind::Poller => kinds.pollers,
            Kind::Broker => kinds.broker,
            Kind::Table => true,
        };
        let kinds = WEIGHTS.into_iter().filter(|(kind, _)| possible(*kind)).collect();
        let bag = Vec::new();
        Self { random: Rng::with_seed(seed), kinds, bag, last: Duration::ZERO }
    }

    /// The share of records that cannot be processed.
    pub(crate) fn poison() -> Share {
        POISON
    }

    /// Faults are drawn from its end.
    fn fill_bag(&mut self) {
        let again = |&(kind, weight): &(Kind, usize)| std::iter::repeat_n(kind, weight - 1);
        self.bag.extend(self.kinds.iter().flat_map(again));
        self.random.shuffle(&mut self.bag);
        let others = self.bag.len();
        self.bag.extend(self.kinds.iter().map(|(kind, _)| *kind));
        self.random.shuffle(&mut self.bag[others..]);
    }

    fn milliseconds(&mut self, range: std::ops::Range<u64>) -> Duration {
        Duration::from_millis(self.random.u64(range))
    }
}

impl Iterator for Chaos {
    type Item = Timed;

    fn next(&mut self) -> Option<Timed> {
        self.last += INTERVAL_MIN + (2 * SPREAD).mul_f64(self.random.f64());
        let at = Duration::from_millis(u64::try_from(self.last.as_millis()).unwrap_or(u64::MAX));
        if self.bag.is_empty() {
            self.fill_bag();
        }
        let fault = match self.bag.pop()? {
            Kind::Environment => Fault::KillEnvironment { function: None },
            Kind::Poller => Fault::KillPoller { function: None },
            Kind::Broker => Fault::StopBroker { down: self.milliseconds(500..4_000) },
            Kind::Table => Fault::SlowTable {
                delay: self.milliseconds(50..500),
                lasting: self.milliseconds(2_000..8_000),
            },
        };
        Some(Timed { at, fault })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: Kinds = Kinds { environments: true, pollers: true, broker: true };

    #[test]
    fn the_same_seed_gives_the_same_faults_and_another_gives_others() {
        let faults = |seed| Chaos::new(seed, ALL).take(50).collect::<Vec<_>>();
        assert_eq!(faults(7), faults(7));
        assert_ne!(faults(7), faults(8));
    }

    #[test]
    fn faults_come_in_order_and_every_kind_comes() {
        let faults: Vec<_> = Chaos::new(7, ALL).take(1_000).collect();
        assert!(faults.is_sorted_by_key(|timed| timed.at));
        let mean = faults[999].at / 1_000;
        assert!(mean.abs_diff(INTERVAL_MIN + SPREAD) < Duration::from_millis(200), "{mean:?}");
        for bag in faults.chunks(10) {
            let count =
                |is: fn(&Fault) -> bool| bag.iter().filter(|timed| is(&timed.fault)).count();
            assert_eq!(count(|fault| matches!(fault, Fault::KillEnvironment { .. })), 5);
            assert_eq!(count(|fault| matches!(fault, Fault::KillPoller { .. })), 1);
            assert_eq!(count(|fault| matches!(fault, Fault::StopBroker { .. })), 2);
            assert_eq!(count(|fault| matches!(fault, Fault::SlowTable { .. })), 2);
        }
    }

    #[test]
    fn every_kind_comes_within_half_a_minute_or_so_whatever_the_seed() {
        for seed in 0..1_000 {
            let first: Vec<_> = Chaos::new(seed, ALL).take(4).collect();
            let kinds: std::collections::HashSet<_> =
                first.iter().map(|timed| std::mem::discriminant(&timed.fault)).collect();
            assert_eq!(kinds.len(), 4, "{seed}: {first:?}");
            assert!(first[3].at <= Duration::from_secs(32), "{seed}: {first:?}");
        }
    }

    #[test]
    fn a_kind_that_cannot_be_does_not_come() {
        let kinds = Kinds { environments: true, pollers: false, broker: false };
        let mut faults = Chaos::new(7, kinds).take(1_000);
        assert!(faults.all(|timed| matches!(
            timed.fault,
            Fault::KillEnvironment { .. } | Fault::SlowTable { .. }
        )));
    }

    #[test]
    fn the_schedule_can_be_asked_for_again_as_faults() {
        for timed in Chaos::new(7, ALL).take(100) {
            assert_eq!(timed.to_string().parse::<Timed>().unwrap(), timed);
        }
    }
}
