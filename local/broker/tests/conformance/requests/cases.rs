//! Requests for topics and records.

use bytes::Bytes;
use kafka_protocol::messages::create_partitions_request::CreatePartitionsTopic;
use kafka_protocol::messages::create_topics_request::{CreatableTopic, CreatableTopicConfig};
use kafka_protocol::messages::delete_records_request::{
    DeleteRecordsPartition, DeleteRecordsTopic,
};
use kafka_protocol::messages::delete_topics_request::DeleteTopicState;
use kafka_protocol::messages::describe_configs_request::DescribeConfigsResource;
use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::incremental_alter_configs_request::{
    AlterConfigsResource, AlterableConfig,
};
use kafka_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::offset_for_leader_epoch_request::{
    OffsetForLeaderPartition, OffsetForLeaderTopic,
};
use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_protocol::messages::{
    BrokerId, CreatePartitionsRequest, CreateTopicsRequest, DeleteRecordsRequest,
    DeleteTopicsRequest, DescribeClusterRequest, DescribeConfigsRequest, FetchRequest,
    IncrementalAlterConfigsRequest, ListOffsetsRequest, MetadataRequest,
    OffsetForLeaderEpochRequest, ProduceRequest, TopicName, TransactionalId,
};
use kafka_protocol::protocol::StrBytes;
use uuid::Uuid;

use super::fixture::BatchBuilder;
use super::{Case, case};

/// The topic of these requests.
pub(super) const TOPIC: &str = "requests";

const ABSENT: &str = "requests.absent";

/// Fetch names topics by id from this version on, and each cluster draws its own.
const TOPIC_IDS_SINCE: i16 = 13;

const TIMEOUT_MS: i32 = 5_000;

pub(super) fn all() -> Vec<Case> {
    let mut all = topics();
    all.extend(records());
    all.extend(reading());
    all.extend(configs());
    all
}

pub(super) fn name(topic: &str) -> TopicName {
    TopicName(text(topic))
}

pub(super) fn text(text: &str) -> StrBytes {
    StrBytes::from_string(text.to_owned())
}

fn topics() -> Vec<Case> {
    vec![
        case("a topic of two partitions", |_| {
            // Batches here are from 1970.
            let kept = CreatableTopicConfig::default()
                .with_name(text("retention.ms"))
                .with_value(Some(text("-1")));
            let topic = creatable(TOPIC, 2, 1).with_configs(vec![kept]);
            CreateTopicsRequest::default().with_topics(vec![topic]).with_timeout_ms(TIMEOUT_MS)
        }),
        case("what cannot be: no partitions, two copies, bad names", |_| {
            create(&[("requests.a", 0, 1), ("requests.b", 1, 2), ("no/name", 1, 1), ("", 1, 1)])
        }),
        case("one topic twice", |_| create(&[("requests.c", 1, 1), ("requests.c", 1, 1)])),
        case("counts left to the broker", |_| create(&[("requests.d", -1, -1)])),
        case("configs that cannot be", |_| {
            let config = |name: &str, value: &str| {
                CreatableTopicConfig::default().with_name(text(name)).with_value(Some(text(value)))
            };
            let soon = vec![config("retention.ms", "soon")];
            let unknown = vec![config("no.such.config", "1")];
            let topics = vec![
                creatable("requests.e", 1, 1).with_configs(soon),
                creatable("requests.f", 1, 1).with_configs(unknown),
            ];
            CreateTopicsRequest::default().with_topics(topics).with_timeout_ms(TIMEOUT_MS)
        }),
        case("more partitions, fewer, of no topic", |version| {
            let grow = |topic: &str, count: i32| {
                CreatePartitionsTopic::default()
                    .with_name(name(topic))
                    .with_count(count)
                    .with_assignments(None)
            };
            let more = 5 + i32::from(version);
            let topics = vec![grow(TOPIC, 1), grow("requests.d", more), grow(ABSENT, 2)];
            CreatePartitionsRequest::default().with_topics(topics).with_timeout_ms(TIMEOUT_MS)
        }),
        case("a topic", |_| metadata(&[TOPIC])),
        case("a topic that is absent", |_| metadata(&[ABSENT])),
        case("a topic with a bad name", |_| metadata(&["no/name"])),
        case("with operations", |_| {
            metadata(&[TOPIC]).with_include_topic_authorized_operations(true)
        }),
        case("with the cluster's operations", |_| {
            metadata(&[TOPIC]).with_include_cluster_authorized_operations(true)
        }),
        case("an id that is absent", |_| {
            let topic =
                MetadataRequestTopic::default().with_topic_id(Uuid::from_u128(7)).with_name(None);
            MetadataRequest::default()
                .with_topics(Some(vec![topic]))
                .with_allow_auto_topic_creation(false)
        })
        .since(12),
        case("no topic", |version| {
            // In version 0 that means all topics, of which each cluster has its own.
            metadata(if version == 0 { &[TOPIC] } else { &[] })
        }),
        case("the cluster", |_| {
            DescribeClusterRequest::default().with_include_cluster_authorized_operations(true)
        }),
        case("topics that are absent", |version| {
            let request = DeleteTopicsRequest::default().with_timeout_ms(TIMEOUT_MS);
            if version < 6 {
                return request.with_topic_names(vec![name(ABSENT), name("no/name")]);
            }
            let by_name = DeleteTopicState::default().with_name(Some(name(ABSENT)));
            let by_id =
                DeleteTopicState::default().with_name(None).with_topic_id(Uuid::from_u128(7));
            request.with_topics(vec![by_name, by_id])
        }),
    ]
}

fn creatable(topic: &str, partitions: i32, replication: i16) -> CreatableTopic {
    CreatableTopic::default()
        .with_name(name(topic))
        .with_num_partitions(partitions)
        .with_replication_factor(replication)
}

fn create(topics: &[(&str, i32, i16)]) -> CreateTopicsRequest {
    let topics =
        topics.iter().map(|(name, partitions, copies)| creatable(name, *partitions, *copies));
    CreateTopicsRequest::default().with_topics(topics.collect()).with_timeout_ms(TIMEOUT_MS)
}

fn metadata(topics: &[&str]) -> MetadataRequest {
    let topic = |topic: &&str| MetadataRequestTopic::default().with_name(Some(name(topic)));
    let request = MetadataRequest::default().with_allow_auto_topic_creation(true);
    request.with_topics(Some(topics.iter().map(topic).collect()))
}

fn records() -> Vec<Case> {
    let batch = || BatchBuilder::values(["a", "b"]).build();
    let idempotent = |epoch, sequence| {
        let batch = BatchBuilder::values(["a"]).idempotent(77, epoch, sequence).build();
        move |_| produce(TOPIC, 1, batch.clone())
    };
    vec![
        case("a batch of two", move |_| produce(TOPIC, 0, batch())),
        case("`acks=1`", move |_| produce(TOPIC, 0, batch()).with_acks(1)),
        case("`acks=2`", move |_| produce(TOPIC, 0, batch()).with_acks(2)),
        case("to a topic that is absent", move |_| produce(ABSENT, 0, batch())),
        case("to a partition that is absent", move |_| produce(TOPIC, 9, batch())),
        case("a batch with a wrong checksum", move |_| {
            let mut bytes = batch().to_vec();
            *bytes.last_mut().expect("it is not empty") ^= 1;
            produce(TOPIC, 0, bytes.into())
        }),
        case("a batch that is cut short", move |_| produce(TOPIC, 0, batch().slice(..40))),
        case("two batches in one", move |_| produce(TOPIC, 0, [batch(), batch()].concat().into())),
        case("no batch", |_| produce(TOPIC, 0, Bytes::new())),
        case("a batch of an old format", move |_| {
            let mut bytes = batch().to_vec();
            bytes[16] = 1;
            produce(TOPIC, 0, bytes.into())
        }),
        case("a control batch", |_| {
            produce(TOPIC, 0, BatchBuilder::values(["a"]).attributes(1 << 5).build())
        }),
        case("a first sequence that is not 0", idempotent(0, 5)),
        case("the same batch again and again", idempotent(0, 5)),
        case("a gap", idempotent(0, 9)),
        case("a new epoch", idempotent(1, 0)),
        case("an epoch that is over", idempotent(0, 6)),
        case("in a transaction", move |_| {
            let id = TransactionalId(text("shop"));
            produce(TOPIC, 0, batch()).with_transactional_id(Some(id))
        }),
    ]
}

fn produce(topic: &str, partition: i32, records: Bytes) -> ProduceRequest {
    let data = PartitionProduceData::default().with_index(partition).with_records(Some(records));
    let data = TopicProduceData::default().with_name(name(topic)).with_partition_data(vec![data]);
    ProduceRequest::default().with_acks(-1).with_timeout_ms(TIMEOUT_MS).with_topic_data(vec![data])
}

fn reading() -> Vec<Case> {
    let mut all = fetching();
    all.extend(vec![
        case("the first, the next", |_| offsets(TOPIC, &[(0, -2), (1, -1)])),
        case("by time", |_| offsets(TOPIC, &[(0, 1_000), (1, 5_000)])),
        case("one partition twice", |_| offsets(TOPIC, &[(0, -2), (0, -1)])),
        case("the newest record", |_| offsets(TOPIC, &[(0, -3)])),
        case("the first local one", |_| offsets(TOPIC, &[(0, -4)])),
        case("the last tiered one", |_| offsets(TOPIC, &[(0, -5)])),
        case("a time that cannot be", |_| offsets(TOPIC, &[(0, -77)])),
        case("of what is absent", |_| offsets(ABSENT, &[(0, -1)])),
        case("of a partition that is absent", |_| offsets(TOPIC, &[(9, -1)])),
        case("this epoch, a later one, of no partition", |_| {
            let of = |partition, epoch| {
                OffsetForLeaderPartition::default()
                    .with_partition(partition)
                    .with_leader_epoch(epoch)
            };
            let topic = |topic: &str, partitions| {
                OffsetForLeaderTopic::default().with_topic(name(topic)).with_partitions(partitions)
            };
            let topics = vec![
                topic(TOPIC, vec![of(0, 0), of(1, 3), of(9, 0)]),
                topic(ABSENT, vec![of(0, 0)]),
            ];
            OffsetForLeaderEpochRequest::default().with_replica_id(BrokerId(-1)).with_topics(topics)
        }),
        case("up to 1", |_| truncate(TOPIC, 0, 1)),
        case("up to too many", |_| truncate(TOPIC, 1, 99_999)),
        case("of a partition that is absent", |_| truncate(TOPIC, 9, 0)),
        case("of a topic that is absent", |_| truncate(ABSENT, 0, 0)),
        case("from before the beginning", |version| fetch(version, TOPIC, 0, 0)),
    ]);
    all
}

fn truncate(topic: &str, partition: i32, offset: i64) -> DeleteRecordsRequest {
    let of = DeleteRecordsPartition::default();
    let of = of.with_partition_index(partition).with_offset(offset);
    let topic = DeleteRecordsTopic::default().with_name(name(topic)).with_partitions(vec![of]);
    DeleteRecordsRequest::default().with_topics(vec![topic]).with_timeout_ms(TIMEOUT_MS)
}

fn fetching() -> Vec<Case> {
    vec![
        case("from the beginning", |version| fetch(version, TOPIC, 0, 0)),
        case("from the middle of a batch", |version| fetch(version, TOPIC, 0, 3)),
        case("committed records only", |version| {
            fetch(version, TOPIC, 0, 0).with_isolation_level(1)
        }),
        case("one byte", |version| fetch(version, TOPIC, 0, 0).with_max_bytes(1)),
        case("behind the end", |version| fetch(version, TOPIC, 0, 99_999)),
        case("from a topic that is absent", |version| fetch(version, ABSENT, 0, 0)),
        case("from a partition that is absent", |version| fetch(version, TOPIC, 9, 0)),
        case("nothing", |_| {
            let request = FetchRequest::default().with_replica_id(BrokerId(-1));
            request.with_max_bytes(1 << 20).with_session_epoch(-1)
        }),
        case("a session that is unknown", |version| {
            let request = fetch(version, TOPIC, 0, 0);
            if version < 7 { request } else { request.with_session_id(5).with_session_epoch(1) }
        }),
        case("as one who knows this epoch, and a later one", |version| {
            let mut request = fetch(version, TOPIC, 0, 0);
            if version >= 9
                && let Some(topic) = request.topics.first_mut()
            {
                let of = |index, epoch| partition(index, 0).with_current_leader_epoch(epoch);
                topic.partitions = vec![of(0, 0), of(1, 5)];
            }
            request
        }),
    ]
}

fn partition(index: i32, offset: i64) -> FetchPartition {
    FetchPartition::default()
        .with_partition(index)
        .with_fetch_offset(offset)
        .with_partition_max_bytes(1 << 20)
}

fn fetch(version: i16, topic: &str, index: i32, offset: i64) -> FetchRequest {
    let fetched = FetchTopic::default().with_partitions(vec![partition(index, offset)]);
    let fetched = if version < TOPIC_IDS_SINCE {
        fetched.with_topic(name(topic))
    } else {
        fetched.with_topic_id(Uuid::from_u128(7))
    };
    FetchRequest::default()
        .with_replica_id(BrokerId(-1))
        .with_max_bytes(1 << 20)
        .with_session_epoch(-1)
        .with_topics(vec![fetched])
}

fn offsets(topic: &str, wanted: &[(i32, i64)]) -> ListOffsetsRequest {
    let partitions = wanted.iter().map(|(index, time)| {
        ListOffsetsPartition::default().with_partition_index(*index).with_timestamp(*time)
    });
    let topic =
        ListOffsetsTopic::default().with_name(name(topic)).with_partitions(partitions.collect());
    ListOffsetsRequest::default().with_replica_id(BrokerId(-1)).with_topics(vec![topic])
}

/// Kafka's numbers of kinds of resources.
const OF_TOPIC: i8 = 2;
const OF_BROKER: i8 = 4;

/// A config, what to do with it (set, delete, append), and a value.
type Change = (&'static str, i8, Option<&'static str>);

fn configs() -> Vec<Case> {
    const SET: i8 = 0;
    const DELETE: i8 = 1;
    const APPEND: i8 = 2;
    vec![
        describe("two of a topic", OF_TOPIC, TOPIC, &["retention.ms", "cleanup.policy"]),
        describe("of a topic that is absent", OF_TOPIC, ABSENT, &["retention.ms"]),
        describe("of a broker that is absent", OF_BROKER, "9", &["num.partitions"]),
        describe("of what is no resource", 77, "x", &[]),
        alter("set one", TOPIC, &[("retention.ms", SET, Some("60000"))]),
        alter("delete one", TOPIC, &[("retention.ms", DELETE, None)]),
        alter("append to a number", TOPIC, &[("retention.ms", APPEND, Some("1"))]),
        alter("one twice", TOPIC, &[("retention.ms", SET, Some("1")), ("retention.ms", SET, None)]),
        alter("set to nothing", TOPIC, &[("retention.ms", SET, None)]),
        alter("of a topic that is absent", ABSENT, &[("retention.ms", SET, Some("1"))]),
    ]
}

fn describe(asked: &'static str, kind: i8, of: &'static str, keys: &'static [&str]) -> Case {
    case(asked, move |_| {
        let resource = DescribeConfigsResource::default()
            .with_resource_type(kind)
            .with_resource_name(text(of))
            .with_configuration_keys(Some(keys.iter().map(|key| text(key)).collect()));
        DescribeConfigsRequest::default().with_resources(vec![resource])
    })
}

fn alter(asked: &'static str, topic: &'static str, changes: &'static [Change]) -> Case {
    case(asked, move |_| {
        let change = |(key, operation, value): &Change| {
            AlterableConfig::default()
                .with_name(text(key))
                .with_config_operation(*operation)
                .with_value(value.map(text))
        };
        let resource = AlterConfigsResource::default()
            .with_resource_type(OF_TOPIC)
            .with_resource_name(text(topic))
            .with_configs(changes.iter().map(change).collect());
        IncrementalAlterConfigsRequest::default().with_resources(vec![resource])
    })
}
