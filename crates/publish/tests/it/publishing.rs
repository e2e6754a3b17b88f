//! What callers are told, in good and bad times.

use std::time::Duration;

use publish::{Message, Publish as _, PublishError};
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};
use tokio::time::Instant;

use crate::cluster::{Cluster, TOPIC, cluster, event, generous, pair, publisher};

#[tokio::test]
async fn an_acknowledged_event_has_a_place() {
    let cluster = cluster();
    let publisher = publisher(cluster.bootstrap_servers());
    let first = publisher.publish(event(TOPIC), generous()).await.unwrap();
    let second = publisher.publish(event(TOPIC), generous()).await.unwrap();
    assert_eq!(first.partition(), second.partition(), "one key, one partition");
    assert_eq!((first.offset(), second.offset()), (0, 1));
}

/// That is murmur2 of the key, made positive, modulo the number of partitions.
#[tokio::test]
async fn keys_find_their_partition_as_kafkas_clients_do() {
    let cluster = cluster();
    let publisher = publisher(cluster.bootstrap_servers());
    for key in ["u1", "u2", "user-17", "", "ü"] {
        let message = Message { key: Some(key.as_bytes()), ..event(TOPIC) };
        let place = publisher.publish(message, generous()).await.unwrap();
        let expected = (murmur2(key.as_bytes()) & 0x7fff_ffff) % 4;
        assert_eq!(place.partition(), i32::try_from(expected).unwrap(), "{key}");
    }
}

#[tokio::test]
async fn a_partition_that_was_asked_for_is_taken() {
    let cluster = cluster();
    let publisher = publisher(cluster.bootstrap_servers());
    for partition in 0..4 {
        let message = Message { partition: Some(partition), ..event(TOPIC) };
        let place = publisher.publish(message, generous()).await.unwrap();
        assert_eq!(place.partition(), partition);
    }
}

#[tokio::test]
async fn an_event_too_large_is_refused() {
    let cluster = cluster();
    let publisher = publisher(cluster.bootstrap_servers());
    let value = vec![b'x'; event::limits::KAFKA_BATCH_BYTES_MAX];
    let message = Message { value: Some(&value), ..event(TOPIC) };
    let error = publisher.publish(message, generous()).await.unwrap_err();
    assert!(matches!(error, PublishError::TooLarge { size_bytes: 1_048_596 }), "{error:?}");
}

#[tokio::test]
async fn the_largest_event_is_taken() {
    let cluster = cluster();
    let publisher = publisher(cluster.bootstrap_servers());
    let value = vec![b'x'; event::limits::BODY_BYTES_MAX];
    let message = Message { value: Some(&value), ..event(TOPIC) };
    publisher.publish(message, generous()).await.unwrap();
}

#[tokio::test]
async fn a_partition_that_does_not_exist_is_named() {
    let cluster = cluster();
    let publisher = publisher(cluster.bootstrap_servers());
    publisher.publish(event(TOPIC), generous()).await.unwrap();
    let message = Message { partition: Some(99), ..event(TOPIC) };
    let error = publisher.publish(message, generous()).await.unwrap_err();
    assert!(matches!(&error, PublishError::UnknownTopic { topic } if topic == TOPIC), "{error:?}");
}

#[tokio::test]
async fn nothing_is_handed_over_while_kafka_is_away() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let nobody = listener.local_addr().unwrap().to_string();
    drop(listener);
    let publisher = publisher(nobody);
    let soon = Instant::now() + Duration::from_millis(200);
    let error = publisher.publish(event(TOPIC), soon).await.unwrap_err();
    assert!(matches!(error, PublishError::Away), "{error:?}");
    assert!(error.is_safe_to_retry());
}

#[tokio::test]
async fn an_outage_is_noticed_and_survived() {
    let cluster = cluster();
    let publisher = publisher(cluster.bootstrap_servers());
    publisher.publish(event(TOPIC), generous()).await.unwrap();
    cluster.broker_down(1).unwrap();
    // The first events may be in doubt, until the broken connection is noticed.
    loop {
        let soon = Instant::now() + Duration::from_millis(300);
        match publisher.publish(event(TOPIC), soon).await.unwrap_err() {
            PublishError::Away => break,
            PublishError::OutcomeUnknown { .. } => {}
            other => panic!("{other:?}"),
        }
    }
    cluster.broker_up(1).unwrap();
    publisher.publish(event(TOPIC), generous()).await.unwrap();
}

#[tokio::test]
async fn an_outage_between_events_leaves_none_in_doubt() {
    let cluster = cluster();
    let publisher = publisher(cluster.bootstrap_servers());
    publisher.publish(event(TOPIC), generous()).await.unwrap();
    cluster.broker_down(1).unwrap();
    let noticed = async {
        while format!("{publisher:?}").contains("up: true") {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout_at(generous(), noticed).await.unwrap();
    let soon = Instant::now() + Duration::from_millis(100);
    let error = publisher.publish(event(TOPIC), soon).await.unwrap_err();
    assert!(matches!(error, PublishError::Away), "{error:?}");
}

#[tokio::test]
async fn an_acknowledgement_without_a_place_is_unknown() {
    let cluster = cluster();
    let publisher = publisher(cluster.bootstrap_servers());
    publisher.publish(event(TOPIC), generous()).await.unwrap();
    let duplicate = RDKafkaRespErr::RD_KAFKA_RESP_ERR_DUPLICATE_SEQUENCE_NUMBER;
    cluster.request_errors(RDKafkaApiKey::Produce, &[duplicate]);
    let error = publisher.publish(event(TOPIC), generous()).await.unwrap_err();
    assert!(matches!(error, PublishError::OutcomeUnknown { .. }), "{error:?}");
    assert!(!error.is_safe_to_retry());
}

#[tokio::test]
async fn an_acknowledgement_that_does_not_come_in_time_is_unknown() {
    let cluster = cluster();
    let publisher = publisher(cluster.bootstrap_servers());
    publisher.publish(event(TOPIC), generous()).await.unwrap();
    cluster.broker_round_trip_time(1, Duration::from_secs(20)).unwrap();
    let soon = Instant::now() + Duration::from_millis(100);
    let error = publisher.publish(event(TOPIC), soon).await.unwrap_err();
    assert!(matches!(error, PublishError::OutcomeUnknown { .. }), "{error:?}");
}

/// A broker that has just started knows no topics for a while, and an event that it was sent before may
/// be in its log.
#[tokio::test]
async fn an_event_whose_answer_was_lost_stays_unknown_when_kafka_comes_back_without_the_topic() {
    stays_unknown(&cluster()).await;
}

/// The others stay, so that the cluster as a whole is never away.
#[tokio::test]
async fn an_event_whose_answer_was_lost_stays_unknown_when_one_broker_comes_back_without_the_topic()
{
    stays_unknown(&pair()).await;
}

/// Takes the topic's broker away while an event is on its way, and back without the topic.
async fn stays_unknown(cluster: &Cluster) {
    let publisher = publisher(cluster.bootstrap_servers());
    publisher.publish(event(TOPIC), generous()).await.expect("it works");
    cluster.broker_round_trip_time(1, Duration::from_secs(20)).expect("it works");
    let publishing = publisher.publish(event(TOPIC), generous());
    tokio::pin!(publishing);
    let early = tokio::time::timeout(Duration::from_millis(300), &mut publishing).await;
    assert!(early.is_err(), "{early:?}");
    cluster.broker_down(1).expect("it works");
    let unknown = RDKafkaRespErr::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
    cluster.topic_error(TOPIC, unknown).expect("it works");
    // Tried again before the metadata has come, it is sent back for them.
    let sent_back = RDKafkaRespErr::RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION;
    cluster.request_errors(RDKafkaApiKey::Produce, &[sent_back; 100]);
    cluster.broker_round_trip_time(1, Duration::ZERO).expect("it works");
    cluster.broker_up(1).expect("it works");
    let error = publishing.await.expect_err("nobody can know");
    assert!(matches!(error, PublishError::OutcomeUnknown { .. }), "{error:?}");
}

#[tokio::test]
async fn an_event_whose_time_is_over_is_not_handed_over() {
    let cluster = cluster();
    let publisher = publisher(cluster.bootstrap_servers());
    publisher.publish(event(TOPIC), generous()).await.unwrap();
    let error = publisher.publish(event(TOPIC), Instant::now()).await.unwrap_err();
    assert!(error.is_safe_to_retry(), "{error:?}");
    let next = publisher.publish(event(TOPIC), generous()).await.unwrap();
    assert_eq!(next.offset(), 1);
}

#[tokio::test]
async fn a_passing_broker_error_is_retried() {
    let cluster = cluster();
    let publisher = publisher(cluster.bootstrap_servers());
    let passing = RDKafkaRespErr::RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS;
    cluster.request_errors(RDKafkaApiKey::Produce, &[passing, passing]);
    let place = publisher.publish(event(TOPIC), generous()).await.unwrap();
    assert_eq!(place.offset(), 0, "written once");
}

#[tokio::test]
async fn a_producer_beyond_repair_is_replaced() {
    let cluster = cluster();
    let publisher = publisher(cluster.bootstrap_servers());
    publisher.publish(event(TOPIC), generous()).await.unwrap();
    let fatal = RDKafkaRespErr::RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER;
    cluster.request_errors(RDKafkaApiKey::Produce, &[fatal]);
    let error = publisher.publish(event(TOPIC), generous()).await.unwrap_err();
    assert!(matches!(error, PublishError::OutcomeUnknown { .. }), "{error:?}");
    loop {
        match publisher.publish(event(TOPIC), generous()).await {
            Ok(_) => break,
            // Until the owner has noticed, the old producer takes nothing.
            Err(error) => assert!(error.is_safe_to_retry(), "{error:?}"),
        }
    }
}

/// Kafka's hash of keys, from `org.apache.kafka.common.utils.Utils.murmur2`.
fn murmur2(data: &[u8]) -> u32 {
    const M: u32 = 0x5bd1_e995;
    let length = u32::try_from(data.len()).expect("keys are short");
    let mut hash = 0x9747_b28c ^ length;
    let (words, rest) = data.as_chunks::<4>();
    for word in words {
        let mut k = u32::from_le_bytes(*word).wrapping_mul(M);
        k ^= k >> 24;
        hash = hash.wrapping_mul(M) ^ k.wrapping_mul(M);
    }
    for (place, &byte) in rest.iter().enumerate() {
        hash ^= u32::from(byte) << (8 * place);
    }
    if !rest.is_empty() {
        hash = hash.wrapping_mul(M);
    }
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(M);
    hash ^ (hash >> 15)
}
