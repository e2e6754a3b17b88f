//! Kafka and ZooKeeper from Maven's jars, one for all tests, which use it one after the other.

use std::fs;
use std::net::TcpListener;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;
use tokio::sync::{Mutex, MutexGuard};
use tokio::time::{Instant, sleep};

use crate::cloud::{Cloud, LOOK, PATIENCE, kill_process, root, text};

/// The Kafka of all tests; it outlives them, and ends with the process.
static KAFKA: Mutex<Option<Kafka>> = Mutex::const_new(None);

/// A running Kafka, for one test alone.
#[derive(Debug)]
pub(crate) struct Mine(MutexGuard<'static, Option<Kafka>>);

#[derive(Debug)]
struct Kafka {
    address: String,
    variables: [(&'static str, String); 4],
    data: PathBuf,
    /// Ends Kafka when its standard input does, however this process ends.
    _undertaker: Child,
}

impl Mine {
    /// Waits until no other test uses Kafka, and starts it where it does not run.
    pub(crate) async fn take() -> Self {
        let mut kafka = KAFKA.lock().await;
        match &*kafka {
            // A test that failed may have left it down.
            Some(kafka) if !kafka.answers() => kafka.script("up", &["kafka"]),
            Some(_) => {}
            None => *kafka = Some(Kafka::start()),
        }
        Self(kafka)
    }

    fn kafka(&self) -> &Kafka {
        self.0.as_ref().expect("it was started")
    }

    /// `HOST:PORT`.
    pub(crate) fn address(&self) -> &str {
        &self.kafka().address
    }

    /// A cloud on this Kafka.
    pub(crate) fn cloud(&self) -> Cloud {
        Cloud::start_with(&["--kafka", self.address()])
    }

    /// Stops Kafka in order; ZooKeeper goes on.
    pub(crate) fn stop(&self) {
        self.kafka().script("down", &["kafka"]);
    }

    /// Kills Kafka's process, and returns when it is gone.
    pub(crate) async fn kill(&self) {
        let pid = fs::read_to_string(self.kafka().data.join("kafka.pid")).expect("a process id");
        kill_process(pid.trim());
        let give_up = Instant::now() + PATIENCE;
        while self.kafka().answers() {
            assert!(Instant::now() < give_up, "process {pid} does not end");
            sleep(LOOK).await;
        }
    }

    /// Starts Kafka on its data, and returns when it answers.
    pub(crate) fn start(&self) {
        self.kafka().script("up", &["kafka"]);
    }
}

impl Kafka {
    fn start() -> Self {
        let (port, zookeeper_port) = (free_port(), free_port());
        let data = TempDir::with_prefix("millrace-kafka-").expect("a temporary folder").keep();
        let variables = [
            ("KAFKA_PORT", port.to_string()),
            ("ZOOKEEPER_PORT", zookeeper_port.to_string()),
            ("KAFKA_DATA", data.display().to_string()),
            // Every cloud makes its own.
            ("KAFKA_TOPICS", String::new()),
        ];
        let undertaker = Command::new("sh")
            .args(["-c", "cat >/dev/null; compose/jvm/down -v; rm -rf \"$KAFKA_DATA\""])
            .current_dir(root())
            .envs(variables.clone())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // Ctrl-C is for the tests.
            .process_group(0)
            .spawn();
        let kafka = Self {
            address: format!("localhost:{port}"),
            variables,
            data,
            _undertaker: undertaker.expect("a shell"),
        };
        kafka.script("up", &[]);
        kafka
    }

    fn answers(&self) -> bool {
        std::net::TcpStream::connect(&self.address).is_ok()
    }

    fn script(&self, name: &str, arguments: &[&str]) {
        let script = Command::new(root().join("compose/jvm").join(name))
            .args(arguments)
            .envs(self.variables.clone())
            .output()
            .expect("the script runs");
        assert!(script.status.success(), "`{name} {arguments:?}`: {}", text(&script));
    }
}

/// A port that nobody listens on, below those that systems give to clients: one that tries to reach
/// a Kafka that is away may otherwise be given Kafka's own port, and is then connected with itself.
fn free_port() -> u16 {
    let mut ports = std::iter::repeat_with(|| fastrand::u16(20_000..32_000));
    let free = ports.find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok());
    free.expect("the ports have no end")
}
