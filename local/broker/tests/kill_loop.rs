//! A broker killed in the middle of producing, again and again: what it acknowledged is there
//! afterwards, by content, where it said; nothing is there twice; nothing was invented.
//!
//! `cargo test --test kill_loop -- 100` kills it a hundred times, without a number five.
//! Not part of `cargo test`: it takes a second or more for each.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::Duration;

use broker::{Broker, BrokerConfig, TopicConfig};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::Message;
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::{Offset, TopicPartitionList};
use tokio::net::TcpListener;
use tokio::time::Instant;

const TOPIC: &str = "killed";
const PARTITIONS: i32 = 3;

/// Sends under way while the broker is killed.
const IN_FLIGHT: usize = 200;

/// Generous: reached only when something hangs.
const LIMIT: Duration = Duration::from_mins(1);

/// One step of waiting for a record.
const STEP: Duration = Duration::from_millis(100);

/// What the first argument is in the process that is the broker.
const SERVE: &str = "serve";

type Failure = Box<dyn std::error::Error>;

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match &arguments[..] {
        [serve, directory] if serve == SERVE => self::serve(Path::new(directory)).await,
        arguments => {
            let count = arguments.iter().find_map(|argument| argument.parse().ok());
            kill(count.unwrap_or(5)).await
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("failed: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// The process that is killed. It says where it listens.
async fn serve(directory: &Path) -> Result<(), Failure> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    // Small segments, so that it is also killed while it makes new ones.
    let configs = BTreeMap::from([("segment.bytes".to_owned(), "100000".to_owned())]);
    let topic = TopicConfig { name: TOPIC.to_owned(), partitions: PARTITIONS, configs };
    let config = BrokerConfig { topics: vec![topic], ..BrokerConfig::new(directory) };
    let broker = Broker::start(listener, config).await?;
    say(&broker.address().to_string());
    std::future::pending().await
}

async fn kill(count: u64) -> Result<(), Failure> {
    let directory = tempfile::tempdir()?;
    let mut sent = BTreeSet::new();
    let mut acknowledged = BTreeMap::new();
    for round in 0..count {
        let (mut child, address) = start(directory.path())?;
        produce(round, &mut child, &address, &mut sent, &mut acknowledged).await?;
        child.wait()?;
        let (mut child, address) = start(directory.path())?;
        let checked = check(&address, &sent, &acknowledged);
        child.kill()?;
        child.wait()?;
        let found = checked.map_err(|problem| format!("round {round}: {problem}"))?;
        let acknowledged = acknowledged.len();
        say(&format!("round {round}: {acknowledged} acknowledged, all there, {found} in the log"));
    }
    let (acknowledged, sent) = (acknowledged.len(), sent.len());
    say(&format!(
        "killed {} times: {sent} sent, {acknowledged} acknowledged, none lost, none invented",
        2 * count
    ));
    Ok(())
}

fn start(directory: &Path) -> Result<(Child, String), Failure> {
    let mut command = Command::new(std::env::current_exe()?);
    let mut child = command.arg(SERVE).arg(directory).stdout(Stdio::piped()).spawn()?;
    let stdout = child.stdout.take().ok_or("the broker has no output")?;
    let mut address = String::new();
    BufReader::new(stdout).read_line(&mut address)?;
    Ok((child, address.trim().to_owned()))
}

/// Sends until so many were acknowledged, then kills the broker while others are under way.
async fn produce(
    round: u64,
    child: &mut Child,
    address: &str,
    sent: &mut BTreeSet<String>,
    acknowledged: &mut BTreeMap<(i32, i64), String>,
) -> Result<(), Failure> {
    let producer: FutureProducer = ClientConfig::new()
        .set("bootstrap.servers", address)
        .set("enable.idempotence", "true")
        .set("linger.ms", "0")
        // Short, so that what was under way at the end is given up soon.
        .set("message.timeout.ms", "3000")
        .create()?;
    let mut random = fastrand::Rng::with_seed(round);
    let kill_after = random.usize(1..3_000);
    let mut under_way = FuturesUnordered::new();
    let (mut number, mut answered, mut is_dead) = (0_u64, 0, false);
    loop {
        while !is_dead && under_way.len() < IN_FLIGHT {
            let value = format!("{round}-{number}-{}", "x".repeat(random.usize(..500)));
            let partition = i32::try_from(number % 3)?;
            number += 1;
            sent.insert(value.clone());
            let producer = producer.clone();
            under_way.push(async move {
                let record = FutureRecord::<(), _>::to(TOPIC).payload(&value).partition(partition);
                let delivery = producer.send(record, LIMIT).await;
                delivery.map(|at| ((at.partition, at.offset), value))
            });
        }
        let Some(delivery) = under_way.next().await else { return Ok(()) };
        if let Ok((place, value)) = delivery {
            answered += 1;
            if let Some(before) = acknowledged.insert(place, value) {
                return Err(format!("{place:?} was given to two records, one is {before}").into());
            }
        }
        if answered >= kill_after && !is_dead {
            child.kill()?;
            is_dead = true;
        }
    }
}

/// Reads everything and compares; answers how many records there are.
fn check(
    address: &str,
    sent: &BTreeSet<String>,
    acknowledged: &BTreeMap<(i32, i64), String>,
) -> Result<usize, Failure> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", address)
        .set("group.id", "check")
        .set("check.crcs", "true")
        .set("auto.offset.reset", "error")
        .create()?;
    let mut found = BTreeMap::new();
    for partition in 0..PARTITIONS {
        let (first, end) = consumer.fetch_watermarks(TOPIC, partition, LIMIT)?;
        let mut assignment = TopicPartitionList::new();
        assignment.add_partition_offset(TOPIC, partition, Offset::Offset(first))?;
        consumer.assign(&assignment)?;
        for expected in first..end {
            let deadline = Instant::now() + LIMIT;
            let message = loop {
                // A poll also ends, without a record, when the client has handled an event.
                match consumer.poll(STEP) {
                    Some(message) => break message?,
                    None if Instant::now() >= deadline => {
                        let missing = format!("{expected} of {partition} (to {end}) did not come");
                        return Err(missing.into());
                    }
                    None => {}
                }
            };
            if message.offset() != expected {
                return Err(format!("{expected} of {partition} is missing").into());
            }
            let value = String::from_utf8_lossy(message.payload().unwrap_or_default()).into_owned();
            found.insert((partition, expected), value);
        }
    }
    for (place, value) in acknowledged {
        if found.get(place) != Some(value) {
            return Err(format!("{value} was acknowledged at {place:?} and is lost").into());
        }
    }
    let distinct: BTreeSet<&String> = found.values().collect();
    if distinct.len() < found.len() {
        return Err("a record is there twice".into());
    }
    match found.values().find(|value| !sent.contains(*value)) {
        Some(value) => Err(format!("{value} was never sent").into()),
        None => Ok(found.len()),
    }
}

fn say(text: &str) {
    // Whoever read may be gone, as the broker's reader is when the loop ends.
    writeln!(std::io::stdout(), "{text}").unwrap_or_default();
}
