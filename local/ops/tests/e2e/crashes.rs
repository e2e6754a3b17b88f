//! What is left when processes die in the middle: every accepted event is processed once.

use load::{Outcome, OutcomeFile};

use crate::cloud::Cloud;
use crate::loading::{Loading, assert_nothing_is_lost_or_twice};

/// The whole process dies when this many were accepted.
const ACCEPTED_BEFORE_THE_KILL: u64 = 1_000;

/// An environment of each function dies each time this many more were accepted.
const ACCEPTED_BETWEEN_KILLS: u64 = 400;

/// How often.
const KILLS: u64 = 9;

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_process_loses_nothing_that_was_accepted() {
    let mut cloud = Cloud::start();
    let mut load = Loading::endless(&cloud);
    load.accepted(ACCEPTED_BEFORE_THE_KILL).await;
    cloud.kill();
    let report = load.stop().await;
    let outcomes = OutcomeFile::latest(&cloud.data().join("load")).expect("readable").expect("one");
    let outcomes = OutcomeFile::open(&outcomes).expect("the outcomes are readable");
    let accepted = outcomes.outcomes().filter(|outcome| *outcome == Outcome::Accepted).count();
    assert_eq!(u64::try_from(accepted).expect("64 bits"), report.accepted);

    cloud.up();
    assert_nothing_is_lost_or_twice(&cloud, &report);
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_environments_lose_nothing_and_are_replaced() {
    let cloud = Cloud::start();
    let mut load = Loading::endless(&cloud);
    for _ in 0..KILLS {
        load.accepted(ACCEPTED_BETWEEN_KILLS).await;
        cloud.kill_environment("register_event").await;
        cloud.kill_environment("process_events").await;
    }
    let report = load.stop().await;
    assert_eq!(report.accepted + report.ambiguous, report.sent, "{report:?}");
    assert_nothing_is_lost_or_twice(&cloud, &report);
}
