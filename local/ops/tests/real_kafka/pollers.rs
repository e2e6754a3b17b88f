//! Pollers die in the middle of a load, with everything else or alone, and others go on where they were.

use crate::cloud::{Cloud, text};
use crate::kafka::Mine;
use crate::loading::{Loading, assert_nothing_is_lost_or_twice};

/// Accepted between one event of the test and the next.
const ACCEPTED: u64 = 1_000;

#[tokio::test(flavor = "multi_thread")]
async fn a_load_goes_on_when_the_whole_process_was_killed_and_started_again() {
    let kafka = Mine::take().await;
    let mut cloud = kafka.cloud();
    let mut load = Loading::endless(&cloud);
    load.accepted(ACCEPTED).await;
    cloud.kill();
    cloud.up();
    load.accepted(ACCEPTED).await;
    let report = load.stop().await;
    assert_nothing_is_lost_or_twice(&cloud, &report);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poller_in_a_process_of_its_own_is_killed_and_another_one_takes_over() {
    let kafka = Mine::take().await;
    let cloud = kafka.cloud();
    pause(&cloud, "pause");
    let elsewhere = cloud.address("lambda").to_owned();
    let arguments = ["--kafka", kafka.address(), "--functions", &elsewhere];
    let mut poller = Cloud::start_on(cloud.topic(), &arguments);

    // Alone, killed and started again.
    let mut load = Loading::endless(&cloud);
    load.accepted(ACCEPTED).await;
    poller.kill();
    load.accepted(ACCEPTED).await;
    poller.up();
    // Beside the other one, killed for good.
    pause(&cloud, "resume");
    load.accepted(2 * ACCEPTED).await;
    poller.kill();
    load.accepted(ACCEPTED).await;
    let report = load.stop().await;
    assert_eq!(report.accepted, report.sent, "the functions were there all the time: {report:?}");
    assert_nothing_is_lost_or_twice(&cloud, &report);
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_environments_lose_nothing() {
    let kafka = Mine::take().await;
    let cloud = kafka.cloud();
    let mut load = Loading::endless(&cloud);
    for _ in 0..4 {
        load.accepted(ACCEPTED / 2).await;
        cloud.kill_environment("register_event").await;
        cloud.kill_environment("process_events").await;
    }
    let report = load.stop().await;
    assert_nothing_is_lost_or_twice(&cloud, &report);
}

fn pause(cloud: &Cloud, command: &str) {
    let output = cloud.millrace(&["mapping", command, "process_events"]);
    assert!(output.status.success(), "{}", text(&output));
}
