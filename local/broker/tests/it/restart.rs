//! What is there after a restart.

use broker::{Broker, BrokerConfig, BrokerStartError};
use tokio::net::TcpListener;

use crate::support::{Outgoing, Running, Seen, send, send_all};

#[tokio::test(flavor = "multi_thread")]
async fn records_topics_and_the_cluster_id_survive() {
    let running = Running::with_topics(&[("kept", 2)]).await;
    let values: Vec<_> = (0..100).map(|n| format!("value {n}")).collect();
    send_all(&running.producer(&[]), "kept", &values).await;
    let cluster_id = running.broker.cluster_id().to_owned();
    assert_eq!(broker::cluster_id(running.directory.path()).unwrap(), cluster_id);
    let running = running.restart().await;
    assert_eq!(running.broker.cluster_id(), cluster_id);
    let seen = running.read("kept", 0, 0, 100);
    assert_eq!(seen.iter().map(Seen::text).collect::<Vec<_>>(), values);
    let out = Outgoing { partition: Some(0), value: Some("next"), ..Outgoing::default() };
    assert_eq!(send(&running.producer(&[]), "kept", out).await, (0, 100));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_data_directory_in_use_is_refused() {
    let running = Running::with_topics(&[]).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let config = BrokerConfig::new(running.directory.path());
    let error = Broker::start(listener, config).await.unwrap_err();
    assert!(
        matches!(error, BrokerStartError::DataDir(broker::DataDirError::InUse { .. })),
        "{error}"
    );
    assert!(error.to_string().starts_with("another broker is running on `"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_configured_topic_that_cannot_be_had_stops_the_start() {
    let directory = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let topics = vec![crate::support::topic("t", 1, &[("cleanup.policy", "compact")])];
    let config = BrokerConfig { topics, ..BrokerConfig::new(directory.path()) };
    let error = Broker::start(listener, config).await.unwrap_err();
    assert!(error.to_string().contains("compaction is not supported"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_syncs_acknowledges_what_is_on_the_medium() {
    let directory = tempfile::tempdir().unwrap();
    let topics = vec![crate::support::topic("synced", 2, &[("segment.bytes", "2000")])];
    let config = BrokerConfig { fsync: true, topics, ..BrokerConfig::new(directory.path()) };
    let running = Running::configured(directory, config).await;
    let values: Vec<_> = (0..100).map(|n| format!("value {n}")).collect();
    send_all(&running.producer(&[]), "synced", &values).await;
    let running = running.restart().await;
    let seen = running.read("synced", 0, 0, 100);
    assert_eq!(seen.iter().map(Seen::text).collect::<Vec<_>>(), values);
}
