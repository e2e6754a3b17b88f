//! Records that fail: tried again, split, named, given up.

use super::*;

fn limited(attempts_max: u32) -> Policy {
    Policy { attempts_max: Some(attempts_max), ..policy() }
}

fn with(policy: Policy) -> Settings {
    Settings { policy, batch_size: 8, window: Duration::ZERO, ..settings() }
}

impl Bench {
    /// Lets every commit succeed at once.
    fn settle(&mut self) {
        for _ in 0..10 {
            self.commit_ended();
        }
    }

    /// Lets time pass up to the next wake-up.
    fn wake(&mut self) {
        self.now = self.mapping.next_wakeup().expect("something is due");
        self.handle(Input::Tick);
        self.settle();
    }

    /// Answers invocations by their offsets until there is nothing more to do; gives them.
    fn run(&mut self, answer: impl Fn(&[i64]) -> Ending) -> Vec<Vec<i64>> {
        let mut seen = Vec::new();
        self.settle();
        for _ in 0..100 {
            if let Some(batch) = self.invoked.get(seen.len()) {
                let id = batch.id;
                let (_, offsets) = self.offsets(seen.len()).remove(0);
                let ending = answer(&offsets);
                seen.push(offsets);
                self.handle(Input::InvocationEnded { batch: id, ending });
                self.settle();
            } else if self.mapping.next_wakeup().is_some() {
                self.wake();
            } else {
                return seen;
            }
        }
        panic!("no end after {seen:?}");
    }

    fn notes(&self) -> Vec<&Note> {
        let mut notes = Vec::new();
        for action in &self.others {
            if let Action::Log(note) = action {
                notes.push(note);
            }
        }
        notes
    }
}

/// Fails where offset 5 is in the batch.
fn five_fails(offsets: &[i64]) -> Ending {
    if offsets.contains(&5) { failed() } else { succeeded() }
}

fn naming(offsets: &[i64]) -> Ending {
    let items: Vec<_> = offsets
        .iter()
        .map(|offset| format!(r#"{{"itemIdentifier":{{"partition":"t-0","offset":{offset}}}}}"#))
        .collect();
    Ending::Succeeded(format!(r#"{{"batchItemFailures":[{}]}}"#, items.join(",")).into())
}

/// Names 3 and 5 where they are in the batch.
fn three_and_five_named(offsets: &[i64]) -> Ending {
    naming(&offsets.iter().copied().filter(|offset| [3, 5].contains(offset)).collect::<Vec<_>>())
}

#[test]
fn retries_are_limited_and_then_the_batch_is_dropped() {
    let mut bench = Bench::new(with(limited(3)), &[0]);
    bench.receive(0, 0..8);
    assert_eq!(bench.run(five_fails), vec![(0..8).collect::<Vec<_>>(); 3]);
    assert_eq!(bench.committed.last(), Some(&Offsets::from([(0, 8)])));
    let counts = bench.mapping.counts();
    assert_eq!((counts.dropped, counts.invoked, counts.failed_invoke), (8, 24, 24));
    assert_eq!(counts.committed, 8);
    assert_eq!(bench.now, ms(3_000), "a second, then two");
}

#[test]
fn no_retries_are_one_attempt() {
    let mut bench = Bench::new(with(limited(1)), &[0]);
    bench.receive(0, 0..8);
    assert_eq!(bench.run(five_fails).len(), 1);
    assert_eq!(bench.mapping.counts().dropped, 8);
}

#[test]
fn a_destination_gets_what_is_given_up_before_it_is_committed() {
    let policy = Policy { destination: true, ..limited(1) };
    let mut bench = Bench::new(with(policy), &[0]);
    bench.receive(0, 0..8);
    bench.receive(0, 8..9);
    assert_eq!(bench.run(five_fails).len(), 1);
    let [delivery] = &bench.delivered[..] else { panic!("{:?}", bench.delivered) };
    assert_eq!((delivery.records.len(), delivery.attempts), (8, 1));
    assert_eq!(delivery.condition, Condition::RetriesExhausted);
    assert!(bench.committed.iter().all(|offsets| offsets[&0] == 0));
    bench.handle(Input::Delivered { delivery: DeliveryId(0), result: Ok(()) });
    bench.settle();
    assert_eq!(bench.offsets(1), [(0, vec![8])]);
    assert_eq!(bench.committed.last(), Some(&Offsets::from([(0, 8)])));
    assert_eq!(bench.mapping.counts().delivered, 8);
}

#[test]
fn what_the_destination_refuses_is_dropped() {
    let policy = Policy { destination: true, ..limited(1) };
    let mut bench = Bench::new(with(policy), &[0]);
    bench.receive(0, 0..8);
    bench.run(five_fails);
    let result = Err("no such topic".to_owned());
    bench.handle(Input::Delivered { delivery: DeliveryId(0), result });
    let counts = bench.mapping.counts();
    assert_eq!((counts.dropped, counts.delivered, counts.delivery_errors), (8, 0, 1));
}

#[test]
fn bisecting_finds_the_poisoned_record_and_loses_no_other() {
    let policy = Policy { bisect: true, ..limited(2) };
    let mut bench = Bench::new(with(policy), &[0]);
    bench.receive(0, 0..8);
    let expected: [&[i64]; 8] = [
        &[0, 1, 2, 3, 4, 5, 6, 7],
        &[0, 1, 2, 3],
        &[4, 5, 6, 7],
        &[4, 5],
        &[4],
        &[5],
        &[5],
        &[6, 7],
    ];
    assert_eq!(bench.run(five_fails), expected);
    assert_eq!(bench.mapping.counts().dropped, 1);
    assert_eq!(bench.committed.last(), Some(&Offsets::from([(0, 8)])));
}

#[test]
fn splits_may_count_as_attempts() {
    let policy = Policy { bisect: true, bisect_counts: true, ..limited(2) };
    let mut bench = Bench::new(with(policy), &[0]);
    bench.receive(0, 0..8);
    let expected: [&[i64]; 3] = [&[0, 1, 2, 3, 4, 5, 6, 7], &[0, 1, 2, 3], &[4, 5, 6, 7]];
    assert_eq!(bench.run(five_fails), expected);
    assert_eq!(bench.mapping.counts().dropped, 4);
}

#[test]
fn named_records_go_again_and_the_others_are_done() {
    let policy = Policy { partial: Some(PartialReading::EachRecord), ..limited(2) };
    let mut bench = Bench::new(with(policy), &[0]);
    bench.receive(0, 0..8);
    let expected: [&[i64]; 2] = [&[0, 1, 2, 3, 4, 5, 6, 7], &[3, 5]];
    assert_eq!(bench.run(three_and_five_named), expected);
    assert_eq!(bench.mapping.counts().dropped, 2);
    assert!(bench.committed.contains(&Offsets::from([(0, 3)])));
}

#[test]
fn or_everything_goes_again_from_the_lowest_named() {
    let policy = Policy { partial: Some(PartialReading::FromLowest), ..limited(2) };
    let mut bench = Bench::new(with(policy), &[0]);
    bench.receive(0, 0..8);
    let expected: [&[i64]; 2] = [&[0, 1, 2, 3, 4, 5, 6, 7], &[3, 4, 5, 6, 7]];
    assert_eq!(bench.run(three_and_five_named), expected);
    assert_eq!(bench.mapping.counts().dropped, 5);
}

#[test]
fn an_exception_fails_the_whole_batch_and_splits_it_although_records_may_be_named() {
    let partial = Some(PartialReading::EachRecord);
    let policy = Policy { partial, bisect: true, ..limited(2) };
    let mut bench = Bench::new(with(policy), &[0]);
    bench.receive(0, 0..4);
    let answer = |offsets: &[i64]| match offsets.len() {
        4 => failed(),
        _ => naming(&offsets.iter().copied().filter(|offset| *offset == 1).collect::<Vec<_>>()),
    };
    let expected: [&[i64]; 4] = [&[0, 1, 2, 3], &[0, 1], &[1], &[2, 3]];
    assert_eq!(bench.run(answer), expected);
}

#[test]
fn an_answer_that_names_a_stranger_fails_the_whole_batch() {
    let policy = Policy { partial: Some(PartialReading::EachRecord), ..limited(2) };
    let mut bench = Bench::new(with(policy), &[0]);
    bench.receive(0, 0..3);
    assert_eq!(bench.run(|_| naming(&[99])), [[0, 1, 2], [0, 1, 2]]);
    let misread = bench.notes().into_iter().filter(|note| matches!(note, Note::Misread(_)));
    assert_eq!(misread.count(), 1, "each kind is explained once");
}

#[test]
fn failures_nobody_asked_for_are_ignored_and_explained() {
    let mut bench = Bench::new(with(policy()), &[0]);
    bench.receive(0, 0..3);
    assert_eq!(bench.run(|_| naming(&[1])), [[0, 1, 2]]);
    assert!(matches!(bench.notes()[..], [Note::Misread(_)]));
}

#[test]
fn a_slice_without_failures_is_done_when_another_one_failed() {
    let policy = Policy { partial: Some(PartialReading::EachRecord), ..policy() };
    let settings = Settings { window: ms(100), batch_size: 4, ..with(policy) };
    let mut bench = Bench::new(settings, &[0, 1]);
    bench.receive(0, 0..2);
    bench.receive(1, 0..2);
    bench.end(0, naming(&[1]));
    let memory = "m1 1700000000000 1700000001000 1 1*0";
    let held = Position { next: 1, memory: memory.to_owned() };
    let done = Position { next: 2, memory: String::new() };
    assert_eq!(bench.positions, Positions::from([(0, held), (1, done)]));
    bench.wake();
    assert_eq!(bench.offsets(1), [(0, vec![1])]);
}

#[test]
fn old_records_are_given_up_and_the_others_go() {
    let policy = Policy { age_max: Some(ms(60_000)), ..policy() };
    let mut bench = Bench::new(with(policy), &[0]);
    let record = |offset, age_ms: i64| Record {
        offset,
        timestamp_ms: STARTED_MS - age_ms,
        json: Bytes::from_static(b"{}"),
    };
    let records = vec![record(0, 60_001), record(1, 60_000), record(2, 90_000), record(3, 0)];
    bench.handle(Input::Read { partition: 0, run: Run { records, filtered_out: 0, next: 4 } });
    assert_eq!(bench.offsets(0), [(0, vec![1, 3])]);
    assert_eq!(bench.mapping.counts().dropped, 2);
    bench.end(0, failed());
    // A second later the next one is too old as well.
    bench.wake();
    assert_eq!(bench.offsets(1), [(0, vec![3])]);
    assert_eq!(bench.mapping.counts().dropped, 3);
}

#[test]
fn a_machine_that_slept_knows_how_old_records_are() {
    let age_max = Some(Duration::from_mins(1));
    let mut bench = Bench::new(with(Policy { age_max, ..policy() }), &[0]);
    bench.mapping.set_clock(bench.now, STARTED_MS + 60_001);
    bench.receive(0, 0..3);
    assert!(bench.invoked.is_empty());
    assert_eq!(bench.mapping.counts().dropped, 3);
}

#[test]
fn a_record_without_a_timestamp_does_not_age() {
    let policy = Policy { age_max: Some(ms(60_000)), ..policy() };
    let mut bench = Bench::new(with(policy), &[0]);
    let records = vec![Record { offset: 0, timestamp_ms: 0, json: Bytes::from_static(b"{}") }];
    bench.handle(Input::Read { partition: 0, run: Run { records, filtered_out: 0, next: 1 } });
    assert_eq!(bench.offsets(0), [(0, vec![0])]);
}

#[test]
fn a_record_too_large_goes_to_the_destination_in_its_turn() {
    let policy = Policy { destination: true, ..limited(2) };
    let mut bench = Bench::new(with(policy), &[0]);
    bench.receive(0, 0..2);
    bench.receive_sized(0, [2], 10_000);
    bench.receive(0, 3..4);
    assert_eq!(bench.run(|_| succeeded()), [[0, 1]]);
    assert_eq!(bench.delivered[0].condition, Condition::TooLarge);
    assert_eq!(bench.delivered[0].attempts, 0);
    bench.handle(Input::Delivered { delivery: DeliveryId(0), result: Ok(()) });
    bench.settle();
    assert_eq!(bench.offsets(1), [(0, vec![3])]);
}

#[test]
fn throttles_use_up_no_attempts() {
    let mut bench = Bench::new(with(limited(1)), &[0]);
    bench.receive(0, 0..2);
    bench.settle();
    for invocation in 0..5 {
        bench.end(invocation, Ending::Throttled);
        bench.wake();
    }
    bench.end(5, succeeded());
    assert_eq!(bench.mapping.counts().dropped, 0);
}

#[test]
fn what_no_filter_lets_pass_is_counted_and_committed() {
    let mut bench = Bench::new(with(policy()), &[0]);
    let run = Run { records: Vec::new(), filtered_out: 7, next: 7 };
    bench.handle(Input::Read { partition: 0, run });
    assert_eq!(bench.committed, [Offsets::from([(0, 7)])]);
    let counts = bench.mapping.counts();
    assert_eq!((counts.polled, counts.filtered_out, counts.invoked), (7, 7, 0));
}

#[test]
fn what_was_filtered_out_after_a_batch_is_committed_with_it() {
    let mut bench = Bench::new(with(policy()), &[0]);
    bench.receive(0, 0..3);
    let run = Run { records: Vec::new(), filtered_out: 4, next: 7 };
    bench.handle(Input::Read { partition: 0, run });
    assert!(bench.committed.is_empty());
    bench.end(0, succeeded());
    assert_eq!(bench.committed, [Offsets::from([(0, 7)])]);
}

#[test]
fn the_last_result_is_how_the_last_invocation_ended() {
    let mut bench = Bench::new(with(policy()), &[0]);
    assert_eq!(bench.mapping.processed(), None);
    bench.now = ms(500);
    bench.receive(0, [0]);
    let no_function = Ending::NoFunction("no `f`".to_owned());
    let away = Ending::NotInvoked("away".to_owned());
    for (invocation, (ending, processing)) in [
        (failed(), Processing::Failed),
        (Ending::Throttled, Processing::Throttled),
        (no_function, Processing::NoFunction),
        (away, Processing::Failed),
        (succeeded(), Processing::Succeeded),
    ]
    .into_iter()
    .enumerate()
    {
        bench.end(invocation, ending);
        let at_ms = bench.mapping.now_ms(bench.now);
        assert_eq!(bench.mapping.processed(), Some(Processed { at_ms, processing }));
        if processing != Processing::Succeeded {
            bench.wake();
        }
    }
}

#[test]
fn an_answer_that_names_records_or_makes_no_sense_is_a_call_that_failed() {
    for answer in [naming(&[0]), naming(&[99])] {
        let partial = Some(PartialReading::EachRecord);
        let mut bench = Bench::new(with(Policy { partial, ..policy() }), &[0]);
        bench.receive(0, 0..2);
        bench.end(0, answer);
        let processing = bench.mapping.processed().map(|last| last.processing);
        assert_eq!(processing, Some(Processing::Failed));
    }
}
