//! Up in the background, asked, stopped: with a template that has a topic and a table, and no
//! function to build.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::process::{Output, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use millrace::{RunFile, Status};

use crate::project::{Project, fails};

/// However slow the machine is, what has not ended by then does not end.
const TIMEOUT: Duration = Duration::from_secs(30);

/// How often a killed process is asked for: the system ends it within the first few.
const ASKED_MAX: usize = 1_000;

const PARTS: &str = "\
Resources:
  Events:
    Type: AWS::MSK::Topic
    Properties:
      ClusterArn: arn:aws:kafka:us-east-1:000000000000:cluster/local/x-1
      TopicName: events
      PartitionCount: 2
      ReplicationFactor: 1
  Progress:
    Type: AWS::DynamoDB::Table
    Properties:
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{AttributeName: pk, AttributeType: S}]
      KeySchema: [{AttributeName: pk, KeyType: HASH}]
";

/// A project whose stack is stopped at the end of the test, however it ends.
struct Running {
    project: Project,
}

impl Running {
    fn start() -> Self {
        let running = Self { project: Project::new(PARTS) };
        let output = running.project.up(&["--detach", "--wait"]);
        succeeds(&output);
        let stdout = String::from_utf8_lossy(&output.stdout);
        assert!(stdout.contains("Millrace is up"), "{stdout}");
        running
    }

    fn file(&self) -> Option<RunFile> {
        RunFile::read(&self.project.path().join(".millrace")).expect("the run file is readable")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.project.run(&["down"]);
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn kill(pid: u32) {
    let pid = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw);
    let pid = pid.expect("a process number");
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).expect("it is ours");
}

#[track_caller]
fn succeeds(output: &Output) {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn status_tells_where_everything_is_and_down_ends_it() {
    let running = Running::start();
    let file = running.file().expect("it runs");
    let output = running.project.run(&["status", "--json"]);
    succeeds(&output);
    let status: Status = serde_json::from_slice(&output.stdout).expect("one JSON object");
    assert_eq!(
        (&status.gateway, &status.lambda, &status.kafka, &status.table, &status.control),
        (&file.gateway, &file.lambda, &file.kafka, &file.table, &file.control)
    );
    for url in [&file.gateway, &file.lambda, &file.table, &file.control] {
        std::net::TcpStream::connect(url.trim_start_matches("http://")).expect("it listens");
    }
    std::net::TcpStream::connect(&file.kafka).expect("it listens");

    succeeds(&running.project.run(&["down"]));
    assert_eq!(running.file(), None);
    std::net::TcpStream::connect(&file.kafka).expect_err("it has stopped");
    fails(&running.project.run(&["status"]), 69, &["error: nothing runs on"]);
}

#[test]
fn env_prints_what_a_function_that_runs_elsewhere_needs_to_reach_the_stack() {
    let running = Running::start();
    let file = running.file().expect("it runs");
    let output = running.project.run(&["env"]);
    succeeds(&output);
    let text = text(&output.stdout);
    for (name, value) in [
        ("AWS_ENDPOINT_URL_DYNAMODB", &file.table),
        ("AWS_ENDPOINT_URL_LAMBDA", &file.lambda),
        ("KAFKA_BOOTSTRAP_SERVERS", &file.kafka),
    ] {
        assert!(text.contains(&format!("{name}={value}\n")), "{text}");
    }
    let output = running.project.run(&["env", "missing"]);
    fails(&output, 2, &["error: there is no function `missing`"]);
}

#[test]
fn a_reader_that_goes_away_ends_a_follower_without_a_word() {
    let running = Running::start();
    let mut command = running.project.command(&["lag", "--watch"]);
    let mut follower =
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it runs");
    let mut line = String::new();
    let mut reader = BufReader::new(follower.stdout.take().expect("it is piped"));
    reader.read_line(&mut line).expect("it says something");
    assert!(line.starts_with("TOPIC"), "{line}");
    drop(reader);
    let pid = follower.id();
    let (sender, ended) = mpsc::channel();
    thread::spawn(move || sender.send(follower.wait_with_output()));
    let Ok(output) = ended.recv_timeout(TIMEOUT) else {
        kill(pid);
        panic!("it goes on");
    };
    let output = output.expect("it ends");
    assert_eq!((output.status.code(), output.stderr.len()), (Some(0), 0), "{output:?}");
}

#[test]
fn what_cannot_be_written_is_no_success() {
    let Ok(full) = File::options().write(true).open("/dev/full") else { return };
    let running = Running::start();
    let output = running.project.command(&["status", "--json"]).stdout(full).output();
    fails(&output.expect("it runs"), 1, &["error: failed to write to stdout: "]);
}

#[test]
fn a_second_up_names_the_process_and_the_url_of_the_first() {
    let running = Running::start();
    let file = running.file().expect("it runs");
    let output = running.project.up(&[]);
    let said = format!("is in use by process {} at {}\n", file.pid, file.gateway);
    fails(&output, 69, &[&said, "hint: `cargo local status` shows it"]);
    let output = running.project.up(&["--detach"]);
    fails(&output, 69, &[&said]);
    assert_eq!(running.file(), Some(file));
}

#[test]
fn a_killed_up_leaves_nothing_in_the_way_of_the_next() {
    let running = Running::start();
    let first = running.file().expect("it runs");
    kill(first.pid);
    // Its run file is still there, and makes nobody wait for an answer.
    let mut answers = (0..ASKED_MAX).map(|_| running.project.run(&["status"]));
    let nothing = answers.find(|answer| text(&answer.stderr).contains("nothing runs on"));
    assert_eq!(nothing.and_then(|answer| answer.status.code()), Some(69));
    let output = running.project.up(&["--detach", "--wait"]);
    succeeds(&output);
    let second = running.file().expect("it runs");
    assert_ne!(second.pid, first.pid);
    assert_eq!(second.cluster_arn, first.cluster_arn, "the data is the same");
}

#[test]
fn fresh_forgets_the_data_and_down_v_deletes_it() {
    let running = Running::start();
    let first = running.file().expect("it runs");
    succeeds(&running.project.run(&["down"]));
    succeeds(&running.project.up(&["--fresh", "--detach", "--wait"]));
    let second = running.file().expect("it runs");
    assert_ne!(second.cluster_arn, first.cluster_arn, "a new cluster");
    succeeds(&running.project.run(&["down", "-v"]));
    let left: Vec<_> = fs::read_dir(running.project.path()).expect("it is there").collect();
    assert_eq!(left.len(), 1, "{left:?}");
}
