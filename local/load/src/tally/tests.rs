//! What is counted, told on the way and reported at the end.

use std::num::NonZeroU32;

use tokio::time::Instant;

use super::*;
use crate::answer::Answer;
use crate::config::{Amount, Pace};
use crate::outcome::Verdict;
use crate::part::Done;

fn done(verdict: Verdict, latency_ms: u64) -> Done {
    let latency = Duration::from_millis(latency_ms);
    Done { sequence: 0, verdict, latency, wait: latency / 10 }
}

fn status(status: u16) -> Verdict {
    let answer = Answer { status, retry_after: false, keep_alive: true, body: Vec::new() };
    Verdict::of_answer(&answer)
}

fn part(begun_ms: u64, done: impl IntoIterator<Item = Done>) -> Part {
    let mut part = Part::new(Duration::from_millis(begun_ms));
    done.into_iter().for_each(|done| part.record(&done));
    part
}

fn nothing_due(_: Duration) -> Option<u64> {
    None
}

#[test]
fn reports_the_contracts_fields() {
    let mut tally = Tally::new();
    tally.merge(&part(0, (1..=100).map(|latency_ms| done(status(202), latency_ms))));
    tally.merge(&part(
        0,
        [
            done(status(400), 1),
            done(status(500), 1),
            done(Verdict::ambiguous(Fault::TimedOut), 35_000),
            done(Verdict::not_sent(Fault::NotConnected), 90_000),
        ],
    ));
    tally.never_sent(2);
    let report = tally.report("0000beef".parse().unwrap(), Duration::from_secs(2), nothing_due);
    let mut json = serde_json::to_value(&report).unwrap();
    for key in ["latency_ms", "wait_ms"] {
        for latency in json[key].as_object_mut().unwrap().values_mut() {
            *latency = latency.as_f64().unwrap().round().into();
        }
    }
    assert_eq!(
        json,
        serde_json::json!({
            "sent": 103, "accepted": 100, "refused": 1, "ambiguous": 2, "failed": 3,
            "duration_s": 2.0, "rate": 51.5,
            "latency_ms": { "p50": 50.0, "p90": 91.0, "p99": 100.0, "p999": 35_029.0, "max": 35_029.0 },
            "wait_ms": { "p50": 5.0, "p90": 9.0, "p99": 10.0, "p999": 3_500.0, "max": 3_500.0 },
            "run": "0000beef",
            "errors": {
                "never its turn": 2, "not connected": 1, "status 400": 1, "status 500": 1, "timed out": 1
            },
        })
    );
}

#[test]
fn each_second_has_its_own_figures() {
    let mut tally = Tally::new();
    tally.merge(&part(800, [done(status(202), 10)]));
    tally.merge(&part(3_000, [done(status(202), 90), done(status(400), 10)]));
    tally.merge(&part(2_900, [done(status(202), 90)]));
    let due = |elapsed: Duration| u64::try_from(elapsed.as_millis() / 100).ok();
    let report = tally.report(RunId::default(), Duration::from_millis(3_500), due);
    let seconds: Vec<_> = report
        .seconds
        .iter()
        .map(|second| {
            (second.number, second.due, second.accepted, second.errors.values().sum::<u64>())
        })
        .collect();
    assert_eq!(
        seconds,
        [(0, Some(10), 1, 0), (1, Some(10), 0, 0), (2, Some(10), 0, 0), (3, Some(5), 2, 1)]
    );
    assert_eq!(report.seconds[1].latency_ms, None);
    assert!((report.seconds[3].latency_ms.unwrap().p50 - 90.0).abs() < 0.1);
    let (share, latency) = report.percentiles.last().unwrap();
    assert!((share - 1.0).abs() < f64::EPSILON && (latency - 90.0).abs() < 0.1);
}

#[test]
fn a_snapshot_knows_what_is_under_way() {
    let pace = Pace::Closed { connections: NonZeroU32::MIN };
    let now = Instant::now();
    let tickets = Tickets::new(pace, Amount::Requests(9), now, Duration::ZERO);
    for _ in 0..5 {
        tickets.take(now);
    }
    let mut tally = Tally::new();
    let refused = Verdict::not_sent(Fault::NotConnected);
    tally.merge(&part(
        0,
        [done(status(202), 10), done(status(400), 10), done(refused, 0), done(refused, 0)],
    ));
    let snapshot = tally.snapshot(Duration::from_secs(1), &tickets, 4);
    assert_eq!((snapshot.sent, snapshot.failed, snapshot.in_flight), (2, 2, 1));
    assert_eq!((snapshot.requests, snapshot.waiting), (Some(9), 4));
    assert!((snapshot.rate - 2.0).abs() < 1e-9);
    assert!((snapshot.p50_ms - 10.0).abs() < 0.1);
    let errors = [Some((Fault::NotConnected, 2)), Some((Fault::Status(400), 1)), None];
    assert_eq!(snapshot.errors, errors);
}

#[test]
fn an_empty_run_has_a_report() {
    let report = Tally::new().report(RunId::random(), Duration::ZERO, nothing_due);
    assert_eq!((report.sent, report.latency_ms), (0, Latencies::default()));
    assert!(report.rate.abs() < f64::EPSILON);
}
