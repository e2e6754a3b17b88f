//! A Kafka, a function that answers as told, and mappings between them.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use base64_simd::STANDARD;
use broker::{Broker, BrokerConfig, Faults, TopicConfig};
use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use invoke::{Invoke, InvokeError, Outcome};
use poller::{
    EventSource, FailureHandling, MappingConfig, MappingState, MappingStatus, Poller, Pollers,
    StartingPosition,
};
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::producer::{FutureProducer, FutureRecord};
use serde_json::Value;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{interval, timeout};

/// No wait of these tests takes nearly as long unless something is broken.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// How often the status is asked for.
const BETWEEN_QUESTIONS: Duration = Duration::from_millis(50);

pub(crate) const TOPIC: &str = "events";

/// A Kafka of one node: the broker that mappings run against locally.
pub(crate) struct Kafka {
    broker: Option<Broker>,
    address: SocketAddr,
    directory: TempDir,
    producer: FutureProducer,
}

impl Kafka {
    pub(crate) async fn with_partitions(partitions: i32) -> Self {
        let directory = TempDir::new().expect("a temporary directory");
        let mut config = BrokerConfig::new(directory.path());
        config.topics =
            vec![TopicConfig { name: TOPIC.to_owned(), partitions, configs: BTreeMap::new() }];
        let broker = start("127.0.0.1:0", config).await;
        let address = broker.address();
        let producer = ClientConfig::new()
            .set("bootstrap.servers", address.to_string())
            .set("linger.ms", "0")
            .create()
            .expect("a producer starts");
        Self { broker: Some(broker), address, directory, producer }
    }

    /// Produces one record with this value and gives its offset.
    pub(crate) async fn produce(&self, partition: i32, value: &str) -> i64 {
        let record = FutureRecord::<(), str>::to(TOPIC).partition(partition).payload(value);
        let sent = self.producer.send(record, PATIENCE).await;
        sent.expect("Kafka takes every record").offset
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> String {
        self.address.to_string()
    }

    /// What it does wrong.
    pub(crate) fn faults(&self) -> &Faults {
        self.broker.as_ref().expect("it is there").faults()
    }

    /// Makes another topic, of one partition.
    pub(crate) async fn make_topic(&self, name: &str) {
        let topic = NewTopic::new(name, 1, TopicReplication::Fixed(1));
        let made = self.admin().create_topics([&topic], &AdminOptions::new()).await;
        made.expect("Kafka answers").remove(0).expect("the topic is new");
    }

    /// Deletes a topic with everything in it.
    pub(crate) async fn delete_topic(&self, name: &str) {
        let deleted = self.admin().delete_topics(&[name], &AdminOptions::new()).await;
        deleted.expect("Kafka answers").remove(0).expect("the topic is there");
    }

    fn admin(&self) -> AdminClient<DefaultClientContext> {
        let mut client = ClientConfig::new();
        client.set("bootstrap.servers", self.address());
        client.create().expect("a client")
    }

    /// A mapping's configuration for this Kafka, without a window.
    pub(crate) fn mapping(&self, group: &str) -> MappingConfig {
        MappingConfig {
            id: format!("id-of-{group}"),
            function: "process".to_owned(),
            topic: TOPIC.to_owned(),
            bootstrap_servers: self.address.to_string(),
            source: EventSource::SelfManaged,
            batch_size: 100,
            window: Some(Duration::ZERO),
            starting_position: StartingPosition::TrimHorizon,
            group_id: group.to_owned(),
            enabled: true,
            filters: Vec::new(),
            failures: FailureHandling::default(),
            pollers: Pollers::default(),
            system_log: None,
            access: poller::Access::default(),
            client_settings: BTreeMap::new(),
        }
    }

    pub(crate) async fn go_away(&mut self) {
        self.broker.take().expect("it is there").shutdown().await;
    }

    /// Is where it was, with all it had but its groups' members.
    pub(crate) async fn come_back(&mut self) {
        let config = BrokerConfig::new(self.directory.path());
        self.broker = Some(start(&self.address.to_string(), config).await);
    }
}

async fn start(address: &str, config: BrokerConfig) -> Broker {
    let listener = TcpListener::bind(address).await.expect("the port is free");
    Broker::start(listener, config).await.expect("a broker")
}

/// A function: every invocation waits until the test answers it.
#[derive(Debug)]
struct Function {
    invocations: mpsc::Sender<Invocation>,
}

/// The test's end of a function.
pub(crate) struct Invocations(mpsc::Receiver<Invocation>);

/// One invocation that waits for its answer.
#[derive(Debug)]
pub(crate) struct Invocation {
    pub(crate) event: Value,
    answer: oneshot::Sender<Result<Outcome, InvokeError>>,
}

pub(crate) fn function() -> (Arc<dyn Invoke>, Invocations) {
    let (invocations, receiver) = mpsc::channel(100);
    (Arc::new(Function { invocations }), Invocations(receiver))
}

impl Invoke for Function {
    fn invoke<'a>(
        &'a self,
        function: &'a str,
        payload: Bytes,
        _trace: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Outcome, InvokeError>> {
        async move {
            assert_eq!(function, "process");
            let event = serde_json::from_slice(&payload).expect("the event is JSON");
            let (answer, answered) = oneshot::channel();
            let sent = self.invocations.send(Invocation { event, answer }).await;
            match sent {
                Ok(()) => answered.await.unwrap_or(Ok(Outcome::Succeeded(Bytes::new()))),
                Err(_gone) => Ok(Outcome::Succeeded(Bytes::new())),
            }
        }
        .boxed()
    }
}

impl Invocations {
    /// The next invocation.
    pub(crate) async fn next(&mut self) -> Invocation {
        let next = timeout(PATIENCE, self.0.recv()).await;
        next.expect("an invocation comes").expect("the mapping lives")
    }

    /// The next invocation, or none once the mapping has stopped.
    pub(crate) async fn try_next(&mut self) -> Option<Invocation> {
        timeout(PATIENCE, self.0.recv()).await.expect("the mapping stops or invokes")
    }

    /// Answers invocations with success until `count` values have come; gives them by partition.
    pub(crate) async fn values(&mut self, count: usize) -> BTreeMap<String, Vec<String>> {
        let mut all = BTreeMap::<String, Vec<String>>::new();
        while all.values().map(Vec::len).sum::<usize>() < count {
            let invocation = self.next().await;
            for (partition, values) in invocation.values() {
                all.entry(partition).or_default().extend(values);
            }
            invocation.succeed();
        }
        all
    }

    /// Whether nothing has been invoked that was not taken yet.
    pub(crate) fn is_quiet(&mut self) -> bool {
        self.0.try_recv().is_err()
    }
}

impl Invocation {
    /// The decoded values by partition, as the event has them.
    pub(crate) fn values(&self) -> BTreeMap<String, Vec<String>> {
        let records = self.event["records"].as_object().expect("an object of partitions");
        let decode = |record: &Value| {
            let value = record["value"].as_str().expect("these records have values");
            let bytes = STANDARD.decode_to_vec(value).expect("base64");
            String::from_utf8(bytes).expect("these values are text")
        };
        records
            .iter()
            .map(|(partition, records)| {
                let records = records.as_array().expect("an array of records");
                (partition.clone(), records.iter().map(decode).collect())
            })
            .collect()
    }

    pub(crate) fn succeed(self) {
        self.answer(Ok(Outcome::Succeeded(Bytes::from_static(b"null"))));
    }

    pub(crate) fn fail(self) {
        let document = br#"{"errorType":"Boom","errorMessage":"it failed"}"#;
        self.answer(Ok(Outcome::FunctionError(Bytes::from_static(document))));
    }

    pub(crate) fn answer(self, result: Result<Outcome, InvokeError>) {
        self.answer.send(result).expect("the mapping waits for the answer");
    }
}

/// Asks for the status until it is as wanted; Kafka is asked once a second at most.
pub(crate) async fn until(poller: &Poller, wanted: impl Fn(&MappingStatus) -> bool) {
    let mut turns = interval(BETWEEN_QUESTIONS);
    let asking = async {
        while !wanted(&poller.status().await) {
            turns.tick().await;
        }
    };
    timeout(PATIENCE, asking).await.expect("the status becomes what it should");
}

/// Waits until the mapping has partitions and has said where each begins.
pub(crate) async fn until_started(poller: &Poller) {
    until(poller, |status| status.lag.is_some()).await;
}

/// Waits until everything was processed and committed.
pub(crate) async fn until_caught_up(poller: &Poller) {
    until(poller, |status| status.lag == Some(0) && status.state == MappingState::Enabled).await;
}
