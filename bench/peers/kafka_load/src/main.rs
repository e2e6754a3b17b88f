//! The client with which brokers are measured. Each call does one thing and prints one JSON object.
//!
//! ```text
//! kafka_load ready   BROKER SECONDS                      seconds until it answers Metadata
//! kafka_load create  BROKER TOPIC PARTITIONS
//! kafka_load produce BROKER TOPIC PARTITIONS SIZE COUNT  as fast as it goes, all acknowledged
//! kafka_load ack     BROKER TOPIC SIZE SECONDS           one record at a time
//! kafka_load stamp   BROKER TOPIC PARTITIONS COUNT       one at a time, the time as its value
//! kafka_load consume BROKER TOPIC PARTITIONS COUNT       from the beginning
//! kafka_load middle  BROKER TOPIC OFFSET TIMES           a new consumer's first record from there
//! kafka_load idle    BROKER TOPIC CONSUMERS SECONDS      long polls of a topic without records
//! ```

mod idle;
mod load;

use std::time::{Duration, Instant};

use serde_json::{Value, json};

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let said = match arguments[..] {
        ["ready", broker, seconds] => ready(broker, seconds.parse()?)?,
        ["create", broker, topic, partitions] => {
            load::create(broker, topic, partitions.parse()?)?;
            json!({})
        }
        ["produce", broker, topic, partitions, size, count] => {
            let produce = load::Produce {
                partitions: partitions.parse()?,
                size: size.parse()?,
                count: count.parse()?,
            };
            load::produce(broker, topic, &produce)?
        }
        ["ack", broker, topic, size, seconds] => {
            let lasting = Duration::from_secs_f64(seconds.parse()?);
            load::acknowledge(broker, topic, size.parse()?, lasting)?
        }
        ["stamp", broker, topic, partitions, count] => {
            load::stamp(broker, topic, partitions.parse()?, count.parse()?)?
        }
        ["consume", broker, topic, partitions, count] => {
            load::consume(broker, topic, partitions.parse()?, count.parse()?)?
        }
        ["middle", broker, topic, offset, times] => {
            load::middle(broker, topic, offset.parse()?, times.parse()?)?
        }
        ["idle", broker, topic, consumers, seconds] => {
            let lasting = Duration::from_secs_f64(seconds.parse()?);
            idle::run(broker, topic, consumers.parse()?, lasting)?
        }
        _ => return Err("there is no such call; the source says which there are".into()),
    };
    println!("{said}");
    Ok(())
}

/// Asks again and again until somebody answers, from the moment of the call.
fn ready(broker: &str, seconds: f64) -> Result<Value, Failure> {
    let (begun, limit) = (Instant::now(), Duration::from_secs_f64(seconds));
    while !idle::answers(broker) {
        if begun.elapsed() > limit {
            return Err("nobody answered in time".into());
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    Ok(json!({ "seconds": begun.elapsed().as_secs_f64() }))
}

/// The figure below which this share of all lies.
fn percentile(sorted: &[f64], share: f64) -> f64 {
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a place in a list"
    )]
    let at = (sorted.len() as f64 * share) as usize;
    sorted.get(at.min(sorted.len().saturating_sub(1))).copied().unwrap_or(f64::NAN)
}
