//! How fast one mapping is: `cargo run --release -p poller --example pace -- throughput|latency|idle`.
//!
//! The embedded broker, the mapping and a function that only counts, in one process: what is left
//! out is the way from the mapping to a function's process. Prints one JSON object.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use broker::{Broker, BrokerConfig, TopicConfig};
use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use invoke::{Invoke, InvokeError, Outcome};
use poller::{EventSource, FailureHandling, MappingConfig, Poller, Pollers, StartingPosition};
use rdkafka::ClientConfig;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::DefaultProducerContext;
use rdkafka::producer::{
    BaseRecord, FutureProducer, FutureRecord, Producer as _, ThreadedProducer,
};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};

const TOPIC: &str = "pace";
const PARTITIONS: i32 = 8;
const RECORDS: u32 = 2_000_000;
const VALUE_BYTES: usize = 200;
const BATCH_SIZE: u32 = 500;
const LATENCY_RECORDS: usize = 2_000;
const IDLE: Duration = Duration::from_secs(20);

/// Invocations whose time nobody has taken yet; more are not timed.
const TIMED_MAX: usize = 1_000;

/// Counts records by their offsets, without parsing them, and tells of each invocation.
#[derive(Debug)]
struct Counting {
    records: AtomicU64,
    invoked: mpsc::Sender<Instant>,
}

impl Invoke for Counting {
    fn invoke<'a>(
        &'a self,
        _function: &'a str,
        payload: Bytes,
        _trace: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Outcome, InvokeError>> {
        let at = Instant::now();
        let records = memchr_count(&payload);
        self.records.fetch_add(records, Ordering::Relaxed);
        // Who does not ask for latency does not listen.
        self.invoked.try_send(at).ok();
        async { Ok(Outcome::Succeeded(Bytes::from_static(b"null"))) }.boxed()
    }
}

/// Every record has one `{"topic":`; bytes of keys and values are base64.
fn memchr_count(payload: &[u8]) -> u64 {
    let mut count = 0;
    let mut rest = payload;
    while let Some(at) = rest.iter().position(|byte| *byte == b'{') {
        rest = &rest[at + 1..];
        count += u64::from(rest.starts_with(b"\"topic\":"));
    }
    count
}

struct Kafka {
    broker: Broker,
    _data: TempDir,
}

impl Kafka {
    async fn start() -> Self {
        let data = TempDir::new().expect("a temporary folder");
        let mut config = BrokerConfig::new(data.path());
        let name = TOPIC.to_owned();
        config.topics =
            vec![TopicConfig { name, partitions: PARTITIONS, configs: BTreeMap::new() }];
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let broker = Broker::start(listener, config).await.expect("a broker");
        Self { broker, _data: data }
    }

    fn mapping(&self, batch_size: u32) -> MappingConfig {
        MappingConfig {
            id: "pace".to_owned(),
            function: "count".to_owned(),
            topic: TOPIC.to_owned(),
            bootstrap_servers: self.broker.address().to_string(),
            source: EventSource::SelfManaged,
            batch_size,
            window: Some(Duration::ZERO),
            starting_position: StartingPosition::TrimHorizon,
            group_id: "pace".to_owned(),
            enabled: true,
            filters: Vec::new(),
            failures: FailureHandling::default(),
            pollers: Pollers::default(),
            system_log: None,
            access: poller::Access::default(),
            client_settings: BTreeMap::new(),
        }
    }

    fn client(&self) -> ClientConfig {
        let mut client = ClientConfig::new();
        client.set("bootstrap.servers", self.broker.address().to_string());
        client
    }
}

#[tokio::main]
async fn main() {
    let kafka = Kafka::start().await;
    let (invoked, invocations) = mpsc::channel(TIMED_MAX);
    let counting = Arc::new(Counting { records: AtomicU64::new(0), invoked });
    let found = match std::env::args().nth(1).as_deref() {
        Some("throughput") => throughput(&kafka, &counting).await,
        Some("latency") => latency(&kafka, &counting, invocations).await,
        Some("idle") => idle(&kafka, &counting).await,
        _ => json!({"error": "say throughput, latency or idle"}),
    };
    print(&found);
    kafka.broker.shutdown().await;
}

#[expect(clippy::print_stdout, reason = "this is what it is for")]
fn print(found: &Value) {
    println!("{found}");
}

async fn throughput(kafka: &Kafka, counting: &Arc<Counting>) -> Value {
    let mut client = kafka.client();
    client.set("linger.ms", "50").set("batch.size", "1000000");
    client.set("queue.buffering.max.messages", "1000000");
    let producer: ThreadedProducer<DefaultProducerContext> = client.create().expect("a producer");
    tokio::task::spawn_blocking(move || fill(&producer)).await.expect("it does not panic");
    let started = Instant::now();
    let invoke: Arc<Counting> = Arc::clone(counting);
    let poller = Poller::start(kafka.mapping(BATCH_SIZE), invoke).expect("it starts");
    let mut first = None;
    loop {
        let records = counting.records.load(Ordering::Relaxed);
        if records > 0 {
            first.get_or_insert_with(Instant::now);
        }
        if records >= u64::from(RECORDS) {
            break;
        }
        sleep(Duration::from_millis(5)).await;
    }
    let seconds = first.expect("records came").elapsed().as_secs_f64();
    poller.shutdown().await;
    json!({
        "records": RECORDS,
        "seconds": seconds,
        "records_per_s": f64::from(RECORDS) / seconds,
        "with_start_s": started.elapsed().as_secs_f64(),
    })
}

/// Produces everything, spread evenly over the partitions.
fn fill(producer: &ThreadedProducer<DefaultProducerContext>) {
    let value = vec![b'v'; VALUE_BYTES];
    for n in 0..RECORDS {
        let partition = i32::try_from(n % 8).expect("small");
        let mut record = BaseRecord::<[u8], [u8]>::to(TOPIC).partition(partition).payload(&value);
        while let Err((error, back)) = producer.send(record) {
            assert_eq!(error, KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull));
            record = back;
            std::thread::yield_now();
        }
    }
    producer.flush(Duration::from_mins(5)).expect("Kafka takes everything");
}

async fn latency(
    kafka: &Kafka,
    counting: &Arc<Counting>,
    mut invocations: mpsc::Receiver<Instant>,
) -> Value {
    let invoke: Arc<Counting> = Arc::clone(counting);
    let poller = Poller::start(kafka.mapping(1), invoke).expect("it starts");
    let mut client = kafka.client();
    client.set("linger.ms", "0");
    let producer: FutureProducer = client.create().expect("a producer");
    let mut times = Vec::with_capacity(LATENCY_RECORDS);
    for n in 0..LATENCY_RECORDS {
        let partition = i32::try_from(n % 8).expect("small");
        let produced = Instant::now();
        let record = FutureRecord::<(), str>::to(TOPIC).partition(partition).payload("x");
        producer.send(record, Duration::from_secs(30)).await.expect("Kafka takes it");
        let invoked = invocations.recv().await.expect("it is invoked");
        times.push(invoked.duration_since(produced));
        sleep(Duration::from_millis(2)).await;
    }
    poller.shutdown().await;
    // The first ones wait for the group.
    times.drain(..LATENCY_RECORDS / 10);
    times.sort_unstable();
    let at = |share: usize| times[times.len() * share / 1_000].as_secs_f64() * 1_000.0;
    json!({"p50_ms": at(500), "p99_ms": at(990), "p999_ms": at(999), "records": times.len()})
}

/// What waiting costs: compare the process's CPU time with that of fewer mappings.
async fn idle(kafka: &Kafka, counting: &Arc<Counting>) -> Value {
    let mut pollers = Vec::new();
    let count = std::env::args().nth(2).and_then(|count| count.parse().ok()).unwrap_or(1);
    for n in 0..count {
        let invoke: Arc<Counting> = Arc::clone(counting);
        let config = MappingConfig { group_id: format!("pace-{n}"), ..kafka.mapping(BATCH_SIZE) };
        pollers.push(Poller::start(config, invoke).expect("it starts"));
    }
    sleep(Duration::from_secs(5)).await;
    let before = cpu();
    sleep(IDLE).await;
    let share = (cpu() - before) / IDLE.as_secs_f64();
    for poller in pollers {
        poller.shutdown().await;
    }
    json!({"mappings": count, "cpu_share": share, "cpu_percent_each": 100.0 * share / f64::from(count)})
}

/// The CPU time of this process so far, seconds; on Linux.
fn cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    let ticks: Vec<f64> = fields.skip(11).take(2).filter_map(|field| field.parse().ok()).collect();
    ticks.iter().sum::<f64>() / 100.0
}
