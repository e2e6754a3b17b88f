//! A broker on a free port with a directory of its own, and librdkafka clients for it.

use std::collections::BTreeMap;
use std::time::Duration;

use broker::{Broker, BrokerConfig, TopicConfig};
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer, StreamConsumer};
use rdkafka::message::{BorrowedMessage, Headers, Message, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::{Offset, TopicPartitionList};
use tempfile::TempDir;
use tokio::net::TcpListener;

/// Generous: reached only when something hangs.
pub(crate) const LIMIT: Duration = Duration::from_secs(30);

/// A running broker and its directory, which goes when this goes.
pub(crate) struct Running {
    pub(crate) broker: Broker,
    pub(crate) bootstrap: String,
    pub(crate) directory: TempDir,
}

impl Running {
    /// A broker with these topics and partition counts.
    pub(crate) async fn with_topics(topics: &[(&str, i32)]) -> Self {
        let topics = topics.iter().map(|(name, partitions)| topic(name, *partitions, &[]));
        Self::with(topics.collect()).await
    }

    pub(crate) async fn with(topics: Vec<TopicConfig>) -> Self {
        Self::on(TempDir::new().expect("a temporary directory"), topics).await
    }

    pub(crate) async fn on(directory: TempDir, topics: Vec<TopicConfig>) -> Self {
        let config = BrokerConfig { topics, ..BrokerConfig::new(directory.path()) };
        Self::configured(directory, config).await
    }

    pub(crate) async fn configured(directory: TempDir, config: BrokerConfig) -> Self {
        let broker = start(config).await;
        let bootstrap = broker.address().to_string();
        Self { broker, bootstrap, directory }
    }

    /// Stops the broker and starts another on the same directory and a new port.
    pub(crate) async fn restart(self) -> Self {
        self.broker.shutdown().await;
        Self::on(self.directory, Vec::new()).await
    }

    /// Stops the broker, waits for `meanwhile`, and starts another on the same directory and port.
    pub(crate) async fn restart_after(self, meanwhile: impl Future<Output = ()>) -> Self {
        let address = self.broker.address();
        self.broker.shutdown().await;
        meanwhile.await;
        let listener = TcpListener::bind(address).await.expect("the port is free again");
        let config = BrokerConfig::new(self.directory.path());
        let broker = Broker::start(listener, config).await.expect("a broker");
        Self { broker, ..self }
    }

    pub(crate) fn client(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.bootstrap).set("reconnect.backoff.ms", "1");
        config
    }

    pub(crate) fn producer(&self, settings: &[(&str, &str)]) -> FutureProducer {
        let mut config = self.client();
        config.set("enable.idempotence", "true").set("acks", "all").set("linger.ms", "0");
        for (name, value) in settings {
            config.set(*name, *value);
        }
        config.create().expect("a producer")
    }

    pub(crate) fn group_consumer(&self, group: &str) -> StreamConsumer {
        let mut config = self.client();
        config
            .set("group.id", group)
            .set("auto.offset.reset", "earliest")
            .set("enable.auto.commit", "false")
            .set("fetch.wait.max.ms", "100")
            .set("heartbeat.interval.ms", "200");
        config.create().expect("a consumer")
    }

    /// A consumer of one partition from an offset on, without a group.
    pub(crate) fn reader(&self, topic: &str, partition: i32, from: i64) -> BaseConsumer {
        let mut config = self.client();
        config.set("group.id", "readers").set("enable.auto.commit", "false");
        config.set("fetch.wait.max.ms", "100").set("check.crcs", "true");
        config.set("auto.offset.reset", "error");
        let consumer: BaseConsumer = config.create().expect("a consumer");
        let mut assignment = TopicPartitionList::new();
        assignment.add_partition_offset(topic, partition, Offset::Offset(from)).expect("a place");
        consumer.assign(&assignment).expect("an assignment");
        consumer
    }

    /// Reads `count` records of a partition from `from` on.
    pub(crate) fn read(&self, topic: &str, partition: i32, from: i64, count: usize) -> Vec<Seen> {
        let consumer = self.reader(topic, partition, from);
        (0..count).map(|_| next(&consumer)).collect()
    }
}

async fn start(config: BrokerConfig) -> Broker {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    Broker::start(listener, config).await.expect("a broker")
}

pub(crate) fn topic(name: &str, partitions: i32, configs: &[(&str, &str)]) -> TopicConfig {
    let configs = configs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let configs: BTreeMap<_, _> = configs.collect();
    TopicConfig { name: name.to_owned(), partitions, configs }
}

/// A record as a consumer saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) partition: i32,
    pub(crate) offset: i64,
    pub(crate) timestamp: i64,
    pub(crate) key: Option<Vec<u8>>,
    pub(crate) value: Option<Vec<u8>>,
    pub(crate) headers: Vec<(String, Option<Vec<u8>>)>,
}

impl Seen {
    pub(crate) fn of(message: &BorrowedMessage<'_>) -> Self {
        let headers = message.headers().map(|headers| {
            let all = headers.iter();
            all.map(|one| (one.key.to_owned(), one.value.map(<[u8]>::to_vec))).collect()
        });
        Self {
            partition: message.partition(),
            offset: message.offset(),
            timestamp: message.timestamp().to_millis().unwrap_or(-1),
            key: message.key().map(<[u8]>::to_vec),
            value: message.payload().map(<[u8]>::to_vec),
            headers: headers.unwrap_or_default(),
        }
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(self.value.as_deref().unwrap_or_default()).into_owned()
    }
}

pub(crate) fn next(consumer: &BaseConsumer) -> Seen {
    let message = consumer.poll(LIMIT).expect("a record in time").expect("a record");
    Seen::of(&message)
}

/// A record to send.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outgoing<'a> {
    pub(crate) partition: Option<i32>,
    pub(crate) key: Option<&'a str>,
    pub(crate) value: Option<&'a str>,
    pub(crate) timestamp: Option<i64>,
    pub(crate) headers: Option<OwnedHeaders>,
}

/// Sends a record and returns where it is.
pub(crate) async fn send(producer: &FutureProducer, topic: &str, out: Outgoing<'_>) -> (i32, i64) {
    let record = FutureRecord {
        topic,
        partition: out.partition,
        payload: out.value,
        key: out.key,
        timestamp: out.timestamp,
        headers: out.headers,
    };
    let delivery = producer.send(record, LIMIT).await.expect("a delivery");
    (delivery.partition, delivery.offset)
}

/// Sends values to partition 0, all at once, and returns when all are in the log.
pub(crate) async fn send_all(producer: &FutureProducer, topic: &str, values: &[String]) {
    let sends = values.iter().map(|value| {
        let value = Some(value.as_str());
        send(producer, topic, Outgoing { partition: Some(0), value, ..Outgoing::default() })
    });
    futures_util::future::join_all(sends).await;
}
