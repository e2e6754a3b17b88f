//! Records that fail, with a real Kafka underneath: what is remembered, and where records end.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use invoke::Outcome;
use poller::{
    Destination, FailureHandling, MappingConfig, OnFailure, PartialReading, Poller, RetryDelay,
    Service,
};
use rdkafka::Message as _;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::task::spawn_blocking;
use tokio::time::Instant;
use tokio_util::task::TaskTracker;

use crate::support::{Invocations, Kafka, PATIENCE, function, until_caught_up, until_started};

const QUICK: RetryDelay =
    RetryDelay { first: Duration::from_millis(1), longest: Duration::from_millis(10) };

fn to(destination: Destination) -> OnFailure {
    let function_arn = "arn:aws:lambda:us-east-1:000000000000:function:process".to_owned();
    OnFailure { function_arn, destination }
}

/// Answers invocations, with a failure where `bad` is among the values; stops after `tries` of it.
async fn fail_on_bad(invocations: &mut Invocations, tries: usize) {
    let mut seen = 0;
    while seen < tries {
        let invocation = invocations.next().await;
        if invocation.values().values().flatten().any(|value| value == "bad") {
            seen += 1;
            invocation.fail();
        } else {
            invocation.succeed();
        }
    }
}

/// How often a consumer looks at the clock; it also comes back when its group changes.
const POLL: Duration = Duration::from_millis(200);

/// The messages of a topic, as key and JSON.
async fn messages(
    kafka: &Kafka,
    topic: &'static str,
    count: usize,
) -> Vec<(Option<Vec<u8>>, Value)> {
    let address = kafka.address();
    spawn_blocking(move || {
        let mut client = rdkafka::ClientConfig::new();
        client.set("bootstrap.servers", address).set("group.id", "reader");
        client.set("auto.offset.reset", "earliest");
        let consumer: BaseConsumer = client.create().expect("a consumer");
        consumer.subscribe(&[topic]).expect("a topic's name");
        let (mut messages, end) = (Vec::new(), Instant::now() + PATIENCE);
        while messages.len() < count {
            assert!(Instant::now() < end, "a message comes");
            let Some(Ok(message)) = consumer.poll(POLL) else { continue };
            let value = serde_json::from_slice(message.payload().expect("a value"));
            messages.push((message.key().map(<[u8]>::to_vec), value.expect("JSON")));
        }
        messages
    })
    .await
    .expect("it does not panic")
}

#[tokio::test]
async fn a_poisoned_record_is_found_by_halves_and_goes_to_the_topic_of_dead_letters() {
    let kafka = Kafka::with_partitions(1).await;
    kafka.make_topic("dead").await;
    for value in ["a", "b", "c", "d", "e", "bad", "f", "g"] {
        kafka.produce(0, value).await;
    }
    let (invoke, mut invocations) = function();
    let failures = FailureHandling {
        retries_max: Some(1),
        bisect: true,
        on_failure: Some(to(Destination::Topic("dead".to_owned()))),
        retry_delay: QUICK,
        ..FailureHandling::default()
    };
    let window = Some(Duration::from_secs(1));
    let config = MappingConfig { failures, batch_size: 8, window, ..kafka.mapping("g") };
    let poller = Poller::start(config, invoke).unwrap();
    let answering =
        TaskTracker::new().spawn(async move { fail_on_bad(&mut invocations, usize::MAX).await });
    let [(key, document)] = &messages(&kafka, "dead", 1).await[..] else { unreachable!() };
    assert_eq!(*key, None);
    assert_eq!(document["requestContext"]["condition"], "RetriesExhausted");
    assert_eq!(document["requestContext"]["approximateInvokeCount"], 2);
    assert_eq!(document["KafkaBatchInfo"]["recordInfo"]["offset"], "5");
    assert_eq!(document["payload"]["records"]["events-0"][0]["value"], "YmFk");
    until_caught_up(&poller).await;
    let counts = poller.status().await.counts;
    assert_eq!((counts.delivered, counts.dropped, counts.committed), (1, 0, 8));
    poller.shutdown().await;
    answering.abort();
}

#[tokio::test]
async fn a_restart_goes_on_counting_attempts() {
    let kafka = Kafka::with_partitions(1).await;
    kafka.produce(0, "bad").await;
    let failures =
        FailureHandling { retries_max: Some(4), retry_delay: QUICK, ..FailureHandling::default() };
    let config = MappingConfig { failures, ..kafka.mapping("g") };
    for tries in [2, 2] {
        let (invoke, mut invocations) = function();
        let poller = Poller::start(config.clone(), invoke).unwrap();
        fail_on_bad(&mut invocations, tries).await;
        // What is invoked from here on is not answered before the mapping has stopped.
        let stopping = TaskTracker::new().spawn(poller.shutdown());
        while let Some(invocation) = invocations.try_next().await {
            invocation.answer(Err(invoke::InvokeError::Throttled { function: String::new() }));
        }
        stopping.await.unwrap();
    }
    let (invoke, mut invocations) = function();
    let poller = Poller::start(config, invoke).unwrap();
    until_caught_up_failing(&poller, &mut invocations).await;
    assert_eq!(poller.status().await.counts.dropped, 1);
    poller.shutdown().await;
}

/// Fails whatever comes until the record is given up; it must be once at most.
async fn until_caught_up_failing(poller: &Poller, invocations: &mut Invocations) {
    let mut tries = 0;
    loop {
        tokio::select! {
            () = until_caught_up(poller) => break,
            invocation = invocations.next() => {
                tries += 1;
                assert!(tries <= 1, "four attempts were made before");
                invocation.fail();
            }
        }
    }
}

#[tokio::test]
async fn named_records_go_again_and_then_into_the_folder_of_a_queue() {
    let kafka = Kafka::with_partitions(1).await;
    for value in ["a", "bad", "c"] {
        kafka.produce(0, value).await;
    }
    let folder = TempDir::new().unwrap();
    let (invoke, mut invocations) = function();
    let destination =
        Destination::Folder { service: Service::Sqs, folder: folder.path().join("queue") };
    let failures = FailureHandling {
        retries_max: Some(1),
        partial: Some(PartialReading::EachRecord),
        on_failure: Some(to(destination)),
        retry_delay: QUICK,
        ..FailureHandling::default()
    };
    let window = Some(Duration::from_secs(1));
    let config = MappingConfig { failures, batch_size: 3, window, ..kafka.mapping("g") };
    let poller = Poller::start(config, invoke).unwrap();
    let item = json!({"itemIdentifier": {"partition": "events-0", "offset": 1}});
    let answer = json!({"batchItemFailures": [item]}).to_string();
    for expected in [vec!["a", "bad", "c"], vec!["bad"]] {
        let invocation = invocations.next().await;
        assert_eq!(invocation.values()["events-0"], expected);
        invocation.answer(Ok(Outcome::Succeeded(Bytes::from(answer.clone()))));
    }
    until_caught_up(&poller).await;
    poller.shutdown().await;
    let mut files = std::fs::read_dir(folder.path().join("queue")).unwrap();
    let file = files.next().expect("a document").unwrap().path();
    assert!(files.next().is_none());
    let document: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    assert_eq!(document["KafkaBatchInfo"]["recordsInfo"]["events-0"]["firstRecordOffset"], "1");
    assert_eq!(
        document["responseContext"],
        json!({"statusCode": 200, "executedVersion": "$LATEST"})
    );
}

#[tokio::test]
async fn records_that_no_filter_lets_pass_are_committed_unseen() {
    let kafka = Kafka::with_partitions(1).await;
    for value in [r#"{"n":1}"#, r#"{"n":2}"#, r#"{"n":3}"#] {
        kafka.produce(0, value).await;
    }
    let (invoke, mut invocations) = function();
    let filters = vec![r#"{"value":{"n":[2]}}"#.to_owned()];
    let config = MappingConfig { filters, ..kafka.mapping("g") };
    let poller = Poller::start(config, invoke).unwrap();
    assert_eq!(invocations.values(1).await["events-0"], [r#"{"n":2}"#]);
    until_caught_up(&poller).await;
    let counts = poller.status().await.counts;
    assert_eq!((counts.polled, counts.filtered_out, counts.invoked), (3, 2, 1));
    poller.shutdown().await;
}

#[tokio::test]
async fn rebalances_while_a_record_fails_take_no_attempt_and_add_none() {
    let kafka = Kafka::with_partitions(1).await;
    kafka.make_topic("dead").await;
    kafka.produce(0, "bad").await;
    let (invoke, mut invocations) = function();
    let first = Duration::from_millis(200);
    let failures = FailureHandling {
        retries_max: Some(5),
        on_failure: Some(to(Destination::Topic("dead".to_owned()))),
        retry_delay: RetryDelay { first, longest: first },
        ..FailureHandling::default()
    };
    let config = MappingConfig { failures, ..kafka.mapping("g") };
    let poller = Poller::start(config.clone(), Arc::clone(&invoke)).unwrap();
    let answering = TaskTracker::new().spawn(async move {
        let mut tries = 0;
        while let Some(invocation) = invocations.try_next().await {
            invocation.fail();
            tries += 1;
        }
        tries
    });
    // A second member comes and goes; each time everything is given back and dealt out again.
    let unrest = async {
        loop {
            let other = Poller::start(config.clone(), Arc::clone(&invoke)).unwrap();
            until_started(&other).await;
            other.shutdown().await;
        }
    };
    let document = tokio::select! {
        found = messages(&kafka, "dead", 1) => found[0].1.clone(),
        () = unrest => unreachable!("it has no end"),
    };
    assert_eq!(document["requestContext"]["approximateInvokeCount"], 6);
    until_caught_up(&poller).await;
    poller.shutdown().await;
    drop(invoke);
    assert_eq!(answering.await.unwrap(), 6);
}
