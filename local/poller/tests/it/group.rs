//! The consumer group: where a mapping begins, goes on, and what it leaves behind.

use poller::{MappingConfig, MappingState, Poller, StartingPosition};

use crate::support::{Kafka, TOPIC, function, until, until_caught_up, until_started};

#[tokio::test]
async fn a_second_start_goes_on_from_what_was_committed() {
    let kafka = Kafka::with_partitions(1).await;
    kafka.produce(0, "a").await;
    let (invoke, mut invocations) = function();
    let poller = Poller::start(kafka.mapping("g"), invoke).unwrap();
    invocations.values(1).await;
    poller.shutdown().await;

    kafka.produce(0, "b").await;
    let (invoke, mut invocations) = function();
    let poller = Poller::start(kafka.mapping("g"), invoke).unwrap();
    assert_eq!(invocations.next().await.values()["events-0"], ["b"]);
    poller.shutdown().await;
}

#[tokio::test]
async fn what_was_under_way_at_a_stop_comes_again() {
    let kafka = Kafka::with_partitions(1).await;
    kafka.produce(0, "a").await;
    let (invoke, mut invocations) = function();
    let poller = Poller::start(kafka.mapping("g"), invoke).unwrap();
    invocations.next().await.fail();
    poller.shutdown().await;

    let (invoke, mut invocations) = function();
    let poller = Poller::start(kafka.mapping("g"), invoke).unwrap();
    assert_eq!(invocations.values(1).await["events-0"], ["a"]);
    poller.shutdown().await;
}

#[tokio::test]
async fn two_groups_both_get_everything() {
    let kafka = Kafka::with_partitions(2).await;
    let (invoke, mut of_first) = function();
    let first = Poller::start(kafka.mapping("g1"), invoke).unwrap();
    let (invoke, mut of_second) = function();
    let second = Poller::start(kafka.mapping("g2"), invoke).unwrap();
    for n in 0..20 {
        kafka.produce(n % 2, &n.to_string()).await;
    }
    let values = of_first.values(20).await;
    assert_eq!(values, of_second.values(20).await);
    assert_eq!(values["events-1"].len(), 10);
    first.shutdown().await;
    second.shutdown().await;
}

#[tokio::test]
async fn latest_begins_at_the_end_and_a_restart_does_not_move_it() {
    let kafka = Kafka::with_partitions(1).await;
    kafka.produce(0, "before").await;
    let (invoke, _invocations) = function();
    let latest =
        MappingConfig { starting_position: StartingPosition::Latest, ..kafka.mapping("g") };
    let poller = Poller::start(latest.clone(), invoke).unwrap();
    until_started(&poller).await;
    assert_eq!(poller.status().await.partitions[0].committed, Some(1));
    poller.shutdown().await;

    kafka.produce(0, "between").await;
    let (invoke, mut invocations) = function();
    let poller = Poller::start(latest, invoke).unwrap();
    assert_eq!(invocations.next().await.values()["events-0"], ["between"]);
    poller.shutdown().await;
}

#[tokio::test]
async fn a_disabled_mapping_reads_once_it_is_resumed() {
    let kafka = Kafka::with_partitions(1).await;
    kafka.produce(0, "a").await;
    let (invoke, mut invocations) = function();
    let disabled = MappingConfig { enabled: false, ..kafka.mapping("g") };
    let poller = Poller::start(disabled, invoke).unwrap();
    let status = poller.status().await;
    assert_eq!((status.state, status.lag), (MappingState::Disabled, None));
    assert!(invocations.is_quiet());
    poller.resume().await;
    invocations.values(1).await;
    until_caught_up(&poller).await;
    poller.shutdown().await;
}

#[tokio::test]
async fn a_paused_mapping_commits_leaves_and_goes_on_where_it_was() {
    let kafka = Kafka::with_partitions(1).await;
    kafka.produce(0, "a").await;
    let (invoke, mut invocations) = function();
    let poller = Poller::start(kafka.mapping("g"), invoke).unwrap();
    let under_way = invocations.next().await;
    poller.pause().await;
    assert_eq!(poller.status().await.state, MappingState::Disabling);
    under_way.succeed();
    until(&poller, |status| status.state == MappingState::Disabled).await;
    kafka.produce(0, "b").await;
    until(&poller, |status| status.lag == Some(1)).await;
    assert!(invocations.is_quiet());
    poller.resume().await;
    assert_eq!(invocations.values(1).await["events-0"], ["b"]);
    poller.shutdown().await;
}

#[tokio::test]
async fn a_kafka_that_goes_away_is_read_again_when_it_is_back() {
    let mut kafka = Kafka::with_partitions(1).await;
    kafka.produce(0, "a").await;
    let (invoke, mut invocations) = function();
    let poller = Poller::start(kafka.mapping("g"), invoke).unwrap();
    invocations.values(1).await;
    until_caught_up(&poller).await;
    kafka.go_away().await;
    until(&poller, |status| status.lag.is_none()).await;
    kafka.come_back().await;
    kafka.produce(0, "b").await;
    assert_eq!(invocations.values(1).await["events-0"], ["b"]);
    // The commit may come from a member that this Kafka does not know; then the record comes again.
    tokio::select! {
        () = until_caught_up(&poller) => {}
        again = invocations.values(usize::MAX) => unreachable!("{again:?}"),
    }
    poller.shutdown().await;
}

#[tokio::test]
async fn a_mapping_starts_and_stops_without_a_kafka() {
    let mut kafka = Kafka::with_partitions(1).await;
    kafka.go_away().await;
    let (invoke, _invocations) = function();
    let poller = Poller::start(kafka.mapping("g"), invoke).unwrap();
    assert_eq!(poller.status().await.lag, None);
    poller.shutdown().await;
}

#[tokio::test]
async fn a_topic_made_anew_in_an_instant_is_read_from_its_beginning() {
    let kafka = Kafka::with_partitions(1).await;
    let (invoke, mut invocations) = function();
    let poller = Poller::start(kafka.mapping("g"), invoke).unwrap();
    for value in ["a", "b", "c"] {
        kafka.produce(0, value).await;
    }
    invocations.values(3).await;
    until_caught_up(&poller).await;
    kafka.delete_topic(TOPIC).await;
    kafka.make_topic(TOPIC).await;
    kafka.produce(0, "new").await;
    assert_eq!(invocations.values(1).await["events-0"], ["new"]);
    poller.shutdown().await;
}
