//! The record: a long load with faults in its middle, whose report and ledger are printed.

use std::io::{self, Write as _};

use crate::kafka::Mine;
use crate::loading::{Loading, assert_nothing_is_lost_or_twice};

/// How many events are accepted before the load ends.
const EVENTS: &str = "MILLRACE_SOAK_EVENTS";

/// Enough that each fault happens under load.
const EVENTS_DEFAULT: u64 = 5_000;

#[tokio::test(flavor = "multi_thread")]
async fn a_long_load_with_one_kafka_restart_and_two_environment_kills_loses_nothing() {
    let quarter = events().div_ceil(4);
    let kafka = Mine::take().await;
    let cloud = kafka.cloud();
    let mut load = Loading::endless(&cloud);
    load.accepted(quarter).await;
    cloud.kill_environment("process_events").await;
    load.accepted(quarter).await;
    kafka.stop();
    kafka.start();
    load.accepted(quarter).await;
    cloud.kill_environment("register_event").await;
    load.accepted(quarter).await;
    let report = load.stop().await;
    let ledger = assert_nothing_is_lost_or_twice(&cloud, &report);
    let report = serde_json::to_string(&report).expect("counts become JSON");
    writeln!(io::stdout(), "\nload   {report}\nledger {ledger}").expect("standard output");
}

#[expect(clippy::disallowed_methods, reason = "the test's own setting")]
fn events() -> u64 {
    let events = std::env::var(EVENTS).ok();
    events.map_or(EVENTS_DEFAULT, |events| events.parse().expect("a number of events"))
}
