//! What is left when processes die in the middle: every accepted event is processed once.

use std::num::NonZeroU32;
use std::time::Duration;

use jiff::Timestamp;
use load::{Amount, LoadConfig, Outcome, OutcomeFile, Pace, Report, Scenario, Snapshot};
use serde_json::Value;

use crate::cloud::Cloud;

/// Requests of one load: enough to be under way at each kill.
const REQUESTS: u64 = 4_000;

/// The whole process dies when this many were accepted.
const ACCEPTED_BEFORE_THE_KILL: u64 = 1_000;

/// An environment dies each time this many more were accepted.
const ACCEPTED_BETWEEN_KILLS: u64 = 200;

/// Loads the cloud with `events`, and asks `watch` whether to go on.
async fn load(cloud: &Cloud, mut watch: impl FnMut(&Snapshot) -> bool) -> Report {
    let url = cloud.address("gateway").parse().expect("an address");
    let events = Scenario::built_in("events").expect("`events` is built in");
    let config = LoadConfig {
        amount: Amount::Requests(REQUESTS),
        pace: Pace::Closed { connections: NonZeroU32::new(16).expect("16 is not 0") },
        request_timeout: Duration::from_secs(10),
        started_ms: Timestamp::now().as_millisecond(),
        ..LoadConfig::new(url, events, cloud.data().join("load"))
    };
    let cancel = config.cancel.clone();
    let watch = |snapshot: &Snapshot| {
        if !watch(snapshot) {
            cancel.cancel();
        }
    };
    load::run(config, watch).await.expect("the load runs, whatever it meets")
}

/// Every id that was answered with 202 is processed once; nothing at all is applied twice.
fn assert_nothing_is_lost_or_twice(cloud: &Cloud, accepted_min: u64) {
    let ledger = cloud.ledger();
    let count = |name: &str| ledger[name].as_u64().expect("a count");
    for name in ["lost", "twice", "pending", "failed", "dead"] {
        assert_eq!(count(name), 0, "{name}: {ledger}");
    }
    assert!(count("accepted") >= accepted_min, "{ledger}");
    assert!(count("processed") >= count("accepted"), "{ledger}");
    let surplus = count("processed") - count("accepted");
    assert!(surplus <= count("ambiguous"), "{ledger}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_process_loses_nothing_that_was_accepted() {
    let mut cloud = Cloud::start();
    let mut killed = false;
    let report = load(&cloud, |snapshot| {
        if !killed && snapshot.accepted >= ACCEPTED_BEFORE_THE_KILL {
            killed = true;
            cloud.kill();
        }
        // Nobody is left to answer.
        !killed
    });
    let report = report.await;
    assert!(killed && report.accepted < REQUESTS, "the kill came too late: {report:?}");
    let outcomes = OutcomeFile::latest(&cloud.data().join("load")).expect("readable").expect("one");
    let outcomes = OutcomeFile::open(&outcomes).expect("the outcomes are readable");
    let accepted = outcomes.outcomes().filter(|outcome| *outcome == Outcome::Accepted).count();
    assert_eq!(u64::try_from(accepted).expect("64 bits"), report.accepted);

    cloud.up();
    assert_nothing_is_lost_or_twice(&cloud, ACCEPTED_BEFORE_THE_KILL);
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_environments_lose_nothing_and_are_replaced() {
    let cloud = Cloud::start();
    let (sender, mut kills) = tokio::sync::mpsc::channel(64);
    let mut next = ACCEPTED_BETWEEN_KILLS;
    let killer = async {
        let mut killed = 0;
        while let Some(function) = kills.recv().await {
            let answer = cloud.control(&format!("/functions/{function}/kill-environment")).await;
            killed += usize::from(answer.body["pid"] != Value::Null && answer.status == 200);
        }
        killed
    };
    let load = load(&cloud, move |snapshot| {
        if snapshot.accepted >= next {
            let function =
                if next.is_multiple_of(400) { "process_events" } else { "register_event" };
            next += ACCEPTED_BETWEEN_KILLS;
            sender.try_send(function).ok();
        }
        true
    });
    let (report, killed) = tokio::join!(load, killer);
    assert!(killed >= 5, "only {killed} environments were killed: {report:?}");
    assert_eq!(report.accepted + report.ambiguous, REQUESTS, "{report:?}");
    assert_nothing_is_lost_or_twice(&cloud, REQUESTS / 2);
}
