//! Mock clusters with one topic. Asserts nothing.

use std::time::Duration;

use publish::{Auth, Connection, Header, Message, PublishConfig, Publisher};
use rdkafka::{mocking::MockCluster, producer::DefaultProducerContext};
use tokio::time::Instant;

/// The topic of every test.
pub(crate) const TOPIC: &str = "events";

/// Longer than anything here takes; a test that waits this long has failed.
pub(crate) const GENEROUS: Duration = Duration::from_secs(30);

pub(crate) type Cluster = MockCluster<'static, DefaultProducerContext>;

pub(crate) fn cluster() -> Cluster {
    let cluster = MockCluster::new(1).expect("a mock cluster starts");
    cluster.create_topic(TOPIC, 4, 1).expect("the topic is new");
    cluster
}

/// A cluster of two brokers; the topic's one partition is on the first.
pub(crate) fn pair() -> Cluster {
    let cluster = MockCluster::new(2).expect("a mock cluster starts");
    cluster.create_topic(TOPIC, 1, 1).expect("the topic is new");
    cluster.partition_leader(TOPIC, 0, Some(1)).expect("the broker is there");
    cluster
}

pub(crate) fn publisher(bootstrap_servers: String) -> Publisher {
    Publisher::new(&PublishConfig {
        connection: Connection { bootstrap_servers, auth: Auth::None },
        client_id: "test".to_owned(),
        topic: TOPIC.to_owned(),
        linger: Duration::ZERO,
        event_timeout: GENEROUS,
    })
    .expect("the settings are good")
}

pub(crate) fn generous() -> Instant {
    Instant::now() + GENEROUS
}

pub(crate) fn event(topic: &str) -> Message<'_> {
    Message {
        topic,
        partition: None,
        key: Some(b"u1"),
        headers: vec![Header { name: "ce_id", value: Some(b"1") }],
        value: Some(b"{}"),
    }
}
