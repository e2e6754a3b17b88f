//! The client libraries: how each is started, and the conversation with one.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::normal::normal;
use crate::script::{Call, Script};

/// What a driver answers where its library has no such call.
pub(crate) const ABSENT: &str = "-";

/// A driver gives up on its own long before.
const LIMIT: Duration = Duration::from_secs(90);

/// A client library.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
    driver: Driver,
}

#[derive(Clone, Copy, Debug)]
enum Driver {
    /// `Calls.java`.
    Java,
    /// A program for Python.
    Python(&'static str),
    /// `franz/main.go`, compiled.
    Go,
}

/// As `.ci/conformance` installs them.
pub(crate) const CLIENTS: &[Client] = &[
    client("java-2.8", "Java 2.8.2", Driver::Java),
    client("java-3.9", "Java 3.9.1", Driver::Java),
    client("java-4.2", "Java 4.2.0", Driver::Java),
    client("librdkafka-2.0", "librdkafka 2.0.2", Driver::Python("confluent.py")),
    client("librdkafka-2.16", "librdkafka 2.16.1", Driver::Python("confluent.py")),
    client("kafka-python-2", "kafka-python 2.0.6", Driver::Python("kafka_python.py")),
    client("kafka-python-3", "kafka-python 3.0.12", Driver::Python("kafka_python.py")),
    client("aiokafka", "aiokafka 0.14.0", Driver::Python("aio.py")),
    client("franz-go", "franz-go 1.22.2", Driver::Go),
];

const fn client(name: &'static str, title: &'static str, driver: Driver) -> Client {
    Client { name, title, driver }
}

impl Client {
    /// Carries out the script on one cluster.
    pub(crate) async fn answers(&self, script: &Script, bootstrap: &str) -> Vec<String> {
        let mut conversation = Conversation::start(self, bootstrap);
        let mut answers = Vec::new();
        for call in script.calls() {
            answers.push(conversation.ask(self, call).await);
        }
        answers
    }

    fn command(&self, bootstrap: &str) -> Command {
        let installed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/ci/conformance");
        let home = installed.join(self.name);
        assert!(home.exists(), "{} is not installed; .ci/conformance does it", self.title);
        let drivers = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/conformance/drivers");
        let mut command = match self.driver {
            Driver::Java => {
                let mut command = Command::new("java");
                command.args(["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx256m", "-cp"]);
                command.arg(format!("{0}/classes:{0}/lib/*", home.display())).arg("Calls");
                command
            }
            Driver::Python(program) => {
                let mut command = Command::new(home.join("bin/python"));
                command
                    .arg(drivers.join(program))
                    .envs([("PYTHONDONTWRITEBYTECODE", "1"), ("PYTHONWARNINGS", "ignore")]);
                command
            }
            Driver::Go => Command::new(home.join("calls")),
        };
        command.arg(bootstrap).kill_on_drop(true).stdin(Stdio::piped()).stdout(Stdio::piped());
        command
    }
}

/// A running driver.
struct Conversation {
    driver: Child,
    answers: tokio::io::Lines<BufReader<tokio::process::ChildStdout>>,
}

impl Conversation {
    fn start(client: &Client, bootstrap: &str) -> Self {
        let mut driver = client.command(bootstrap).spawn().expect("a driver starts");
        let stdout = driver.stdout.take().expect("it was asked for");
        Self { driver, answers: BufReader::new(stdout).lines() }
    }

    async fn ask(&mut self, client: &Client, call: &Call) -> String {
        let prefix = format!("{}.", client.name);
        let line = call.for_client(&prefix) + "\n";
        let stdin = self.driver.stdin.as_mut().expect("it was asked for");
        if stdin.write_all(line.as_bytes()).await.is_err() {
            return "the driver has ended".to_owned();
        }
        match timeout(LIMIT, self.answers.next_line()).await {
            Ok(Ok(Some(answer))) => normal(&answer.replace(&prefix, "")),
            Ok(_) => "the driver has ended".to_owned(),
            Err(_elapsed) => format!("nothing for {LIMIT:?}"),
        }
    }
}
