//! Up in the background, asked, stopped: with a template that has a topic and a table, and no
//! function to build.

use std::fs;
use std::process::Output;

use millrace::{RunFile, Status};

use crate::project::{Project, fails};

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
fn a_second_up_names_the_process_and_the_url_of_the_first() {
    let running = Running::start();
    let file = running.file().expect("it runs");
    let output = running.project.up(&[]);
    let said = format!("is in use by process {} at {}\n", file.pid, file.gateway);
    fails(&output, 69, &[&said, "hint: `cargo local status` shows it"]);
    assert_eq!(running.file(), Some(file));
}

#[test]
fn a_killed_up_leaves_nothing_in_the_way_of_the_next() {
    let running = Running::start();
    let first = running.file().expect("it runs");
    let pid = i32::try_from(first.pid).ok().and_then(rustix::process::Pid::from_raw);
    let pid = pid.expect("a process number");
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).expect("it is ours");
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
