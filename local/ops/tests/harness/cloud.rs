//! A whole local cloud as a user starts it: the `millrace` binary in the background, on free ports, with
//! a data folder and topics of its own.
//!
//! The variable `MILLRACE_E2E_UP` holds further arguments of `up`, so that the same tests run against
//! other programs (`--artifacts DIR`) and another Kafka (`--kafka HOST:PORT`).

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;
use std::time::Duration;

use bytes::Bytes;
use event::{Coordinates, KeyRing, Stream};
use http_body_util::{BodyExt as _, Full};
use hyper::{Request, StatusCode};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use millrace::{CARGO_RUN_VARIABLES, RunFile};
use serde_json::Value;
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

/// However slow the machine is, a state that has not come by then will not come.
pub(crate) const PATIENCE: Duration = Duration::from_mins(2);

/// Lines of each log that a test which fails tells.
const LINES_TOLD: usize = 60;

/// How often a state that is waited for is looked at.
pub(crate) const LOOK: Duration = Duration::from_millis(50);

/// Further arguments of `up`, separated by blanks.
pub(crate) const UP_ARGUMENTS: &str = "MILLRACE_E2E_UP";

/// A running cloud; it ends with the test.
#[derive(Debug)]
pub(crate) struct Cloud {
    data: TempDir,
    topic: String,
    /// Further arguments of `up`.
    arguments: Vec<String>,
    /// Further values of the template's parameters.
    parameters: Vec<String>,
    status: Value,
    http: Client<HttpConnector, Full<Bytes>>,
}

/// An HTTP answer, read whole.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) retry_after: bool,
    pub(crate) body: Value,
}

/// The folder in which cargo puts its programs, with the two programs built once.
fn programs() -> &'static Path {
    static PROGRAMS: OnceLock<PathBuf> = OnceLock::new();
    PROGRAMS.get_or_init(|| {
        let mut build = Command::new(env!("CARGO"));
        for name in CARGO_RUN_VARIABLES {
            build.env_remove(name);
        }
        build.args(["build", "--bin", "millrace", "--bin", "ops"]).current_dir(root());
        let build = build.output().expect("cargo runs");
        assert!(build.status.success(), "{}", String::from_utf8_lossy(&build.stderr));
        let test = std::env::current_exe().expect("a test has a path");
        test.ancestors().nth(2).expect("tests run from target/<profile>/deps").to_owned()
    })
}

/// The arguments of [`UP_ARGUMENTS`].
#[expect(clippy::disallowed_methods, reason = "the tests' own setting")]
pub(crate) fn everywhere() -> String {
    std::env::var(UP_ARGUMENTS).unwrap_or_default()
}

/// Runs an `ops` command against a data folder.
pub(crate) fn ops_in(data: &Path, arguments: &[&str]) -> Output {
    program("ops", data, arguments)
}

fn program(name: &str, data: &Path, arguments: &[&str]) -> Output {
    Command::new(programs().join(name))
        .args(arguments)
        .arg("--data")
        .arg(data)
        .current_dir(root())
        .output()
        .expect("the program runs")
}

/// The repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

impl Cloud {
    /// A cloud with an empty data folder.
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    /// The same, with further arguments of `up`; `Name=value` is a parameter of the template.
    pub(crate) fn start_with(arguments: &[&str]) -> Self {
        // A cluster that several tests share must not mix their events.
        Self::start_on(&format!("events-{:08x}", fastrand::u32(..)), arguments)
    }

    /// The same, with events in `topic`.
    pub(crate) fn start_on(topic: &str, arguments: &[&str]) -> Self {
        let everywhere = everywhere();
        let arguments = everywhere.split_whitespace().chain(arguments.iter().copied());
        let (parameters, arguments): (Vec<String>, Vec<String>) =
            arguments.map(str::to_owned).partition(|argument| is_parameter(argument));
        let mut cloud = Self {
            data: TempDir::with_prefix("millrace-").expect("a temporary folder"),
            topic: topic.to_owned(),
            arguments,
            parameters,
            status: Value::Null,
            http: Client::builder(TokioExecutor::new()).build_http(),
        };
        cloud.up();
        cloud
    }

    /// Starts on the data that is there, with the gateway where it was: who goes on sending finds it.
    pub(crate) fn up(&mut self) {
        let gateway_port = self.status["gateway"].as_str().and_then(|url| url.rsplit(':').next());
        let gateway_port = gateway_port.unwrap_or("0").to_owned();
        let topics = [("Events", ""), ("Orders", "-orders"), ("Inventory", "-inventory")];
        let topics = topics.map(|(name, end)| format!("{name}TopicName={}{end}", self.topic));
        let ports = [("gateway", &*gateway_port), ("lambda", "0"), ("kafka", "0"), ("table", "0")];
        let ports = ports.map(|(name, port)| format!("--{name}-port={port}"));
        let mut arguments = vec!["up", "--detach", "--wait"];
        arguments.extend(ports.iter().map(String::as_str));
        arguments.extend(self.arguments.iter().map(String::as_str));
        arguments.push("--parameter-overrides");
        arguments.extend(topics.iter().map(String::as_str));
        arguments.extend(self.parameters.iter().map(String::as_str));
        let up = self.millrace(&arguments);
        assert!(up.status.success(), "`{}` failed: {}", arguments.join(" "), text(&up));
        self.status = self.read_status();
    }

    fn read_status(&self) -> Value {
        let status = self.millrace(&["status", "--json"]);
        assert!(status.status.success(), "`status` failed: {}", text(&status));
        serde_json::from_slice(&status.stdout).expect("`status --json` is JSON")
    }

    /// The topic of the events.
    pub(crate) fn topic(&self) -> &str {
        &self.topic
    }

    /// Runs a `millrace` command against this cloud.
    pub(crate) fn millrace(&self, arguments: &[&str]) -> Output {
        self.program("millrace", arguments)
    }

    /// Runs an `ops` command against this cloud.
    pub(crate) fn ops(&self, arguments: &[&str]) -> Output {
        self.program("ops", arguments)
    }

    fn program(&self, name: &str, arguments: &[&str]) -> Output {
        program(name, &self.data(), arguments)
    }

    /// What mappings and logs tell, for a test that fails.
    fn told(&self) -> String {
        let lists = [["mapping", "list"], ["lag", "--json"]];
        let logs = ["millrace.log", "process_events.log"].map(|name| {
            let log = fs::read_to_string(self.data().join("logs").join(name)).unwrap_or_default();
            let lines: Vec<&str> = log.lines().collect();
            lines[lines.len().saturating_sub(LINES_TOLD)..].join("\n")
        });
        let lists = lists.map(|list| text(&self.millrace(&list)));
        [lists, logs].concat().join("\n\n")
    }

    /// The data folder.
    pub(crate) fn data(&self) -> PathBuf {
        self.data.path().join("data")
    }

    /// An address of `status --json`: `gateway`, `kafka`, `table`, `lambda`, `control`.
    pub(crate) fn address(&self, part: &str) -> &str {
        self.status[part].as_str().expect("the status names every address")
    }

    fn run_file(&self) -> RunFile {
        let run = RunFile::read(&self.data()).expect("the run file is readable");
        run.expect("a running cloud says so")
    }

    /// The id of the event at a place of the topic, as the functions mint it.
    pub(crate) fn event_id(&self, partition: i32, offset: i64) -> String {
        let template = fs::read_to_string(root().join("template.yaml")).expect("the template");
        let key = template.lines().find_map(|line| line.trim().strip_prefix("EventIdKey: "));
        let ring = KeyRing::parse(key.expect("the template has a key")).expect("a key ring");
        let cluster = self.run_file().cluster_arn;
        let stream = Stream { cluster, topic: self.topic.clone(), epoch: 1 };
        let place = Coordinates::new(partition, offset).expect("a place of Kafka's");
        ring.for_stream(&stream).mint(place).to_string()
    }

    /// Kills the whole process, as the system does when memory is out.
    pub(crate) fn kill(&self) {
        let pid = self.run_file().pid.to_string();
        kill_process(&pid);
    }

    /// `POST`s JSON to the gateway.
    pub(crate) async fn post(&self, path: &str, body: &str) -> Answer {
        let request = Request::post(format!("{}{path}", self.address("gateway")))
            .header("content-type", "application/json")
            .body(Full::new(Bytes::copy_from_slice(body.as_bytes())));
        self.send(request.expect("a request")).await
    }

    /// `PUT`s JSON to the gateway.
    pub(crate) async fn put(&self, path: &str, body: &str) -> Answer {
        let request = Request::put(format!("{}{path}", self.address("gateway")))
            .header("content-type", "application/json")
            .body(Full::new(Bytes::copy_from_slice(body.as_bytes())));
        self.send(request.expect("a request")).await
    }

    /// `GET`s from the gateway.
    pub(crate) async fn get(&self, path: &str) -> Answer {
        let request = Request::get(format!("{}{path}", self.address("gateway")));
        self.send(request.body(Full::default()).expect("a request")).await
    }

    /// `POST`s to the control endpoint.
    pub(crate) async fn control(&self, path: &str) -> Answer {
        let request = Request::post(format!("{}{path}", self.address("control")));
        self.send(request.body(Full::default()).expect("a request")).await
    }

    /// Kills an environment of a function, as soon as there is one.
    pub(crate) async fn kill_environment(&self, function: &str) {
        let give_up = Instant::now() + PATIENCE;
        loop {
            let answer = self.control(&format!("/functions/{function}/kill-environment")).await;
            if answer.status == StatusCode::OK && answer.body["pid"].is_u64() {
                return;
            }
            assert!(Instant::now() < give_up, "no environment of {function}: {answer:?}");
            sleep(LOOK).await;
        }
    }

    async fn send(&self, request: Request<Full<Bytes>>) -> Answer {
        let answer = tokio::time::timeout(PATIENCE, self.http.request(request));
        let answer = answer.await.expect("an answer in time").expect("an answer");
        let status = answer.status();
        let retry_after = answer.headers().contains_key("retry-after");
        let body = answer.into_body().collect().await.expect("a whole answer").to_bytes();
        Answer { status, retry_after, body: serde_json::from_slice(&body).unwrap_or(Value::Null) }
    }

    /// The state of an event once it is no longer pending.
    pub(crate) async fn settled(&self, event_id: &str) -> Value {
        let give_up = Instant::now() + PATIENCE;
        loop {
            let answer = self.get(&format!("/get_status/{event_id}")).await;
            assert_eq!(answer.status, StatusCode::OK, "{:?}", answer.body);
            if answer.body["status"] != "pending" {
                return answer.body;
            }
            assert!(Instant::now() < give_up, "{event_id} is still pending\n{}", self.told());
            sleep(LOOK).await;
        }
    }

    /// The ledger of the latest load.
    pub(crate) fn ledger(&self) -> Value {
        let ledger = self.ops(&["ledger", "--json"]);
        serde_json::from_slice(&ledger.stdout)
            .unwrap_or_else(|error| panic!("`ledger --json`: {error}: {}", text(&ledger)))
    }
}

/// `Name=value` is one of the template's parameters, everything else an argument of `up`.
fn is_parameter(argument: &str) -> bool {
    argument.starts_with(|first: char| first.is_ascii_uppercase()) && argument.contains('=')
}

/// Sends SIGKILL. By the shell: a minimal system has no program `kill`.
pub(crate) fn kill_process(pid: &str) {
    let killed = Command::new("sh").args(["-c", "kill -KILL \"$0\"", pid]).status();
    assert!(killed.expect("`sh` runs").success(), "no process {pid}");
}

/// What a program said.
pub(crate) fn text(output: &Output) -> String {
    let text = [&output.stdout[..], &output.stderr[..]].concat();
    String::from_utf8_lossy(&text).into_owned()
}

impl Drop for Cloud {
    fn drop(&mut self) {
        let down = self.millrace(&["down", "-v"]);
        let ended = down.status.success() || std::thread::panicking();
        assert!(ended, "`down` failed: {}", text(&down));
    }
}
