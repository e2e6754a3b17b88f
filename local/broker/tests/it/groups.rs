//! Consumer groups of real clients: sharing partitions, committing, being looked at.

use std::collections::BTreeSet;

use rdkafka::consumer::{CommitMode, Consumer, StreamConsumer};
use rdkafka::{Offset, TopicPartitionList};
use tokio::time::timeout;

use crate::support::{LIMIT, Outgoing, Running, Seen, send};

/// Drives a consumer until it has `wanted` partitions.
async fn until_assigned(consumers: &[&StreamConsumer], wanted: &[usize]) {
    let assigned = || {
        let counts = consumers.iter().map(|one| one.assignment().expect("a list").count());
        counts.collect::<Vec<_>>() == wanted
    };
    let wait = async {
        while !assigned() {
            let polls = consumers.iter().map(|one| {
                let short = std::time::Duration::from_millis(50);
                Box::pin(timeout(short, one.recv()))
            });
            let (_polled, _, _) = futures_util::future::select_all(polls).await;
        }
    };
    timeout(LIMIT, wait).await.expect("the partitions are shared in time");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_consumers_share_the_partitions_and_one_takes_over_from_the_other() {
    let running = Running::with_topics(&[("shared", 4)]).await;
    let (one, two) = (running.group_consumer("pair"), running.group_consumer("pair"));
    one.subscribe(&["shared"]).unwrap();
    until_assigned(&[&one], &[4]).await;
    two.subscribe(&["shared"]).unwrap();
    until_assigned(&[&one, &two], &[2, 2]).await;
    let partitions = |consumer: &StreamConsumer| {
        let list = consumer.assignment().unwrap();
        list.elements()
            .iter()
            .map(rdkafka::topic_partition_list::TopicPartitionListElem::partition)
            .collect::<BTreeSet<_>>()
    };
    assert!(partitions(&one).is_disjoint(&partitions(&two)));
    let groups = one.fetch_group_list(Some("pair"), LIMIT).unwrap();
    let group = &groups.groups()[0];
    assert_eq!((group.state(), group.members().len()), ("Stable", 2));
    drop(two);
    until_assigned(&[&one], &[4]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_goes_on_where_it_committed() {
    let running = Running::with_topics(&[("work", 1)]).await;
    let producer = running.producer(&[]);
    for value in ["a", "b", "c"] {
        send(&producer, "work", Outgoing { value: Some(value), ..Outgoing::default() }).await;
    }
    let first = running.group_consumer("workers");
    first.subscribe(&["work"]).unwrap();
    for expected in ["a", "b"] {
        let message = timeout(LIMIT, first.recv()).await.unwrap().unwrap();
        assert_eq!(Seen::of(&message).text(), expected);
        first.commit_message(&message, CommitMode::Sync).unwrap();
    }
    drop(first);
    let second = running.group_consumer("workers");
    second.subscribe(&["work"]).unwrap();
    let message = timeout(LIMIT, second.recv()).await.unwrap().unwrap();
    assert_eq!(Seen::of(&message).text(), "c");
}

/// The client gives its partitions up when its session has ended, and joins as somebody else; the
/// member that it was is waited for once more.
#[tokio::test(flavor = "multi_thread")]
async fn an_outage_longer_than_a_session_costs_no_commit_and_the_group_goes_on() {
    let running = Running::with_topics(&[("work", 2)]).await;
    let producer = running.producer(&[]);
    for value in ["a", "b", "c"] {
        let out = Outgoing { partition: Some(0), value: Some(value), ..Outgoing::default() };
        send(&producer, "work", out).await;
    }
    let mut config = running.client();
    config.set("group.id", "workers").set("enable.auto.commit", "false");
    config.set("session.timeout.ms", "6000").set("heartbeat.interval.ms", "200");
    config.set("auto.offset.reset", "earliest").set("reconnect.backoff.max.ms", "100");
    let consumer: StreamConsumer = config.create().unwrap();
    consumer.subscribe(&["work"]).unwrap();
    let message = timeout(LIMIT, consumer.recv()).await.unwrap().unwrap();
    assert_eq!(Seen::of(&message).text(), "a");
    consumer.commit_message(&message, CommitMode::Sync).unwrap();
    drop(message);
    let running = running.restart_after(until_assigned(&[&consumer], &[0])).await;
    until_assigned(&[&consumer], &[2]).await;
    let groups = consumer.fetch_group_list(Some("workers"), LIMIT).unwrap();
    let group = &groups.groups()[0];
    assert_eq!((group.state(), group.members().len()), ("Stable", 1));
    let mut asked = TopicPartitionList::new();
    asked.add_partition("work", 0);
    let committed = consumer.committed_offsets(asked, LIMIT).unwrap();
    assert_eq!(committed.elements()[0].offset(), Offset::Offset(1));
    drop(running);
}

fn commit_of(metadata: &str) -> TopicPartitionList {
    let mut list = TopicPartitionList::new();
    let mut element = list.add_partition("noted", 0);
    element.set_offset(Offset::Offset(7)).expect("an offset");
    element.set_metadata(metadata);
    list
}

#[tokio::test(flavor = "multi_thread")]
async fn commit_metadata_is_read_back_also_after_a_restart() {
    let running = Running::with_topics(&[("noted", 1)]).await;
    let consumer = running.group_consumer("notes");
    let longest = "é".repeat(4_096);
    consumer.commit(&commit_of(&longest), CommitMode::Sync).unwrap();
    let read = |running: &Running| {
        let mut asked = TopicPartitionList::new();
        asked.add_partition("noted", 0);
        let found = running.group_consumer("notes").committed_offsets(asked, LIMIT).unwrap();
        let element = &found.elements()[0];
        (element.offset(), element.metadata().to_owned())
    };
    assert_eq!(read(&running), (Offset::Offset(7), longest.clone()));
    drop(consumer);
    let running = running.restart().await;
    assert_eq!(read(&running), (Offset::Offset(7), longest));
}

#[tokio::test(flavor = "multi_thread")]
async fn metadata_over_the_limit_is_refused() {
    let running = Running::with_topics(&[("noted", 1)]).await;
    let consumer = running.group_consumer("notes");
    let error = consumer.commit(&commit_of(&"x".repeat(4_097)), CommitMode::Sync).unwrap_err();
    let expected = rdkafka::types::RDKafkaErrorCode::OffsetMetadataTooLarge;
    assert_eq!(error.rdkafka_error_code(), Some(expected));
}
