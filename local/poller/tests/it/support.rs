//! A Kafka, a function that answers as told, and mappings between them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use base64_simd::STANDARD;
use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use invoke::{Invoke, InvokeError, Outcome};
use poller::{EventSource, MappingConfig, MappingState, MappingStatus, Poller, StartingPosition};
use rdkafka::ClientConfig;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{DefaultProducerContext, FutureProducer, FutureRecord};
use serde_json::Value;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{interval, timeout};

/// No wait of these tests takes nearly as long unless something is broken.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// How often the status is asked for.
const BETWEEN_QUESTIONS: Duration = Duration::from_millis(50);

pub(crate) const TOPIC: &str = "events";

/// A Kafka of one node.
pub(crate) struct Kafka {
    cluster: MockCluster<'static, DefaultProducerContext>,
    producer: FutureProducer,
}

impl Kafka {
    pub(crate) fn with_partitions(partitions: i32) -> Self {
        let cluster = MockCluster::new(1).expect("a mock cluster starts");
        cluster.create_topic(TOPIC, partitions, 1).expect("a new topic");
        let producer = ClientConfig::new()
            .set("bootstrap.servers", cluster.bootstrap_servers())
            .set("linger.ms", "0")
            .create()
            .expect("a producer starts");
        Self { cluster, producer }
    }

    /// Produces one record with this value and gives its offset.
    pub(crate) async fn produce(&self, partition: i32, value: &str) -> i64 {
        let record = FutureRecord::<(), str>::to(TOPIC).partition(partition).payload(value);
        let sent = self.producer.send(record, PATIENCE).await;
        sent.expect("the mock cluster takes every record").offset
    }

    /// A mapping's configuration for this Kafka, without a window.
    pub(crate) fn mapping(&self, group: &str) -> MappingConfig {
        MappingConfig {
            id: format!("id-of-{group}"),
            function: "process".to_owned(),
            topic: TOPIC.to_owned(),
            bootstrap_servers: self.cluster.bootstrap_servers(),
            source: EventSource::SelfManaged,
            batch_size: 100,
            window: Some(Duration::ZERO),
            starting_position: StartingPosition::TrimHorizon,
            group_id: group.to_owned(),
            enabled: true,
            // After a member has left, the mock cluster makes the next one wait nearly as long as
            // the session timeout; shorter than a first join (3 s) it would throw that out.
            client_settings: BTreeMap::from(
                [("session.timeout.ms", "4000"), ("heartbeat.interval.ms", "1000")]
                    .map(|(name, value)| (name.to_owned(), value.to_owned())),
            ),
        }
    }

    pub(crate) fn go_away(&self) {
        self.cluster.broker_down(1).expect("the only broker");
    }

    pub(crate) fn come_back(&self) {
        self.cluster.broker_up(1).expect("the only broker");
    }
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
