//! Administration through librdkafka: topics come, grow, change and go.

use rdkafka::admin::{
    AdminClient, AdminOptions, NewPartitions, NewTopic, ResourceSpecifier, TopicReplication,
};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::Consumer;
use rdkafka::types::RDKafkaErrorCode;
use rdkafka::{Offset, TopicPartitionList};

use crate::support::{LIMIT, Outgoing, Running, Seen, send, send_all, topic};

fn admin(running: &Running) -> AdminClient<DefaultClientContext> {
    running.client().create().expect("an admin client")
}

fn partitions(running: &Running, topic: &str) -> Option<usize> {
    let consumer = running.group_consumer("looking");
    let metadata = consumer.fetch_metadata(None, LIMIT).expect("metadata");
    let mut topics = metadata.topics().iter();
    topics.find(|one| one.name() == topic).map(|one| one.partitions().len())
}

#[tokio::test(flavor = "multi_thread")]
async fn topics_are_made_grown_and_deleted() {
    let running = Running::with_topics(&[]).await;
    let admin = admin(&running);
    let options = AdminOptions::new();
    let new = NewTopic::new("made", 2, TopicReplication::Fixed(1)).set("retention.ms", "1000");
    admin.create_topics([&new], &options).await.unwrap()[0].clone().unwrap();
    assert_eq!(partitions(&running, "made"), Some(2));
    let (_, error) = admin.create_topics([&new], &options).await.unwrap()[0].clone().unwrap_err();
    assert_eq!(error, RDKafkaErrorCode::TopicAlreadyExists);
    let more = NewPartitions::new("made", 5);
    admin.create_partitions([&more], &options).await.unwrap()[0].clone().unwrap();
    assert_eq!(partitions(&running, "made"), Some(5));
    admin.delete_topics(&["made"], &options).await.unwrap()[0].clone().unwrap();
    assert_eq!(partitions(&running, "made"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_node_cannot_do_is_refused_with_kafkas_codes() {
    let running = Running::with_topics(&[]).await;
    let admin = admin(&running);
    let refusal = async |new: NewTopic<'_>| {
        let results = admin.create_topics([&new], &AdminOptions::new()).await.unwrap();
        results[0].clone().unwrap_err().1
    };
    let replicated = NewTopic::new("t", 1, TopicReplication::Fixed(3));
    assert_eq!(refusal(replicated).await, RDKafkaErrorCode::InvalidReplicationFactor);
    let compacted =
        NewTopic::new("t", 1, TopicReplication::Fixed(1)).set("cleanup.policy", "compact");
    assert_eq!(refusal(compacted).await, RDKafkaErrorCode::InvalidConfig);
    let misnamed = NewTopic::new("a/b", 1, TopicReplication::Fixed(1));
    assert_eq!(refusal(misnamed).await, RDKafkaErrorCode::InvalidTopic);
}

#[tokio::test(flavor = "multi_thread")]
async fn configs_are_described_with_defaults_where_nothing_is_set() {
    let set = topic("set", 1, &[("segment.bytes", "5000")]);
    let running = Running::with(vec![set]).await;
    let admin = admin(&running);
    let topic = ResourceSpecifier::Topic("set");
    let value = async |name: &str| {
        let described = admin.describe_configs([&topic], &AdminOptions::new()).await.unwrap();
        let resource = described.into_iter().next().unwrap().unwrap();
        resource.get(name).and_then(|entry| entry.value.clone())
    };
    assert_eq!(value("retention.ms").await.as_deref(), Some("604800000"));
    assert_eq!(value("segment.bytes").await.as_deref(), Some("5000"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_made_again_is_empty_and_has_no_commits() {
    let running = Running::with_topics(&[("again", 1)]).await;
    let producer = running.producer(&[]);
    let out = Outgoing { value: Some("old"), ..Outgoing::default() };
    assert_eq!(send(&producer, "again", out.clone()).await, (0, 0));
    let admin = admin(&running);
    let options = AdminOptions::new();
    admin.delete_topics(&["again"], &options).await.unwrap()[0].clone().unwrap();
    let new = NewTopic::new("again", 1, TopicReplication::Fixed(1));
    admin.create_topics([&new], &options).await.unwrap()[0].clone().unwrap();
    let fresh = running.producer(&[]);
    assert_eq!(send(&fresh, "again", out).await, (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_topic_is_made_when_a_producer_asks_for_it() {
    let running = Running::with_topics(&[]).await;
    let out = Outgoing { value: Some("v"), ..Outgoing::default() };
    assert_eq!(send(&running.producer(&[]), "unheard", out).await, (0, 0));
    assert_eq!(partitions(&running, "unheard"), Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn deleted_records_are_gone_also_after_a_restart() {
    let running = Running::with_topics(&[("events", 1)]).await;
    let values: Vec<_> = (0..10).map(|n| n.to_string()).collect();
    send_all(&running.producer(&[]), "events", &values).await;
    let mut before = TopicPartitionList::new();
    before.add_partition_offset("events", 0, Offset::Offset(7)).unwrap();
    admin(&running).delete_records(&before, &AdminOptions::new()).await.unwrap();
    let running = running.restart().await;
    let consumer = running.group_consumer("looking");
    assert_eq!(consumer.fetch_watermarks("events", 0, LIMIT).unwrap(), (7, 10));
    let seen = running.read("events", 0, 7, 3);
    assert_eq!(seen.iter().map(|one| one.offset).collect::<Vec<_>>(), [7, 8, 9]);
    assert_eq!(seen.iter().map(Seen::text).collect::<Vec<_>>().len(), 3);
}
