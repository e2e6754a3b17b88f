//! The two clusters that the tools are pointed at: a real Kafka, started once for all tests, and
//! this broker in the test's own process. Both end with the process, however it ends.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use broker::{Broker, BrokerConfig};
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::groups::GroupInfo;
use rdkafka::metadata::MetadataTopic;
use tokio::runtime::Runtime;
use tokio::sync::Mutex;
use tokio::time::Instant;

/// Generous: reached only when something hangs.
pub(crate) const LIMIT: Duration = Duration::from_mins(1);

/// The topic in which a real Kafka keeps committed offsets, and this broker does not.
pub(crate) const OFFSETS_TOPIC: &str = "__consumer_offsets";

/// Where Kafka's scripts are: `up`, `down` and the tools.
pub(crate) fn scripts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../compose/jvm")
}

/// Both clusters.
#[derive(Debug)]
pub(crate) struct Clusters {
    /// `localhost:port` of the real Kafka.
    pub(crate) real: String,
    /// `localhost:port` of this broker.
    pub(crate) ours: String,
    /// What runs this broker and the calls.
    pub(crate) runtime: Runtime,
    data: PathBuf,
    broker: Mutex<Option<Broker>>,
    _cleaner: Child,
}

impl Clusters {
    /// Stops both kindly and starts them again, each on its address and its data.
    pub(crate) async fn restart(&self) {
        for arguments in ["down", "up"] {
            let mut script = script(arguments, &self.data, &self.real);
            let output = script.arg("kafka").output().expect("a script of compose/jvm starts");
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "compose/jvm/{arguments} kafka failed: {said}");
        }
        let mut broker = self.broker.lock().await;
        if let Some(broker) = broker.take() {
            broker.shutdown().await;
        }
        let (_, port) = self.ours.rsplit_once(':').expect("a port");
        *broker = Some(start_ours(&self.data, port.parse().expect("a port")).await.0);
    }
}

/// Starts both clusters at the first call.
pub(crate) fn clusters() -> &'static Clusters {
    static CLUSTERS: OnceLock<Clusters> = OnceLock::new();
    CLUSTERS.get_or_init(|| {
        for (tool, ask) in [("java", "-version"), ("mvn", "-version"), ("kcat", "-V")] {
            let found =
                Command::new(tool).arg(ask).output().is_ok_and(|output| output.status.success());
            assert!(found, "`{tool}` is needed on PATH; .ci/kafka-tools installs it");
        }
        let data = tempfile::tempdir().expect("a temporary directory").keep();
        let cleaner = cleaner(&data);
        let real = start_real(&data);
        let runtime = Runtime::new().expect("a runtime");
        let (broker, ours) = runtime.block_on(start_ours(&data, 0));
        let broker = Mutex::new(Some(broker));
        Clusters { real, ours, runtime, data, broker, _cleaner: cleaner }
    })
}

/// A process that ends the real Kafka and removes the data once this process, and with it the
/// pipe that it reads from, is gone.
fn cleaner(data: &Path) -> Child {
    Command::new("bash")
        .args(["-c", "trap '' INT TERM; cat; \"$0/down\" -v; rm -rf \"$1\""])
        .arg(scripts())
        .arg(data)
        .env("KAFKA_DATA", data.join("real"))
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("bash starts")
}

fn start_real(data: &Path) -> String {
    // Both are held until both are chosen, so that they differ.
    let [kafka, zookeeper] =
        [(), ()].map(|()| TcpListener::bind("127.0.0.1:0").expect("a free port"));
    let [kafka, zookeeper] =
        [kafka, zookeeper].map(|held| held.local_addr().expect("an address").port().to_string());
    std::fs::write(data.join("zookeeper-port"), &zookeeper).expect("the data folder takes a file");
    let bootstrap = format!("localhost:{kafka}");
    let output = script("up", data, &bootstrap).output().expect("compose/jvm/up starts");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "compose/jvm/up failed: {said}");
    wait_for_group_coordinator(&bootstrap);
    bootstrap
}

/// A script of compose/jvm for the real Kafka.
fn script(name: &str, data: &Path, bootstrap: &str) -> Command {
    let (_, kafka) = bootstrap.rsplit_once(':').expect("a port");
    let zookeeper = std::fs::read_to_string(data.join("zookeeper-port")).expect("noted on start");
    let mut command = Command::new(scripts().join(name));
    command
        .env("KAFKA_DATA", data.join("real"))
        .env("KAFKA_PORT", kafka)
        .env("ZOOKEEPER_PORT", zookeeper)
        .env("KAFKA_TOPICS", "");
    command
}

/// The first question for a group makes a real Kafka create the topic of the offsets.
fn wait_for_group_coordinator(bootstrap: &str) {
    let mut config = client(bootstrap);
    let consumer: BaseConsumer = config.set("group.id", "first").create().expect("a consumer");
    let mut one = rdkafka::TopicPartitionList::new();
    one.add_partition(OFFSETS_TOPIC, 0);
    consumer.committed_offsets(one, LIMIT).expect("a coordinator in time");
}

async fn start_ours(data: &Path, port: u16) -> (Broker, String) {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await.expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    let config = BrokerConfig {
        advertised: Some(("localhost".to_owned(), port)),
        // As kafka.properties has it.
        auto_create_topics: false,
        default_partitions: 4,
        ..BrokerConfig::new(data.join("ours"))
    };
    let broker = Broker::start(listener, config).await.expect("a broker");
    (broker, format!("localhost:{port}"))
}

/// Settings of a client of one of the clusters.
pub(crate) fn client(bootstrap: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", bootstrap);
    config
}

/// Deletes every topic and every group, and returns when they are gone.
pub(crate) async fn empty(bootstrap: &str) {
    let admin: AdminClient<DefaultClientContext> = client(bootstrap).create().expect("a client");
    let options = AdminOptions::new().operation_timeout(Some(LIMIT));
    let groups = admin.inner().fetch_group_list(None, LIMIT).expect("a list of groups");
    let groups: Vec<_> = groups.groups().iter().map(GroupInfo::name).collect();
    if !groups.is_empty() {
        let deleted = admin.delete_groups(&groups, &options).await.expect("an answer");
        assert!(deleted.iter().all(Result::is_ok), "{deleted:?}");
    }
    let deadline = Instant::now() + LIMIT;
    loop {
        let metadata = admin.inner().fetch_metadata(None, LIMIT).expect("metadata in time");
        let names = metadata.topics().iter().map(MetadataTopic::name);
        let names: Vec<_> = names.filter(|name| *name != OFFSETS_TOPIC).collect();
        if names.is_empty() {
            return;
        }
        assert!(Instant::now() < deadline, "{names:?} are still there");
        // One that goes already is refused; the next look tells.
        drop(admin.delete_topics(&names, &options).await.expect("an answer"));
    }
}
