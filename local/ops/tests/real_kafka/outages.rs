//! Kafka goes away in the middle of a load and comes back: who asks meanwhile is told so in time, and
//! afterwards everything goes on by itself.

use std::time::Duration;

use serde_json::Value;
use tokio::time::{Instant, sleep};

use crate::cloud::{Answer, Cloud, LOOK, PATIENCE};
use crate::kafka::Mine;
use crate::loading::{CONNECTIONS, Loading, assert_nothing_is_lost_or_twice};

/// Accepted before Kafka goes, and again after it is back.
const ACCEPTED: u64 = 1_000;

/// When an invocation of the function ends: its answer comes before that.
const TIMEOUT: Duration = Duration::from_secs(29);

/// Requests while Kafka is away.
const PROBES: u32 = 6;

#[tokio::test(flavor = "multi_thread")]
async fn while_kafka_is_stopped_events_are_refused_and_later_all_goes_on_by_itself() {
    let kafka = Mine::take().await;
    let cloud = kafka.cloud();
    let mut load = Loading::endless(&cloud);
    load.accepted(ACCEPTED).await;
    let known = register(&cloud, r#"{"before":"the outage"}"#).await;
    cloud.settled(&known).await;

    kafka.stop();
    for _ in 0..PROBES {
        let begun = Instant::now();
        let answer = cloud.post("/register_event", r#"{"during":"the outage"}"#).await;
        assert_refused_in_time(&answer, begun);
    }
    let system = cloud.get("/get_status").await;
    assert_eq!(system.status, 503, "{:?}", system.body);
    assert_eq!(cloud.settled(&known).await["status"], "processed");

    kafka.start();
    assert_all_goes_on_by_itself(&cloud, load).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_kafka_loses_nothing_that_was_accepted() {
    let kafka = Mine::take().await;
    let cloud = kafka.cloud();
    let mut load = Loading::endless(&cloud);
    load.accepted(ACCEPTED).await;
    kafka.kill().await;
    kafka.start();
    assert_all_goes_on_by_itself(&cloud, load).await;
}

/// Events are accepted again, everything works, and the outage has cost none.
async fn assert_all_goes_on_by_itself(cloud: &Cloud, mut load: Loading) {
    load.accepted(ACCEPTED).await;
    let report = load.stop().await;
    assert_everything_works(cloud).await;
    // One that each environment had under way; the others know.
    assert!(report.ambiguous <= u64::from(CONNECTIONS), "{report:?}");
    assert_nothing_is_lost_or_twice(cloud, &report);
}

async fn register(cloud: &Cloud, body: &str) -> String {
    let answer = cloud.post("/register_event", body).await;
    assert_eq!(answer.status, 202, "{answer:?}");
    answer.body["event_id"].as_str().expect("an id").to_owned()
}

fn assert_refused_in_time(answer: &Answer, begun: Instant) {
    assert_eq!(answer.status, 503, "{answer:?}");
    assert!(answer.retry_after, "{answer:?} after {:?}", begun.elapsed());
    assert_eq!(answer.body["error"]["code"], "not_registered", "{answer:?}");
    assert!(begun.elapsed() < TIMEOUT, "{answer:?} after {:?}", begun.elapsed());
}

/// An event goes all the way, and nothing waits any more.
async fn assert_everything_works(cloud: &Cloud) {
    let event = register(cloud, r#"{"after":"the outage"}"#).await;
    assert_eq!(cloud.settled(&event).await["status"], "processed");
    let give_up = Instant::now() + PATIENCE;
    let mut system = cloud.get("/get_status").await;
    while (system.status.as_u16(), &system.body["lag"]) != (200, &Value::from(0)) {
        assert!(Instant::now() < give_up, "{system:?}");
        sleep(LOOK).await;
        system = cloud.get("/get_status").await;
    }
}
