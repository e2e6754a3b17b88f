//! The rules one by one, and simulated from seeds.

use fastrand::Rng;

use super::*;

const LOOK: Duration = Duration::from_secs(5);

fn pollers(least: u32, most: u32) -> Pollers {
    Pollers { least, most, limited: false }
}

/// A mapping that is looked at every five seconds.
struct Looked {
    scaling: Scaling,
    now: Duration,
    partitions: usize,
}

impl Looked {
    fn new(least: u32, most: u32, partitions: usize) -> Self {
        Self { scaling: Scaling::new(pollers(least, most), 100), now: Duration::ZERO, partitions }
    }

    fn at(&mut self, lag: i64) -> usize {
        self.now += LOOK;
        self.scaling.handle(self.now, Sample { lag, partitions: self.partitions })
    }
}

#[test]
fn a_group_without_a_position_everywhere_is_left_alone() {
    let partition = |committed| PartitionStatus { partition: 0, committed, end: Some(9) };
    assert_eq!(Sample::of(&[partition(Some(4)), partition(None)]), None);
    let known = Sample::of(&[partition(Some(4)), partition(Some(9))]);
    assert_eq!(known, Some(Sample { lag: 5, partitions: 2 }));
}

#[test]
fn there_are_as_many_as_wanted_at_least_and_never_more_than_partitions() {
    assert_eq!(Looked::new(3, 8, 4).at(0), 3);
    assert_eq!(Looked::new(6, 8, 4).at(0), 4);
    assert_eq!(Looked::new(1, 1, 4).at(1_000_000), 1);
    assert!(!Scaling::new(pollers(1, 1), 100).may_change());
}

#[test]
fn being_behind_twice_in_a_row_doubles_them() {
    let mut looked = Looked::new(1, 8, 8);
    let counts = [10_000, 10_000, 10_000, 10_000, 10_000, 10_000].map(|lag| looked.at(lag));
    assert_eq!(counts, [1, 2, 2, 4, 4, 8]);
}

#[test]
fn who_catches_up_needs_no_more() {
    let mut looked = Looked::new(1, 8, 8);
    let counts = [100_000, 70_000, 50_000, 35_000, 20_000, 1_000].map(|lag| looked.at(lag));
    assert_eq!(counts, [1; 6]);
}

#[test]
fn keeping_up_for_a_minute_takes_one_away() {
    let mut looked = Looked::new(1, 8, 8);
    for _ in 0..4 {
        looked.at(10_000);
    }
    let counts: Vec<usize> = (0..27).map(|_| looked.at(0)).collect();
    assert_eq!((counts[11], counts[12], counts[23], counts[24]), (4, 3, 3, 2));
}

/// Records come at a rate, pollers work them off at another: in the end there are enough pollers,
/// and when nothing comes any more as few as wanted.
#[test]
fn there_are_enough_under_load_and_few_without() {
    for seed in 0..300 {
        let mut rng = Rng::with_seed(seed);
        let partitions = rng.usize(1..40);
        let (least, most) = (rng.u32(1..4), rng.u32(4..40));
        let mut looked = Looked::new(least, most, partitions);
        let bound = usize::try_from(most).unwrap().min(partitions).min(POLLERS_HERE_MAX);
        let each = rng.i64(1_000..5_000);
        let load = each * rng.i64(1..30);
        let enough = usize::try_from(load / each).unwrap().min(bound);
        let (mut lag, mut count, mut highest) = (0_i64, 1, 0);
        for _ in 0..400 {
            lag = (lag + load - each * i64::try_from(count).unwrap()).max(0);
            count = looked.at(lag);
            highest = highest.max(count);
            assert!((1..=bound).contains(&count), "seed {seed}: {count} of {bound}");
        }
        assert!(highest >= enough, "seed {seed}: {highest} where {enough} are needed");
        for _ in 0..1_000 {
            count = looked.at(0);
        }
        let least = usize::try_from(least).unwrap().min(bound);
        assert_eq!(count, least, "seed {seed}: nothing is left to do");
    }
}
