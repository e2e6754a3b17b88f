//! What reaches the function, and what becomes of it.

use std::time::Duration;

use invoke::InvokeError;
use poller::{EventSource, Poller};
use serde_json::json;

use crate::support::{Kafka, function, until, until_caught_up};

#[tokio::test]
async fn records_reach_the_function_in_order_and_are_committed() {
    let kafka = Kafka::with_partitions(1).await;
    for n in 0..250 {
        kafka.produce(0, &n.to_string()).await;
    }
    let (invoke, mut invocations) = function();
    let poller = Poller::start(kafka.mapping("g"), invoke).unwrap();
    let values = invocations.values(250).await;
    let expected: Vec<String> = (0..250).map(|n| n.to_string()).collect();
    assert_eq!(values["events-0"], expected);
    until_caught_up(&poller).await;
    assert_eq!(poller.status().await.partitions[0].committed, Some(250));
    poller.shutdown().await;
}

#[tokio::test]
async fn the_event_is_what_aws_sends() {
    let kafka = Kafka::with_partitions(1).await;
    kafka.produce(0, "hello").await;
    let (invoke, mut invocations) = function();
    let cluster_arn = "arn:aws:kafka:us-east-1:000000000000:cluster/local/x-1".to_owned();
    let source = EventSource::Msk { cluster_arn: cluster_arn.clone() };
    let config = poller::MappingConfig { source, ..kafka.mapping("g") };
    let bootstrap_servers = config.bootstrap_servers.clone();
    let poller = Poller::start(config, invoke).unwrap();
    let invocation = invocations.next().await;
    let mut event = invocation.event.clone();
    let timestamp = event["records"]["events-0"][0]["timestamp"].take();
    assert!(timestamp.as_i64().unwrap() > 1_600_000_000_000);
    let expected = json!({
        "eventSource": "aws:kafka",
        "eventSourceArn": cluster_arn,
        "bootstrapServers": bootstrap_servers,
        "records": {"events-0": [{
            "topic": "events",
            "partition": 0,
            "offset": 0,
            "timestamp": null,
            "timestampType": "CREATE_TIME",
            "value": "aGVsbG8=",
            "headers": [],
        }]},
    });
    assert_eq!(event, expected);
    invocation.succeed();
    poller.shutdown().await;
}

#[tokio::test]
async fn a_failed_batch_comes_again_and_is_committed_after_success() {
    let kafka = Kafka::with_partitions(1).await;
    kafka.produce(0, "a").await;
    let (invoke, mut invocations) = function();
    let poller = Poller::start(kafka.mapping("g"), invoke).unwrap();
    let first = invocations.next().await;
    let event = first.event.clone();
    first.fail();
    let second = invocations.next().await;
    assert_eq!(second.event, event);
    until(&poller, |status| status.lag == Some(1)).await;
    second.succeed();
    until_caught_up(&poller).await;
    poller.shutdown().await;
}

#[tokio::test]
async fn a_throttled_batch_comes_again() {
    let kafka = Kafka::with_partitions(1).await;
    kafka.produce(0, "a").await;
    let (invoke, mut invocations) = function();
    let poller = Poller::start(kafka.mapping("g"), invoke).unwrap();
    let throttled = InvokeError::Throttled { function: "process".to_owned() };
    invocations.next().await.answer(Err(throttled));
    invocations.next().await.succeed();
    until_caught_up(&poller).await;
    poller.shutdown().await;
}

#[tokio::test]
async fn a_partition_that_fails_does_not_hold_up_another() {
    let kafka = Kafka::with_partitions(2).await;
    kafka.produce(0, "bad").await;
    let (invoke, mut invocations) = function();
    let poller = Poller::start(kafka.mapping("g"), invoke).unwrap();
    invocations.next().await.fail();
    for n in 0..10 {
        kafka.produce(1, &n.to_string()).await;
    }
    let mut healthy = 0;
    while healthy < 10 {
        let invocation = invocations.next().await;
        let values = invocation.values();
        if values.contains_key("events-0") {
            invocation.fail();
        } else {
            healthy += values["events-1"].len();
            invocation.succeed();
        }
    }
    until(&poller, |status| status.lag == Some(1)).await;
    // A retry may be under way: it is not answered, and must not hold up the end.
    drop(invocations);
    poller.shutdown().await;
}

#[tokio::test]
async fn records_wait_for_company_until_the_window_ends() {
    let kafka = Kafka::with_partitions(1).await;
    kafka.produce(0, "a").await;
    let (invoke, mut invocations) = function();
    let window = Some(Duration::from_mins(5));
    let config = poller::MappingConfig { batch_size: 2, window, ..kafka.mapping("g") };
    let poller = Poller::start(config, invoke).unwrap();
    until(&poller, |status| status.lag == Some(1)).await;
    assert!(invocations.is_quiet());
    kafka.produce(0, "b").await;
    assert_eq!(invocations.next().await.values()["events-0"], ["a", "b"]);
    poller.shutdown().await;
}
