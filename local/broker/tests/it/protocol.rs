//! Single requests, where a client library would hide what is answered.

use broker::BrokerConfig;
use bytes::{Bytes, BytesMut};
use futures_util::future::join_all;
use kafka_protocol::messages::describe_configs_request::DescribeConfigsResource;
use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::incremental_alter_configs_request::{
    AlterConfigsResource, AlterableConfig,
};
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_protocol::messages::{
    DescribeConfigsRequest, FetchRequest, FetchResponse, IncrementalAlterConfigsRequest,
    InitProducerIdRequest, JoinGroupRequest, MetadataRequest, ProduceRequest, RequestHeader,
    ResponseHeader, TopicName, TransactionalId,
};
use kafka_protocol::protocol::{Decodable, Encodable, HeaderVersion, Request, StrBytes};
use kafka_protocol::records::{
    Compression, Record, RecordBatchEncoder, RecordEncodeOptions, TimestampType,
};
use tempfile::TempDir;

use crate::raw::{connect, exchange};
use crate::support::{Outgoing, Running, Seen, send, topic};

/// Sends one request on a connection of its own and decodes the answer.
async fn ask<Q: Request>(running: &Running, version: i16, request: &Q) -> Q::Response {
    let mut body = BytesMut::new();
    let header = RequestHeader::default().with_request_api_key(Q::KEY).with_correlation_id(7);
    let header = header.with_request_api_version(version).with_client_id(Some("test".into()));
    header.encode(&mut body, Q::header_version(version)).expect("a header");
    request.encode(&mut body, version).expect("a request");
    let answer = exchange(&mut connect(running).await, &body).await.expect("an answer");
    let mut answer = Bytes::from(answer);
    let header_version = <Q::Response as HeaderVersion>::header_version(version);
    let header = ResponseHeader::decode(&mut answer, header_version).expect("a header");
    assert_eq!(header.correlation_id, 7);
    let response = Q::Response::decode(&mut answer, version).expect("an answer");
    assert!(answer.is_empty(), "bytes are left over");
    response
}

fn name(topic: &str) -> TopicName {
    TopicName(StrBytes::from_string(topic.to_owned()))
}

/// One batch of one record by an idempotent producer.
fn batch(producer_id: i64, sequence: i32, value: &'static str) -> Bytes {
    let record = Record {
        transactional: false,
        control: false,
        delete_horizon: false,
        partition_leader_epoch: -1,
        producer_id,
        producer_epoch: 0,
        timestamp_type: TimestampType::Creation,
        offset: i64::from(sequence),
        sequence,
        // Far ahead: retention must not take it.
        timestamp: 4_000_000_000_000,
        key: None,
        value: Some(Bytes::from_static(value.as_bytes())),
        headers: [].into(),
    };
    let mut bytes = BytesMut::new();
    let options = RecordEncodeOptions { version: 2, compression: Compression::None };
    RecordBatchEncoder::encode(&mut bytes, &[record], &options).expect("a batch");
    bytes.freeze()
}

/// Produces to partition 0; the error code and the offset.
async fn produce(running: &Running, topic: &str, records: Bytes) -> (i16, i64) {
    let partition = PartitionProduceData::default().with_index(0).with_records(Some(records));
    let data = TopicProduceData::default().with_name(name(topic));
    let data = data.with_partition_data(vec![partition]);
    let request = ProduceRequest::default().with_acks(-1).with_timeout_ms(1_000);
    let answer = ask(running, 9, &request.with_topic_data(vec![data])).await;
    let partition = &answer.responses[0].partition_responses[0];
    (partition.error_code, partition.base_offset)
}

fn fetch_of(topic: &str, offset: i64) -> FetchRequest {
    let partition = FetchPartition::default().with_fetch_offset(offset);
    let partition = partition.with_partition_max_bytes(1_000_000);
    let topic = FetchTopic::default().with_topic(name(topic)).with_partitions(vec![partition]);
    FetchRequest::default().with_topics(vec![topic])
}

fn fetched(answer: &FetchResponse) -> usize {
    answer.responses[0].partitions[0].records.as_ref().map_or(0, Bytes::len)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_sent_again_is_answered_with_its_first_offset_also_after_a_restart() {
    let running = Running::with_topics(&[("once", 1)]).await;
    assert_eq!(produce(&running, "once", batch(5, 0, "a")).await, (0, 0));
    assert_eq!(produce(&running, "once", batch(5, 1, "b")).await, (0, 1));
    assert_eq!(produce(&running, "once", batch(5, 0, "a")).await, (0, 0));
    assert_eq!(produce(&running, "once", batch(5, 3, "gap")).await, (45, -1));
    let running = running.restart().await;
    assert_eq!(produce(&running, "once", batch(5, 1, "b")).await, (0, 1));
    assert_eq!(produce(&running, "once", batch(5, 2, "c")).await, (0, 2));
    let seen = running.read("once", 0, 0, 3);
    assert_eq!(seen.iter().map(Seen::text).collect::<Vec<_>>(), ["a", "b", "c"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_has_a_mebibyte_of_records_unless_the_least_that_is_asked_for_is_more() {
    let running = Running::with_topics(&[("large", 4)]).await;
    let (producer, value) = (running.producer(&[]), "x".repeat(600_000));
    for partition in 0..4 {
        let out =
            Outgoing { partition: Some(partition), value: Some(&value), ..Outgoing::default() };
        send(&producer, "large", out).await;
    }
    let mut request = fetch_of("large", 0);
    let first = request.topics[0].partitions[0].clone();
    let all = (0..4).map(|index| first.clone().with_partition(index));
    request.topics[0].partitions = all.collect();
    for (min_bytes, records) in [(1, 1), (1_100_000, 1), (1_300_000, 2), (i32::MAX, 4)] {
        let request = request.clone().with_min_bytes(min_bytes);
        let answer: FetchResponse = ask(&running, 11, &request).await;
        let partitions = answer.responses[0].partitions.iter();
        let found = partitions.filter(|one| one.records.as_ref().is_some_and(|r| !r.is_empty()));
        assert_eq!(found.count(), records, "at least {min_bytes} bytes");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_corrupt_batch_is_refused() {
    let running = Running::with_topics(&[("once", 1)]).await;
    let mut broken = batch(5, 0, "a").to_vec();
    *broken.last_mut().unwrap() ^= 1;
    assert_eq!(produce(&running, "once", Bytes::from(broken)).await, (2, -1));
    assert_eq!(produce(&running, "nowhere", batch(5, 0, "a")).await, (3, -1));
}

#[tokio::test(flavor = "multi_thread")]
async fn transactions_and_static_members_are_refused_with_kafkas_codes() {
    let running = Running::with_topics(&[]).await;
    let id = TransactionalId(StrBytes::from_static_str("t"));
    let request = InitProducerIdRequest::default().with_transactional_id(Some(id));
    assert_eq!(ask(&running, 4, &request).await.error_code, 53);
    let member = JoinGroupRequest::default()
        .with_group_id(StrBytes::from_static_str("g").into())
        .with_session_timeout_ms(10_000);
    let member = member.with_group_instance_id(Some("static".into()));
    assert_eq!(ask(&running, 9, &member).await.error_code, 35);
}

#[tokio::test(flavor = "multi_thread")]
async fn producer_ids_are_never_given_out_twice() {
    let mut running = Running::with_topics(&[]).await;
    let mut ids = Vec::new();
    for _ in 0..2 {
        for _ in 0..3 {
            let request = InitProducerIdRequest::default().with_transactional_id(None);
            let answer = ask(&running, 4, &request).await;
            ids.push(answer.producer_id.0);
        }
        running = running.restart().await;
    }
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn fetch_sessions_are_declined_and_what_is_there_is_answered() {
    let running = Running::with_topics(&[("events", 1)]).await;
    let out = Outgoing { value: Some("v"), ..Outgoing::default() };
    send(&running.producer(&[]), "events", out).await;
    let opening = ask(&running, 12, &fetch_of("events", 0).with_session_epoch(0)).await;
    assert_eq!((opening.error_code, opening.session_id), (0, 0));
    assert!(fetched(&opening) > 0);
    let continuing = fetch_of("events", 0).with_session_id(9).with_session_epoch(1);
    assert_eq!(ask(&running, 12, &continuing).await.error_code, 70);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fetch_that_wants_more_than_there_is_gets_that_when_its_time_is_up() {
    let running = Running::with_topics(&[("events", 1)]).await;
    let out = Outgoing { value: Some("v"), ..Outgoing::default() };
    send(&running.producer(&[]), "events", out).await;
    let patient = fetch_of("events", 0).with_min_bytes(1_000_000).with_max_wait_ms(200);
    assert!(fetched(&ask(&running, 12, &patient).await) > 0);
    let at_the_end = fetch_of("events", 1).with_min_bytes(1).with_max_wait_ms(200);
    let answer = ask(&running, 12, &at_the_end).await;
    assert_eq!((fetched(&answer), answer.responses[0].partitions[0].high_watermark), (0, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn topics_are_found_by_id_until_they_are_made_again() {
    let running = Running::with_topics(&[("events", 1)]).await;
    send(&running.producer(&[]), "events", Outgoing { value: Some("v"), ..Outgoing::default() })
        .await;
    let wanted = MetadataRequestTopic::default().with_name(Some(name("events")));
    let request = MetadataRequest::default().with_topics(Some(vec![wanted]));
    let id = ask(&running, 12, &request).await.topics[0].topic_id;
    let mut by_id = fetch_of("", 0);
    by_id.topics[0].topic_id = id;
    assert!(fetched(&ask(&running, 13, &by_id).await) > 0);
    by_id.topics[0].topic_id = uuid::Uuid::from_u128(1);
    let answer = ask(&running, 13, &by_id).await;
    assert_eq!(answer.responses[0].partitions[0].error_code, 100);
}

#[tokio::test(flavor = "multi_thread")]
async fn metadata_is_answered_in_every_version() {
    let running = Running::with_topics(&[("events", 3)]).await;
    for version in 0..=12 {
        let wanted = MetadataRequestTopic::default().with_name(Some(name("events")));
        let answer =
            ask(&running, version, &MetadataRequest::default().with_topics(Some(vec![wanted])))
                .await;
        assert_eq!(answer.topics[0].partitions.len(), 3, "version {version}");
        assert_eq!(answer.brokers[0].port, i32::from(running.broker.address().port()));
    }
}

/// Changes one config of the topic `set`; the error code.
async fn alter(running: &Running, name: &'static str, operation: i8, value: &'static str) -> i16 {
    let config = AlterableConfig::default().with_name(name.into());
    let config = config.with_config_operation(operation).with_value(Some(value.into()));
    let resource = AlterConfigsResource::default().with_resource_type(2);
    let resource = resource.with_resource_name("set".into()).with_configs(vec![config]);
    let request = IncrementalAlterConfigsRequest::default().with_resources(vec![resource]);
    ask(running, 1, &request).await.responses[0].error_code
}

#[tokio::test(flavor = "multi_thread")]
async fn configs_are_changed_one_by_one_and_take_effect() {
    let running = Running::with(vec![topic("set", 1, &[("retention.ms", "5")])]).await;
    assert_eq!(alter(&running, "cleanup.policy", 0, "compact").await, 40);
    assert_eq!(alter(&running, "retention.ms", 1, "").await, 0);
    assert_eq!(produce(&running, "set", batch(5, 0, "fits")).await, (0, 0));
    assert_eq!(alter(&running, "max.message.bytes", 0, "10").await, 0);
    assert_eq!(produce(&running, "set", batch(5, 1, "does not")).await, (10, -1));
}

#[tokio::test(flavor = "multi_thread")]
async fn configs_changed_at_once_are_all_changed() {
    const NUMBERS: [&str; 6] = [
        "delete.retention.ms",
        "file.delete.delay.ms",
        "max.compaction.lag.ms",
        "retention.bytes",
        "retention.ms",
        "segment.ms",
    ];
    let running = Running::with_topics(&[("set", 1)]).await;
    for value in ["111", "222", "333", "444", "555"] {
        let alters = NUMBERS.map(|name| alter(&running, name, 0, value));
        assert_eq!(join_all(alters).await, [0; 6]);
        let resource = DescribeConfigsResource::default().with_resource_type(2);
        // No names is all names, as in Kafka.
        let resource =
            resource.with_resource_name("set".into()).with_configuration_keys(Some(vec![]));
        let request = DescribeConfigsRequest::default().with_resources(vec![resource]);
        let answer = ask(&running, 4, &request).await;
        let configs = answer.results[0].configs.iter();
        let changed = configs.filter(|config| config.value.as_deref() == Some(value));
        assert_eq!(changed.count(), NUMBERS.len(), "set to {value}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fetch_takes_no_more_memory_than_is_left_but_always_a_batch() {
    let directory = TempDir::new().unwrap();
    let mut config = BrokerConfig::new(directory.path());
    config.limits.fetches_bytes_max = 1024;
    let running = Running::configured(directory, config).await;
    let producer = running.producer(&[]);
    let value = "x".repeat(800);
    for _ in 0..3 {
        let out = Outgoing { value: Some(&value), ..Outgoing::default() };
        send(&producer, "large", out).await;
    }
    let mut request = fetch_of("large", 0);
    request.max_bytes = 1_000_000;
    let one = fetched(&ask(&running, 12, &request).await);
    assert!((800..1_024).contains(&one), "{one} bytes");
    assert_eq!(running.read("large", 0, 0, 3).len(), 3);
}
