//! What is there after a restart.

use std::fs;

use broker::{Broker, BrokerConfig, BrokerStartError};
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::message::Message as _;
use tokio::net::TcpListener;

use crate::support::{LIMIT, Outgoing, Running, Seen, send, send_all};

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

/// Kafka trusts a segment that it closed, and says so when it cannot read one.
#[tokio::test(flavor = "multi_thread")]
async fn records_behind_damage_are_an_error_and_not_passed_over() {
    let small = crate::support::topic("damaged", 1, &[("segment.bytes", "2000")]);
    let running = Running::with(vec![small]).await;
    let producer = running.producer(&[]);
    for n in 0..100 {
        let value = format!("value {n}");
        let value = Some(value.as_str());
        send(&producer, "damaged", Outgoing { value, ..Outgoing::default() }).await;
    }
    drop(producer);
    let topics = fs::read_dir(running.directory.path().join("logs")).unwrap();
    let folder = topics.map(|entry| entry.unwrap().path().join("0")).next().unwrap();
    running.broker.shutdown().await;
    let names = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name());
    let mut bases: Vec<i64> =
        names.filter_map(|name| name.to_str()?.strip_suffix(".log")?.parse().ok()).collect();
    bases.sort_unstable();
    let path = folder.join(format!("{:020}.log", bases[1]));
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..middle + 400].fill(0);
    fs::write(&path, bytes).unwrap();
    let running = Running::on(running.directory, Vec::new()).await;
    let reader = running.reader("damaged", 0, 0);
    let mut read = 0;
    let code = loop {
        match reader.poll(LIMIT).expect("something in time") {
            Ok(message) => {
                assert_eq!(message.offset(), read);
                read += 1;
            }
            Err(error) => break error.rdkafka_error_code(),
        }
    };
    assert_eq!(code, Some(RDKafkaErrorCode::InvalidMessage), "Kafka's CORRUPT_MESSAGE");
    assert!(bases[1] < read && read < bases[2], "{read}");
    let rest = usize::try_from(100 - bases[2]).unwrap();
    assert_eq!(running.read("damaged", 0, bases[2], rest)[0].text(), format!("value {}", bases[2]));
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
