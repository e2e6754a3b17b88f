//! Who goes first where not everybody may go.

use super::*;

fn limited(invocations_max: usize, bytes_per_s: u32) -> Settings {
    let limits = Some(Limits { invocations_max, bytes_per_s });
    Settings { window: Duration::ZERO, limits, ..settings() }
}

#[test]
fn a_poller_has_so_many_invocations_under_way_and_no_more() {
    let mut bench = Bench::new(limited(2, u32::MAX), &[0, 1, 2]);
    for partition in 0..3 {
        bench.receive(partition, 0..3);
    }
    assert_eq!(bench.invoked.len(), 2);
    bench.end(0, succeeded());
    assert_eq!(bench.offsets(2), [(2, vec![0, 1, 2])]);
}

#[test]
fn what_is_remembered_first_counts_as_under_way() {
    let policy = Policy { attempts_max: Some(2), ..policy() };
    let mut bench = Bench::new(Settings { policy, ..limited(1, u32::MAX) }, &[0, 1]);
    bench.receive(0, 0..3);
    bench.receive(1, 0..3);
    bench.commit_ended();
    assert_eq!(bench.invoked.len(), 1);
}

#[test]
fn a_poller_invokes_so_many_bytes_a_second_and_no_more() {
    let mut bench = Bench::new(limited(9, 300), &[0]);
    bench.receive(0, 0..30);
    let mut seconds = 0;
    for invocation in 0..5 {
        assert_eq!(bench.invoked.len(), invocation + 1);
        bench.end(invocation, succeeded());
        // A second's worth goes at once, then 300 bytes a second.
        if invocation > 0 {
            seconds += 1;
            bench.wake_at(ms(1_000 * seconds));
        }
    }
}

#[test]
fn failing_partitions_of_which_one_is_always_due_keep_nobody_waiting_for_ever() {
    let mut bench = Bench::new(Settings { batch_size: 1, ..limited(1, u32::MAX) }, &[0, 1, 2]);
    bench.receive(0, [0]);
    bench.receive(1, [0]);
    let healthy = |bench: &Bench| bench.invoked.iter().any(|b| b.slices[0].partition == 2);
    for invocation in 0..20 {
        if invocation == 6 {
            bench.receive(2, [0]);
        }
        if healthy(&bench) {
            return;
        }
        // A failure takes longer than any delay.
        bench.now += Duration::from_mins(2);
        bench.end(invocation, failed());
    }
    panic!("the healthy partition was never invoked");
}
