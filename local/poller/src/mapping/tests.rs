//! The rules one by one.

use bytes::Bytes;

use super::*;
use crate::config::{EventSource, PartialReading};

mod failing;
mod limits;
mod remembering;

/// Next offsets by partition.
type Offsets = BTreeMap<i32, i64>;

/// The time of day at the mapping's time zero.
const STARTED_MS: i64 = 1_700_000_000_000;

/// A mapping at a clock, and what it asked for.
struct Bench {
    mapping: Mapping,
    now: Duration,
    invoked: Vec<Arc<Batch>>,
    committed: Vec<Offsets>,
    /// The last commit, with what is to be remembered.
    positions: Positions,
    delivered: Vec<Arc<Delivery>>,
    others: Vec<Action>,
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn settings() -> Settings {
    Settings {
        batch_size: 3,
        window: ms(500),
        payload_bytes_max: 10_000,
        policy: policy(),
        started_ms: STARTED_MS,
        limits: None,
        buffer: BufferLimits {
            bytes_max: 1_000_000,
            partition_bytes_min: 1_000,
            partition_records_max: 100,
        },
    }
}

fn policy() -> Policy {
    Policy {
        attempts_max: None,
        age_max: None,
        bisect: false,
        bisect_counts: false,
        partial: None,
        destination: false,
        back_off: BackOff { first: ms(1_000), longest: ms(60_000) },
    }
}

fn writer() -> Arc<EventWriter> {
    Arc::new(EventWriter::new(&EventSource::SelfManaged, "localhost:9092", "t"))
}

impl Bench {
    /// A mapping that owns `partitions`, from offset 0.
    fn new(settings: Settings, partitions: &[i32]) -> Self {
        let mapping = Mapping::new(settings, writer(), Membership::Joined);
        let mut bench = Self {
            mapping,
            now: Duration::ZERO,
            invoked: Vec::new(),
            committed: Vec::new(),
            positions: Positions::new(),
            delivered: Vec::new(),
            others: Vec::new(),
        };
        bench.assign(partitions, 0);
        bench
    }

    fn handle(&mut self, input: Input) {
        for action in self.mapping.handle(self.now, input) {
            match action {
                Action::Invoke(batch) => self.invoked.push(batch),
                Action::Deliver(delivery) => self.delivered.push(delivery),
                Action::Commit(positions) => {
                    let offsets =
                        positions.iter().map(|(number, position)| (*number, position.next));
                    self.committed.push(offsets.collect());
                    self.positions = positions;
                }
                other => self.others.push(other),
            }
        }
        assert!(self.mapping.next_wakeup().is_none_or(|at| at > self.now));
    }

    fn assign(&mut self, partitions: &[i32], start: i64) {
        self.assign_remembering(partitions, start, "");
    }

    fn assign_remembering(&mut self, partitions: &[i32], next: i64, memory: &str) {
        let position = Position { next, memory: memory.to_owned() };
        let start = |&partition| Start { partition, position: position.clone() };
        self.handle(Input::Assigned(partitions.iter().map(start).collect()));
    }

    fn receive(&mut self, partition: i32, offsets: impl IntoIterator<Item = i64>) {
        self.receive_sized(partition, offsets, 100);
    }

    fn receive_sized(
        &mut self,
        partition: i32,
        offsets: impl IntoIterator<Item = i64>,
        bytes: usize,
    ) {
        let json = Bytes::from(vec![b'0'; bytes]);
        let record = |offset| Record { offset, timestamp_ms: STARTED_MS, json: json.clone() };
        let records: Vec<_> = offsets.into_iter().map(record).collect();
        let next = records.last().map_or(0, |record| record.offset + 1);
        self.handle(Input::Read { partition, run: Run { records, filtered_out: 0, next } });
    }

    fn end(&mut self, invocation: usize, ending: Ending) {
        let batch = self.invoked[invocation].id;
        self.handle(Input::InvocationEnded { batch, ending });
    }

    fn commit_ended(&mut self) {
        self.handle(Input::CommitEnded(Ok(())));
    }

    /// Lets time pass up to the next wake-up, which must be `expected`.
    #[track_caller]
    fn wake_at(&mut self, expected: Duration) {
        assert_eq!(self.mapping.next_wakeup(), Some(expected));
        self.now = expected;
        self.handle(Input::Tick);
    }

    /// The partitions and offsets of an invocation.
    fn offsets(&self, invocation: usize) -> Vec<(i32, Vec<i64>)> {
        let slices = &self.invoked[invocation].slices;
        slices
            .iter()
            .map(|slice| (slice.partition, slice.records.iter().map(|r| r.offset).collect()))
            .collect()
    }

    fn released(&self) -> bool {
        self.others.iter().any(|action| matches!(action, Action::Released))
    }

    fn left(&self) -> bool {
        self.others.iter().any(|action| matches!(action, Action::Leave))
    }
}

fn failed() -> Ending {
    Ending::Failed("boom".to_owned())
}

fn succeeded() -> Ending {
    Ending::Succeeded(Bytes::from_static(b"null"))
}

#[test]
fn an_idle_mapping_never_wakes() {
    let bench = Bench::new(settings(), &[0, 1]);
    assert_eq!(bench.mapping.next_wakeup(), None);
}

#[test]
fn a_full_batch_is_invoked_at_once() {
    let mut bench = Bench::new(settings(), &[0]);
    bench.receive(0, 0..2);
    assert!(bench.invoked.is_empty());
    bench.receive(0, 2..4);
    assert_eq!(bench.offsets(0), [(0, vec![0, 1, 2])]);
}

#[test]
fn fewer_records_are_invoked_when_the_window_ends() {
    let mut bench = Bench::new(settings(), &[0]);
    bench.now = ms(40);
    bench.receive(0, [0]);
    bench.now = ms(100);
    bench.receive(0, [1]);
    bench.wake_at(ms(540));
    assert_eq!(bench.offsets(0), [(0, vec![0, 1])]);
}

#[test]
fn without_a_window_records_are_invoked_at_once() {
    let mut bench = Bench::new(Settings { window: Duration::ZERO, ..settings() }, &[0]);
    bench.receive(0, [0]);
    assert_eq!(bench.offsets(0), [(0, vec![0])]);
}

#[test]
fn the_next_window_starts_when_the_invocation_ends() {
    let mut bench = Bench::new(settings(), &[0]);
    bench.receive(0, 0..4);
    bench.now = ms(2_000);
    bench.end(0, succeeded());
    bench.wake_at(ms(2_500));
    assert_eq!(bench.offsets(1), [(0, vec![3])]);
}

#[test]
fn a_partition_has_one_batch_under_way() {
    let mut bench = Bench::new(settings(), &[0]);
    bench.receive(0, 0..9);
    assert_eq!(bench.invoked.len(), 1);
    assert_eq!(bench.mapping.next_wakeup(), None);
    bench.end(0, succeeded());
    assert_eq!(bench.offsets(1), [(0, vec![3, 4, 5])]);
}

#[test]
fn partitions_with_a_full_batch_run_side_by_side() {
    let mut bench = Bench::new(settings(), &[0, 1]);
    bench.receive(0, 0..4);
    bench.receive(1, 0..4);
    assert_eq!(bench.offsets(0), [(0, vec![0, 1, 2])]);
    assert_eq!(bench.offsets(1), [(1, vec![0, 1, 2])]);
}

#[test]
fn partitions_share_a_batch_that_they_fill_together() {
    let mut bench = Bench::new(settings(), &[0, 1, 2]);
    bench.receive(2, [0]);
    bench.now = ms(1);
    bench.receive(0, [0]);
    bench.receive(1, [0, 1]);
    // Partition 2 waited longest; the batch has room for one record of partition 1.
    assert_eq!(bench.offsets(0), [(0, vec![0]), (1, vec![0]), (2, vec![0])]);
}

#[test]
fn an_event_has_exactly_the_bytes_allowed() {
    let writer = writer();
    let two = writer.envelope_bytes() + writer.slice_bytes(0) + 100 + 1 + 100;
    let fits = Settings { payload_bytes_max: two, ..settings() };
    let mut bench = Bench::new(fits, &[0]);
    bench.receive(0, 0..3);
    assert_eq!(bench.offsets(0), [(0, vec![0, 1])]);

    let mut bench = Bench::new(Settings { payload_bytes_max: two - 1, ..fits }, &[0]);
    bench.receive(0, 0..3);
    assert_eq!(bench.offsets(0), [(0, vec![0])]);
}

#[test]
fn enough_bytes_are_invoked_at_once() {
    let mut bench = Bench::new(settings(), &[0, 1]);
    bench.receive_sized(0, [0], 5_000);
    assert!(bench.invoked.is_empty());
    bench.receive_sized(1, [0], 5_000);
    assert_eq!(bench.offsets(0), [(0, vec![0])]);
}

#[test]
fn commits_the_next_offset_only_after_success() {
    let mut bench = Bench::new(settings(), &[0]);
    bench.receive(0, 0..4);
    assert!(bench.committed.is_empty());
    bench.end(0, succeeded());
    assert_eq!(bench.committed, [Offsets::from([(0, 3)])]);
}

#[test]
fn one_commit_is_under_way_and_the_next_carries_the_newest_offsets() {
    let mut bench = Bench::new(settings(), &[0, 1]);
    bench.receive(0, 0..9);
    bench.receive(1, 0..3);
    bench.end(0, succeeded());
    bench.end(2, succeeded());
    bench.end(1, succeeded());
    assert_eq!(bench.committed, [Offsets::from([(0, 3)])]);
    bench.commit_ended();
    assert_eq!(bench.committed[1], Offsets::from([(0, 6), (1, 3)]));
}

#[test]
fn a_failed_commit_is_tried_again_with_what_is_newest_by_then() {
    let mut bench = Bench::new(settings(), &[0]);
    bench.receive(0, 0..6);
    bench.end(0, succeeded());
    bench.handle(Input::CommitEnded(Err("away".to_owned())));
    bench.end(1, succeeded());
    bench.wake_at(ms(1_000));
    assert_eq!(bench.committed[1], Offsets::from([(0, 6)]));
}

#[test]
fn a_failed_batch_is_tried_again_for_ever_with_growing_delays() {
    let mut bench = Bench::new(settings(), &[0]);
    bench.receive(0, 0..5);
    let mut expected = Duration::ZERO;
    for (attempt, delay) in [1, 2, 4, 8, 16, 32, 60, 60].into_iter().enumerate() {
        bench.end(attempt, failed());
        expected += Duration::from_secs(delay);
        bench.wake_at(expected);
        assert_eq!(bench.offsets(attempt + 1), [(0, vec![0, 1, 2])]);
    }
    bench.end(8, succeeded());
    bench.commit_ended();
    assert_eq!(bench.committed, [Offsets::from([(0, 0)]), Offsets::from([(0, 3)])]);
}

#[test]
fn a_failing_partition_holds_up_nobody_who_shared_its_batch() {
    let mut bench = Bench::new(settings(), &[0, 1]);
    bench.receive(0, [0]);
    bench.receive(1, [0, 1]);
    bench.end(0, failed());
    bench.wake_at(ms(1_000));
    assert_eq!(bench.offsets(1), [(0, vec![0])]);
    assert_eq!(bench.offsets(2), [(1, vec![0, 1])]);
    bench.end(1, failed());
    bench.end(2, succeeded());
    bench.commit_ended();
    assert_eq!(bench.committed.last(), Some(&Offsets::from([(0, 0), (1, 2)])));
    bench.receive(1, 2..5);
    assert_eq!(bench.offsets(3), [(1, vec![2, 3, 4])]);
}

#[test]
fn a_throttled_batch_waits_without_counting_as_a_failure() {
    let mut bench = Bench::new(settings(), &[0]);
    bench.receive(0, 0..3);
    bench.end(0, Ending::Throttled);
    bench.wake_at(ms(1_000));
    bench.end(1, Ending::Throttled);
    bench.wake_at(ms(3_000));
    bench.end(2, failed());
    assert!(bench.others.iter().any(|action| matches!(
        action,
        Action::Log(Note::InvocationFailed { attempts: 1, retry_in, .. }) if *retry_in == ms(1_000)
    )));
}

#[test]
fn a_throttle_lowers_how_many_are_under_way() {
    let mut bench = Bench::new(settings(), &[0, 1, 2]);
    for partition in 0..3 {
        bench.receive(partition, 0..9);
    }
    bench.end(2, Ending::Throttled);
    bench.end(0, succeeded());
    // Two fitted: partition 0 goes on, partition 2 waits out its delay, then for a free place.
    assert_eq!(bench.offsets(3), [(0, vec![3, 4, 5])]);
    bench.now = ms(1_000);
    bench.handle(Input::Tick);
    assert_eq!(bench.invoked.len(), 4);
    bench.end(3, succeeded());
    assert_eq!(bench.offsets(4), [(2, vec![0, 1, 2])]);
}

#[test]
fn a_throttled_function_serves_the_longest_waiting_before_the_fullest() {
    let mut bench = Bench::new(settings(), &[0, 1]);
    bench.receive(0, 0..3);
    bench.end(0, Ending::Throttled);
    bench.wake_at(ms(1_000));
    bench.receive(1, 0..1);
    bench.receive(0, 3..9);
    bench.now = ms(1_600);
    bench.end(1, succeeded());
    // One place: partition 0 could fill it for ever, partition 1's window is over.
    assert_eq!(bench.offsets(2), [(1, vec![0])]);
    bench.end(2, succeeded());
    assert_eq!(bench.offsets(3), [(0, vec![3, 4, 5])]);
}

#[test]
fn a_record_that_fits_no_event_is_dropped_and_committed_past() {
    let mut bench = Bench::new(settings(), &[0]);
    bench.receive_sized(0, [0], 10_000);
    let range = SliceRange { partition: 0, first: 0, last: 0 };
    let dropped = Note::Dropped { range, records: 1, condition: Condition::TooLarge };
    assert!(bench.others.iter().any(|action| matches!(
        action,
        Action::Log(note) if *note == dropped
    )));
    assert_eq!(bench.committed, [Offsets::from([(0, 1)])]);
}

#[test]
fn a_record_that_fits_no_event_is_not_committed_past_before_its_turn() {
    let mut bench = Bench::new(settings(), &[0]);
    bench.receive(0, 0..3);
    bench.receive_sized(0, [3], 10_000);
    assert!(bench.committed.is_empty());
    bench.end(0, succeeded());
    bench.commit_ended();
    assert_eq!(bench.committed.last(), Some(&Offsets::from([(0, 4)])));
}

#[test]
fn a_record_fetched_twice_is_invoked_once() {
    let mut bench = Bench::new(settings(), &[0]);
    bench.receive(0, [0, 1]);
    bench.receive(0, [1, 2]);
    assert_eq!(bench.offsets(0), [(0, vec![0, 1, 2])]);
}

#[test]
fn a_revoked_partition_waits_for_what_is_under_way_and_begins_nothing_new() {
    let mut bench = Bench::new(settings(), &[0]);
    bench.receive(0, 0..9);
    bench.handle(Input::Revoked(vec![0]));
    assert!(!bench.released());
    bench.end(0, succeeded());
    assert_eq!(bench.committed, [Offsets::from([(0, 3)])]);
    assert!(!bench.released());
    bench.commit_ended();
    assert!(bench.released());
    assert_eq!(bench.invoked.len(), 1);
}

#[test]
fn what_was_queued_at_a_revocation_is_not_committed() {
    let mut bench = Bench::new(settings(), &[0]);
    bench.receive(0, 0..2);
    bench.handle(Input::Revoked(vec![0]));
    assert!(bench.released());
    assert!(bench.committed.is_empty());
}

#[test]
fn the_outcome_of_a_lost_partition_is_ignored() {
    let mut bench = Bench::new(settings(), &[0]);
    bench.receive(0, 0..3);
    bench.handle(Input::Lost(vec![0]));
    bench.end(0, succeeded());
    assert!(bench.committed.is_empty());
}

#[test]
fn a_partition_that_comes_back_waits_for_its_forgotten_batch() {
    let mut bench = Bench::new(settings(), &[0]);
    bench.receive(0, 0..3);
    bench.handle(Input::Revoked(vec![0]));
    bench.handle(Input::Lost(vec![0]));
    bench.assign(&[0], 0);
    bench.receive(0, 0..3);
    assert_eq!(bench.invoked.len(), 1);
    bench.end(0, succeeded());
    assert!(bench.committed.is_empty(), "the outcome belongs to the assignment before");
    assert_eq!(bench.offsets(1), [(0, vec![0, 1, 2])]);
}

#[test]
fn a_revoked_partition_is_released_after_its_last_commit() {
    let mut bench = Bench::new(settings(), &[0, 1]);
    bench.receive(0, 0..6);
    bench.end(0, succeeded());
    bench.end(1, succeeded());
    bench.handle(Input::Revoked(vec![0, 1]));
    assert!(!bench.released());
    bench.commit_ended();
    assert_eq!(bench.committed[1], Offsets::from([(0, 6)]));
    assert!(!bench.released());
    bench.commit_ended();
    assert!(bench.released());
}

#[test]
fn a_revoked_partitions_failed_commit_is_given_up() {
    let mut bench = Bench::new(settings(), &[0]);
    bench.receive(0, 0..3);
    bench.end(0, succeeded());
    bench.handle(Input::Revoked(vec![0]));
    bench.handle(Input::CommitEnded(Err("rebalance in progress".to_owned())));
    assert!(bench.released());
    bench.now = ms(100_000);
    bench.handle(Input::Tick);
    assert_eq!(bench.committed.len(), 1);
}

#[test]
fn a_commit_that_failed_is_tried_once_more_when_its_partition_is_revoked() {
    let mut bench = Bench::new(settings(), &[0]);
    bench.receive(0, 0..3);
    bench.end(0, succeeded());
    bench.handle(Input::CommitEnded(Err("timed out".to_owned())));
    bench.handle(Input::Revoked(vec![0]));
    assert!(!bench.released());
    assert_eq!(bench.committed, [Offsets::from([(0, 3)]), Offsets::from([(0, 3)])]);
    bench.commit_ended();
    assert!(bench.released());
}

#[test]
fn a_partition_that_comes_back_unreleased_is_not_committed_from_before() {
    let mut bench = Bench::new(settings(), &[0]);
    bench.receive(0, 0..6);
    bench.end(0, succeeded());
    bench.end(1, succeeded());
    bench.handle(Input::Revoked(vec![0]));
    bench.assign(&[0], 9);
    bench.commit_ended();
    assert_eq!(bench.committed, [Offsets::from([(0, 3)])]);
}

#[test]
fn a_waiting_batch_forgets_revoked_partitions() {
    let mut bench = Bench::new(settings(), &[0, 1]);
    bench.receive(0, [0]);
    bench.receive(1, [0, 1]);
    bench.end(0, Ending::Throttled);
    bench.handle(Input::Revoked(vec![0]));
    bench.wake_at(ms(1_000));
    assert_eq!(bench.offsets(1), [(1, vec![0, 1])]);
}

#[test]
fn fetching_pauses_at_the_limit_and_resumes_at_half() {
    let mut bench = Bench::new(settings(), &[0]);
    bench.receive(0, 0..102);
    // Three are under way: 99 buffered.
    assert!(!bench.others.iter().any(|a| matches!(a, Action::PausePartition(_))));
    bench.receive(0, [102]);
    assert!(matches!(bench.others[..], [Action::PausePartition(0)]));
    for invocation in 0..16 {
        assert_eq!(bench.others.len(), 1);
        bench.end(invocation, succeeded());
    }
    bench.end(16, succeeded());
    assert!(matches!(bench.others[..], [_, Action::ResumePartition(0)]));
}

#[test]
fn a_paused_partition_is_invoked_without_waiting_for_more() {
    let buffer = BufferLimits { bytes_max: 1_000, partition_bytes_min: 0, ..settings().buffer };
    let mut bench = Bench::new(Settings { batch_size: 1_000, buffer, ..settings() }, &[0]);
    bench.receive(0, 0..20);
    bench.handle(Input::Tick);
    assert_eq!(bench.invoked.len(), 1);
}

#[test]
fn pausing_finishes_and_commits_before_it_leaves() {
    let mut bench = Bench::new(settings(), &[0]);
    bench.receive(0, 0..9);
    bench.handle(Input::Pause);
    assert_eq!(bench.mapping.membership(), Membership::Leaving);
    bench.end(0, succeeded());
    assert_eq!(bench.invoked.len(), 1);
    assert!(!bench.left());
    bench.commit_ended();
    assert!(bench.left());
    assert!(!bench.mapping.is_out());
    bench.handle(Input::Revoked(vec![0]));
    assert!(bench.mapping.is_out());
}

#[test]
fn resuming_joins_again() {
    let mut bench = Bench::new(settings(), &[0]);
    bench.handle(Input::Pause);
    bench.handle(Input::Revoked(vec![0]));
    bench.handle(Input::Resume);
    assert!(matches!(bench.others[..], [Action::Leave, Action::Released, Action::Join]));
    bench.assign(&[0], 0);
    bench.receive(0, 0..3);
    assert_eq!(bench.invoked.len(), 1);
}
