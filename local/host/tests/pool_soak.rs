//! Many callers over HTTP while environments are killed: each is answered, once, by its own
//! invocation; nothing runs twice; nothing wedges.
//!
//! `cargo test --release --test pool_soak -- 60 2000 7`: for so many seconds, with so many callers,
//! each on a connection of its own, killing by this seed; without numbers 5, 500 and 1. Once with one
//! invocation in an environment at a time, once with eight.
//! Not part of `cargo test`: it takes its time.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use bytes::Bytes;
use host::{EventConfig, FunctionConfig, Host, HostConfig, LogLine, Logging};
use invoke::{Client, Invoke as _, InvokeError, Outcome};
use lambda_runtime::{LambdaEvent, service_fn};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

const NAME: &str = "soaked";

/// What the first argument is in the processes that are the function.
const SERVE: &str = "serve";

/// Lines that are not read yet; the function's own are needed, so there is room for all that can come.
const LINES_MAX: usize = 1_000_000;

/// Two descriptors for each of the callers, and the rest.
const FILES: u64 = 20_000;

/// Generous: reached only when something hangs.
const LIMIT: Duration = Duration::from_mins(1);

type Failure = Box<dyn std::error::Error + Send + Sync>;

#[derive(Clone, Copy)]
struct Plan {
    length: Duration,
    callers: u64,
    seed: u64,
    environment_concurrency: u32,
}

/// What became of some callers' invocations.
#[derive(Default)]
struct Tally {
    succeeded: Vec<u64>,
    latencies: Vec<Duration>,
    crashed: u64,
    throttled: u64,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.first().is_some_and(|argument| argument == SERVE) {
        return match lambda_runtime::run_concurrent(service_fn(serve)).await {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::FAILURE,
        };
    }
    let mut numbers = arguments.iter().filter_map(|argument| argument.parse::<u64>().ok());
    let length = Duration::from_secs(numbers.next().unwrap_or(5));
    let (callers, seed) = (numbers.next().unwrap_or(500), numbers.next().unwrap_or(1));
    for environment_concurrency in [1, 8] {
        let plan = Plan { length, callers, seed, environment_concurrency };
        if let Err(failure) = soak(plan).await {
            say(&format!("failed: {failure}"));
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

/// The function: says that it ran, works for a moment, and returns what it got.
async fn serve(event: LambdaEvent<Value>) -> Result<Value, lambda_runtime::Error> {
    say(&format!("ran {}", event.payload["id"]));
    sleep(Duration::from_micros(fastrand::u64(..5_000))).await;
    Ok(event.payload)
}

async fn soak(plan: Plan) -> Result<(), Failure> {
    let limit = getrlimit(Resource::Nofile);
    let files = limit.maximum.map_or(FILES, |maximum| maximum.min(FILES));
    setrlimit(Resource::Nofile, Rlimit { current: Some(files), ..limit })?;

    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let endpoint = format!("http://{}", listener.local_addr()?);
    let (lines, logs) = mpsc::channel(LINES_MAX);
    let host = Host::start(listener, config(plan, lines)?);
    let mut reader = JoinSet::new();
    reader.spawn(read(logs));

    let end = Instant::now() + plan.length;
    let client = Client::new(endpoint.parse()?);
    let mut callers = JoinSet::new();
    for caller in 0..plan.callers {
        callers.spawn(call(client.clone(), caller, end));
    }
    let kills = kill(&host, plan.seed, end).await;
    let mut all = Tally::default();
    while let Some(tally) = timeout(LIMIT, callers.join_next()).await? {
        all.add(tally??);
    }
    let left: u32 = host.status().await.iter().map(|function| function.in_flight).sum();
    if left > 0 {
        return Err(format!("{left} invocations are still under way").into());
    }
    timeout(LIMIT, host.shutdown()).await?;
    drop(host);
    let ran = timeout(LIMIT, reader.join_next()).await?.ok_or("the reader is gone")??;
    all.check(&ran?)?;
    all.tell(plan, kills);
    Ok(())
}

fn config(plan: Plan, logs: mpsc::Sender<LogLine>) -> Result<HostConfig, Failure> {
    let function = FunctionConfig {
        name: NAME.to_owned(),
        executable: std::env::current_exe()?,
        arguments: vec![SERVE.to_owned()],
        directory: std::env::current_dir()?,
        handler: "bootstrap".to_owned(),
        timeout: LIMIT,
        memory_mb: 128,
        environment: BTreeMap::new(),
        environments_max: 8,
        environment_concurrency: plan.environment_concurrency,
        reserved_concurrency: None,
        logging: Logging::default(),
        events: EventConfig::default(),
        aliases: Vec::new(),
    };
    Ok(HostConfig {
        region: "us-east-1".to_owned(),
        account_id: "000000000000".to_owned(),
        functions: vec![function],
        shared_environment: BTreeMap::new(),
        account_concurrency: None,
        logs,
    })
}

/// One caller: the next invocation when the last was answered.
async fn call(client: Client, caller: u64, end: Instant) -> Result<Tally, Failure> {
    let mut tally = Tally::default();
    for number in 0_u64.. {
        let begun = Instant::now();
        if begun >= end {
            break;
        }
        let id = (caller << 32) + number;
        let payload = json!({ "id": id }).to_string();
        let outcome = timeout(LIMIT, client.invoke(NAME, payload.clone().into(), None)).await;
        match outcome.map_err(|_| format!("{id} was never answered"))? {
            Ok(Outcome::Succeeded(response)) if response == payload => {
                tally.succeeded.push(id);
                tally.latencies.push(begun.elapsed());
            }
            Ok(Outcome::FunctionError(document)) if is_crash(&document) => tally.crashed += 1,
            Err(InvokeError::Throttled { .. }) => tally.throttled += 1,
            other => return Err(format!("{id} was answered with {other:?}").into()),
        }
    }
    Ok(tally)
}

fn is_crash(document: &Bytes) -> bool {
    let document: Value = serde_json::from_slice(document).unwrap_or_default();
    document["errorType"] == "Runtime.ExitError"
}

/// Kills environments until the end; returns how many.
async fn kill(host: &Host, seed: u64, end: Instant) -> u32 {
    let mut chance = fastrand::Rng::with_seed(seed);
    let mut kills = 0;
    while Instant::now() < end {
        sleep(Duration::from_millis(chance.u64(10..200))).await;
        kills += u32::from(host.kill_environment(NAME).await.is_some());
    }
    kills
}

/// The ids of all invocations that ran; none may run twice.
async fn read(mut logs: mpsc::Receiver<LogLine>) -> Result<BTreeSet<u64>, Failure> {
    let mut ran = BTreeSet::new();
    while let Some(LogLine { text, .. }) = logs.recv().await {
        if text.contains("log lines were dropped") {
            return Err(text.into());
        }
        let id = text.strip_prefix("ran ").and_then(|id| id.parse().ok());
        if let Some(twice) = id.filter(|id| !ran.insert(*id)) {
            return Err(format!("{twice} ran twice").into());
        }
    }
    Ok(ran)
}

impl Tally {
    fn add(&mut self, other: Self) {
        self.succeeded.extend(other.succeeded);
        self.latencies.extend(other.latencies);
        self.crashed += other.crashed;
        self.throttled += other.throttled;
    }

    fn check(&self, ran: &BTreeSet<u64>) -> Result<(), Failure> {
        if self.succeeded.is_empty() {
            return Err("nothing succeeded".into());
        }
        match self.succeeded.iter().find(|id| !ran.contains(id)) {
            Some(id) => Err(format!("{id} was answered and never ran").into()),
            None => Ok(()),
        }
    }

    fn tell(mut self, plan: Plan, kills: u32) {
        self.latencies.sort_unstable();
        let at = |percent: usize| {
            let place = (self.latencies.len() * percent / 100).min(self.latencies.len() - 1);
            format!("{:.1}", self.latencies[place].as_secs_f64() * 1e3)
        };
        let Plan { length, callers, seed, environment_concurrency } = plan;
        say(&format!(
            "{} s, {callers} callers, seed {seed}, {environment_concurrency} at a time in 8 environments, {kills} \
             killed: {} succeeded, {} were cut off by a kill, {} throttled; none unanswered, wrong or run \
             twice; p50 {} ms, p99 {} ms, longest {} ms",
            length.as_secs(),
            self.succeeded.len(),
            self.crashed,
            self.throttled,
            at(50),
            at(99),
            at(100),
        ));
    }
}

fn say(text: &str) {
    // Whoever read may be gone.
    writeln!(std::io::stdout(), "{text}").unwrap_or_default();
}
