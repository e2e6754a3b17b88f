//! A test: calls of tools, made on both clusters at once, and their outcomes compared one by one.
//! What was printed is shown too where the test runs with `--nocapture`.

use std::fmt::Write as _;
use std::process::Stdio;
use std::sync::{Mutex, PoisonError};

use rdkafka::consumer::{CommitMode, Consumer, StreamConsumer};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::clusters::{Clusters, LIMIT, client, clusters, empty, scripts};
use crate::normal::normal;

/// The steps of one test.
#[derive(Debug, Default)]
pub(crate) struct Script {
    steps: Vec<Step>,
}

#[derive(Debug)]
enum Step {
    Call(Call),
    Join { group: String, topic: String, records: usize },
    Leave,
}

/// A tool with its arguments, as a user types them.
#[derive(Debug)]
pub(crate) struct Call {
    program: Program,
    arguments: String,
    input: String,
    sorted: bool,
    known: Option<Known>,
}

#[derive(Clone, Copy, Debug)]
enum Program {
    /// One of Kafka's own tools; the first argument is its name.
    Kafka,
    Kcat,
}

/// A difference that stays, with exactly what each side prints.
#[derive(Debug)]
struct Known {
    reason: &'static str,
    real: String,
    ours: String,
}

impl Script {
    /// One of Kafka's own tools: `topics --list`.
    pub(crate) fn kafka(&mut self, arguments: &str) -> &mut Call {
        self.call(Program::Kafka, arguments)
    }

    /// kcat: `-L -t orders`.
    pub(crate) fn kcat(&mut self, arguments: &str) -> &mut Call {
        self.call(Program::Kcat, arguments)
    }

    /// A consumer joins `group`, reads `records` of `topic` and commits, and stays.
    pub(crate) fn join(&mut self, group: &str, topic: &str, records: usize) {
        self.steps.push(Step::Join { group: group.to_owned(), topic: topic.to_owned(), records });
    }

    /// The consumers that joined leave.
    pub(crate) fn leave(&mut self) {
        self.steps.push(Step::Leave);
    }

    fn call(&mut self, program: Program, arguments: &str) -> &mut Call {
        let arguments = arguments.to_owned();
        let call = Call { program, arguments, input: String::new(), sorted: false, known: None };
        self.steps.push(Step::Call(call));
        let Some(Step::Call(call)) = self.steps.last_mut() else { unreachable!("just pushed") };
        call
    }
}

impl Call {
    /// What the tool reads from its standard input.
    pub(crate) fn input(&mut self, input: &str) -> &mut Self {
        input.clone_into(&mut self.input);
        self
    }

    /// The tool prints its lines in no order of its own.
    pub(crate) fn sorted(&mut self) -> &mut Self {
        self.sorted = true;
        self
    }

    /// The outcomes differ, exactly like this, because of `reason`.
    pub(crate) fn differs(&mut self, reason: &'static str, real: &str, ours: &str) {
        self.known = Some(Known { reason, real: real.to_owned(), ours: ours.to_owned() });
    }

    /// As a user types it.
    fn typed(&self) -> String {
        let program = match self.program {
            Program::Kafka => "kafka-",
            Program::Kcat => "kcat ",
        };
        format!("{program}{}", self.arguments)
    }

    async fn outcome(&self, bootstrap: &str) -> String {
        let mut command = match self.program {
            Program::Kafka => Command::new(scripts().join("kafka")),
            Program::Kcat => Command::new("kcat"),
        };
        if let Program::Kcat = self.program {
            command.args(["-b", bootstrap]);
        }
        let mut child = command
            .args(self.arguments.split_whitespace())
            .env("KAFKA_BOOTSTRAP_SERVERS", bootstrap)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("the tool starts");
        let mut stdin = child.stdin.take().expect("a pipe");
        // A tool that refuses its arguments does not read.
        drop(stdin.write_all(self.input.as_bytes()).await);
        drop(stdin);
        let Ok(output) = tokio::time::timeout(LIMIT, child.wait_with_output()).await else {
            return format!("still running after {LIMIT:?}\n");
        };
        let output = output.expect("the tool ends");
        let mut text = self.lines(&output.stdout);
        let errors = self.lines(&output.stderr);
        errors.lines().for_each(|line| writeln!(text, "! {line}").expect("a String takes it"));
        match output.status.code() {
            Some(0) => text,
            code => text + &format!("exit {code:?}\n"),
        }
    }

    fn lines(&self, printed: &[u8]) -> String {
        let text = normal(&String::from_utf8_lossy(printed));
        if !self.sorted {
            return text;
        }
        let mut lines: Vec<_> = text.split_inclusive('\n').collect();
        lines.sort_unstable();
        lines.concat()
    }

    /// What is wrong with the two outcomes, if anything.
    fn judge(&self, real: &str, ours: &str) -> Option<String> {
        let call = self.typed();
        match &self.known {
            None if real == ours => None,
            None => Some(format!("{call}\n-- real Kafka\n{real}-- this broker\n{ours}")),
            Some(known) if known.real == real && known.ours == ours => None,
            Some(known) if real == ours => {
                Some(format!("{call}\n-- no longer differs ({}):\n{real}", known.reason))
            }
            Some(known) => Some(format!(
                "{call}\n-- differs otherwise than known ({})\n-- real Kafka\n{real}-- this broker\n{ours}",
                known.reason
            )),
        }
    }
}

/// Runs the script on both clusters and panics with every difference.
pub(crate) fn same(write: impl FnOnce(&mut Script)) {
    static ALONE: Mutex<()> = Mutex::new(());
    // A test that failed left both clusters empty all the same.
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let mut script = Script::default();
    write(&mut script);
    let Clusters { real, ours, runtime, .. } = clusters();
    let (real, ours) = runtime.block_on(async {
        let outcomes = tokio::join!(script.run(real), script.run(ours));
        empty(real).await;
        empty(ours).await;
        outcomes
    });
    let calls = script.steps.iter().filter_map(|step| match step {
        Step::Call(call) => Some(call),
        Step::Join { .. } | Step::Leave => None,
    });
    let wrong: Vec<_> = calls
        .zip(real.iter().zip(&ours))
        .filter_map(|(call, (real, ours))| {
            println!("$ {}\n{real}", call.typed());
            call.judge(real, ours)
        })
        .collect();
    assert!(wrong.is_empty(), "{} calls differ:\n\n{}", wrong.len(), wrong.join("\n"));
}

impl Script {
    async fn run(&self, bootstrap: &str) -> Vec<String> {
        let mut members = Vec::new();
        let mut outcomes = Vec::new();
        for step in &self.steps {
            match step {
                Step::Call(call) => outcomes.push(call.outcome(bootstrap).await),
                Step::Join { group, topic, records } => {
                    members.push(member(bootstrap, group, topic, *records).await);
                }
                Step::Leave => tokio::task::block_in_place(|| members.clear()),
            }
        }
        outcomes
    }
}

async fn member(bootstrap: &str, group: &str, topic: &str, records: usize) -> StreamConsumer {
    let mut config = client(bootstrap);
    config.set("group.id", group).set("client.id", "member").set("enable.auto.commit", "false");
    config.set("auto.offset.reset", "earliest");
    let consumer: StreamConsumer = config.create().expect("a consumer");
    consumer.subscribe(&[topic]).expect("a subscription");
    for _ in 0..records {
        let record = tokio::time::timeout(LIMIT, consumer.recv()).await;
        record.expect("a record in time").expect("a record");
    }
    let committed = || consumer.commit_consumer_state(CommitMode::Sync);
    tokio::task::block_in_place(committed).expect("a commit");
    consumer
}
