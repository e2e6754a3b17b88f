//! What a mapping says of itself while something keeps it from its work, and after.

use std::time::Duration;

use broker::{Fault, FaultRule};
use invoke::InvokeError;
use poller::{FailureHandling, MappingConfig, MappingState, Poller, RetryDelay};

use crate::support::{Kafka, function, until, until_started};

/// Kafka's codes for what an ACL forbids.
const TOPIC_AUTHORIZATION_FAILED: i16 = 29;
const GROUP_AUTHORIZATION_FAILED: i16 = 30;

const NOT_AUTHORIZED: &str = "PROBLEM: Cluster failed to authorize Lambda.";

/// A mapping that tries again soon.
fn mapping(kafka: &Kafka) -> MappingConfig {
    let retry_delay =
        RetryDelay { first: Duration::from_millis(1), longest: Duration::from_millis(10) };
    let failures = FailureHandling { retry_delay, ..FailureHandling::default() };
    MappingConfig { failures, ..kafka.mapping("g") }
}

/// Waits until the mapping says this; it must be enabled all the time.
async fn until_says(poller: &Poller, reason: &str, result: &str) {
    until(poller, |status| {
        assert_eq!(status.state, MappingState::Enabled);
        (status.state_transition_reason, status.last_processing_result) == (reason, result)
    })
    .await;
}

fn refused(api: &str, code: i16) -> FaultRule {
    FaultRule { api: Some(api.to_owned()), ..FaultRule::new(Fault::Answer(code)) }
}

#[tokio::test]
async fn the_last_result_is_that_of_the_last_invocation() {
    let kafka = Kafka::with_partitions(1).await;
    let (invoke, mut invocations) = function();
    let poller = Poller::start(mapping(&kafka), invoke).unwrap();
    until_started(&poller).await;
    until_says(&poller, "User action", "No records processed").await;
    kafka.produce(0, "a").await;
    invocations.next().await.fail();
    until_says(&poller, "User action", "PROBLEM: Function call failed").await;
    let throttled = Err(InvokeError::Throttled { function: String::new() });
    invocations.next().await.answer(throttled);
    until_says(&poller, "User action", "PROBLEM: Function call throttled").await;
    invocations.next().await.succeed();
    until_says(&poller, "User action", "OK").await;
    poller.shutdown().await;
}

#[tokio::test]
async fn a_function_that_is_not_there_is_told_until_it_is_there() {
    let kafka = Kafka::with_partitions(1).await;
    kafka.produce(0, "a").await;
    let (invoke, mut invocations) = function();
    let poller = Poller::start(mapping(&kafka), invoke).unwrap();
    let unknown = || Err(InvokeError::UnknownFunction { function: "process".to_owned() });
    invocations.next().await.answer(unknown());
    let result = "PROBLEM: Function does not exist";
    until_says(&poller, "FUNCTION_CONFIG_NOT_VALID", result).await;
    invocations.next().await.succeed();
    until_says(&poller, "User action", "OK").await;
    poller.shutdown().await;
}

#[tokio::test]
async fn a_topic_that_is_not_there_is_told_until_it_is_made() {
    let kafka = Kafka::with_partitions(1).await;
    let (invoke, _invocations) = function();
    let config = MappingConfig { topic: "later".to_owned(), ..mapping(&kafka) };
    let poller = Poller::start(config, invoke).unwrap();
    until_says(&poller, "ESM_CONFIG_NOT_VALID", "PROBLEM: Topic does not exist.").await;
    kafka.make_topic("later").await;
    until_says(&poller, "User action", "No records processed").await;
    until_started(&poller).await;
    poller.shutdown().await;
}

#[tokio::test]
async fn a_group_that_may_not_be_joined_is_told_until_it_may() {
    let kafka = Kafka::with_partitions(1).await;
    let rule = refused("JoinGroup", GROUP_AUTHORIZATION_FAILED);
    let id = kafka.faults().inject(rule).unwrap();
    let (invoke, _invocations) = function();
    let poller = Poller::start(mapping(&kafka), invoke).unwrap();
    until_says(&poller, "EVENT_SOURCE_AUTHZ_ERROR", NOT_AUTHORIZED).await;
    assert!(kafka.faults().lift(id));
    until_says(&poller, "User action", "No records processed").await;
    until_started(&poller).await;
    poller.shutdown().await;
}

#[tokio::test]
async fn a_topic_that_may_not_be_read_is_told_until_it_may() {
    let kafka = Kafka::with_partitions(1).await;
    let rule = refused("Fetch", TOPIC_AUTHORIZATION_FAILED);
    let id = kafka.faults().inject(rule).unwrap();
    let (invoke, mut invocations) = function();
    let poller = Poller::start(mapping(&kafka), invoke).unwrap();
    kafka.produce(0, "a").await;
    until_says(&poller, "EVENT_SOURCE_AUTHZ_ERROR", NOT_AUTHORIZED).await;
    assert!(kafka.faults().lift(id));
    invocations.values(1).await;
    until_says(&poller, "User action", "OK").await;
    poller.shutdown().await;
}

#[tokio::test]
async fn a_kafka_that_is_away_is_told_and_is_no_reason_for_the_state() {
    let mut kafka = Kafka::with_partitions(1).await;
    kafka.go_away().await;
    let (invoke, _invocations) = function();
    let poller = Poller::start(mapping(&kafka), invoke).unwrap();
    let result =
        "PROBLEM: Connection error. Please check your event source connection configuration.";
    until_says(&poller, "User action", result).await;
    kafka.come_back().await;
    until_says(&poller, "User action", "No records processed").await;
    poller.shutdown().await;
}
