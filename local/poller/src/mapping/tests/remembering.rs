//! What survives a rebalance and the death of a poller.

use super::*;

fn with(attempts_max: u32) -> Settings {
    let policy = Policy { attempts_max: Some(attempts_max), ..policy() };
    Settings { policy, batch_size: 8, window: Duration::ZERO, ..settings() }
}

#[test]
fn an_attempt_is_remembered_before_it_is_made() {
    let mut bench = Bench::new(with(3), &[0]);
    bench.receive(0, 0..3);
    assert!(bench.invoked.is_empty());
    let memory = "m1 1700000000000 1700000000000 3 1*0-2".to_owned();
    assert_eq!(bench.positions, Positions::from([(0, Position { next: 0, memory })]));
    bench.commit_ended();
    assert_eq!(bench.invoked.len(), 1);
}

#[test]
fn without_a_limit_nothing_is_remembered_first() {
    let settings = Settings { policy: policy(), ..with(1) };
    let mut bench = Bench::new(settings, &[0]);
    bench.receive(0, 0..3);
    assert_eq!(bench.invoked.len(), 1);
    assert!(bench.committed.is_empty());
}

#[test]
fn the_next_poller_goes_on_counting() {
    let mut bench = Bench::new(with(3), &[]);
    bench.assign_remembering(&[0], 10, "m1 1699999999000 1699999999000 5 2*0-2,4");
    bench.receive(0, 10..16);
    bench.commit_ended();
    assert_eq!(bench.offsets(0), [(0, vec![10, 11, 12, 14])], "13 is done");
    bench.end(0, failed());
    assert_eq!(bench.mapping.counts().dropped, 4, "it was the third attempt");
    bench.commit_ended();
    bench.commit_ended();
    assert_eq!(bench.offsets(1), [(0, vec![15])]);
}

#[test]
fn what_used_up_its_attempts_is_given_up_unseen() {
    let mut bench = Bench::new(with(2), &[]);
    bench.assign_remembering(&[0], 0, "m1 1 1 3 2*0-2");
    bench.receive(0, 0..3);
    assert!(bench.invoked.is_empty());
    assert_eq!(bench.mapping.counts().dropped, 3);
}

#[test]
fn the_delay_goes_on_where_it_was() {
    let mut bench = Bench::new(with(9), &[]);
    bench.assign_remembering(&[0], 0, "m1 1700000000000 1700000000700 3 2*0-2");
    bench.now = ms(200);
    bench.receive(0, 0..3);
    assert_eq!(bench.mapping.next_wakeup(), Some(ms(700)));
}

#[test]
fn records_that_are_gone_are_not_waited_for_for_ever() {
    let mut bench = Bench::new(with(9), &[]);
    bench.assign_remembering(&[0], 0, "m1 1 1 6 1*0-5");
    bench.receive(0, 0..3);
    assert!(bench.committed.is_empty() && bench.invoked.is_empty());
    bench.wake_at(ms(5_000));
    let memory = "m1 1 1 6 2*0-2 1*3-5".to_owned();
    assert_eq!(bench.positions, Positions::from([(0, Position { next: 0, memory })]));
    bench.commit_ended();
    assert_eq!(bench.offsets(0), [(0, vec![0, 1, 2])]);
    // Should they come after all, their count goes on as well.
    bench.end(0, succeeded());
    let memory = "m1 1 1 3 1*0-2".to_owned();
    assert_eq!(bench.positions, Positions::from([(0, Position { next: 3, memory })]));
    bench.commit_ended();
    bench.receive(0, 3..7);
    let memory = "m1 1 1 3 2*0-2".to_owned();
    assert_eq!(bench.positions, Positions::from([(0, Position { next: 3, memory })]));
    bench.commit_ended();
    assert_eq!(bench.offsets(1), [(0, vec![3, 4, 5])]);
}

#[test]
fn a_later_record_shows_that_the_last_remembered_one_is_gone() {
    let mut bench = Bench::new(with(9), &[]);
    bench.assign_remembering(&[0], 0, "m1 1 1 6 1*0-5");
    bench.receive(0, [0, 1, 7]);
    bench.commit_ended();
    assert_eq!(bench.offsets(0), [(0, vec![0, 1])]);
}

#[test]
fn a_position_whose_remembered_records_are_all_gone_moves_on() {
    let mut bench = Bench::new(with(9), &[]);
    bench.assign_remembering(&[0], 0, "m1 1 1 3 1*0-2");
    // A filter that is new keeps them back.
    bench.handle(Input::Read {
        partition: 0,
        run: Run { records: Vec::new(), filtered_out: 3, next: 3 },
    });
    assert_eq!(bench.committed, [Offsets::from([(0, 3)])]);
}

#[test]
fn remembered_records_are_cut_to_what_a_batch_may_be_now() {
    let mut bench = Bench::new(Settings { batch_size: 2, ..with(9) }, &[]);
    bench.assign_remembering(&[0], 0, "m1 1 1 3 1*0-2");
    bench.receive(0, 0..3);
    bench.commit_ended();
    assert_eq!(bench.offsets(0), [(0, vec![0, 1])]);
    bench.end(0, succeeded());
    bench.commit_ended();
    assert_eq!(bench.offsets(1), [(0, vec![2])]);
}

#[test]
fn a_rebalance_before_the_attempt_takes_its_count_back() {
    let mut bench = Bench::new(with(3), &[0]);
    bench.receive(0, 0..3);
    bench.handle(Input::Revoked(vec![0]));
    bench.commit_ended();
    let memory = "m1 1700000000000 1700000000000 3 0*0-2".to_owned();
    assert_eq!(bench.positions, Positions::from([(0, Position { next: 0, memory })]));
    bench.commit_ended();
    assert!(bench.released() && bench.invoked.is_empty());
}

#[test]
fn pausing_before_the_attempt_takes_its_count_back() {
    let mut bench = Bench::new(with(3), &[0]);
    bench.receive(0, 0..3);
    bench.handle(Input::Pause);
    bench.commit_ended();
    assert!(bench.invoked.is_empty() && !bench.left());
    assert!(bench.positions[&0].memory.ends_with(" 0*0-2"));
    bench.commit_ended();
    assert!(bench.left());
}

#[test]
fn a_failure_during_a_rebalance_is_remembered_with_its_delay() {
    let mut bench = Bench::new(with(3), &[0]);
    bench.receive(0, 0..3);
    bench.commit_ended();
    bench.handle(Input::Revoked(vec![0]));
    bench.now = ms(300);
    bench.end(0, failed());
    let memory = "m1 1700000000000 1700000001300 3 1*0-2".to_owned();
    assert_eq!(bench.positions, Positions::from([(0, Position { next: 0, memory })]));
    bench.commit_ended();
    assert!(bench.released());
}
