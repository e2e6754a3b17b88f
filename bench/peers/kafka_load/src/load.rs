//! What librdkafka does: produces and consumes with its own threads and settings.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::{ClientContext, DefaultClientContext};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Message};
use rdkafka::producer::{
    BaseProducer, BaseRecord, FutureProducer, FutureRecord, Producer, ProducerContext,
};
use rdkafka::{Offset, TopicPartitionList};
use serde_json::{Value, json};

use crate::{Failure, percentile};

/// Generous: reached only when something hangs.
const LIMIT: Duration = Duration::from_secs(120);

/// Between records that carry their time: what is measured is not a queue.
const BETWEEN_STAMPS: Duration = Duration::from_millis(3);

pub(crate) struct Produce {
    pub(crate) partitions: i32,
    pub(crate) size: usize,
    pub(crate) count: u64,
}

fn client(broker: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", broker).set("reconnect.backoff.ms", "5");
    config
}

fn producer(broker: &str, linger_ms: &str) -> ClientConfig {
    let mut config = client(broker);
    config
        .set("enable.idempotence", "true")
        .set("acks", "all")
        .set("linger.ms", linger_ms)
        .set("queue.buffering.max.messages", "500000")
        .set("queue.buffering.max.kbytes", "262144");
    config
}

/// Makes a topic whose records stay.
pub(crate) fn create(broker: &str, topic: &str, partitions: i32) -> Result<(), Failure> {
    let admin: AdminClient<DefaultClientContext> = client(broker).create()?;
    let new = NewTopic::new(topic, partitions, TopicReplication::Fixed(1));
    let options = AdminOptions::new();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let made = runtime.block_on(admin.create_topics([&new], &options))?;
    made.into_iter()
        .try_for_each(|one| one.map(drop).map_err(|(topic, error)| format!("{topic}: {error}")))?;
    Ok(())
}

/// Counts acknowledgements.
#[derive(Default)]
struct Counter {
    acknowledged: Arc<AtomicU64>,
}

impl ClientContext for Counter {}

impl ProducerContext for Counter {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        if result.is_ok() {
            self.acknowledged.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Sends as fast as it goes, and waits for every acknowledgement.
pub(crate) fn produce(broker: &str, topic: &str, wanted: &Produce) -> Result<Value, Failure> {
    let counter = Counter::default();
    let acknowledged = Arc::clone(&counter.acknowledged);
    let producer: BaseProducer<Counter> = producer(broker, "5").create_with_context(counter)?;
    // Connected, and with an id, before the clock runs.
    producer.client().fetch_metadata(Some(topic), LIMIT)?;
    let payload = vec![b'x'; wanted.size];
    for partition in 0..wanted.partitions {
        send(&producer, topic, partition, &payload)?;
    }
    producer.flush(LIMIT)?;
    let before = acknowledged.swap(0, Ordering::Relaxed);
    if before != u64::try_from(wanted.partitions)? {
        return Err(format!("{before} of the first {} records arrived", wanted.partitions).into());
    }
    let begun = Instant::now();
    for number in 0..wanted.count {
        let partition = i32::try_from(number % u64::try_from(wanted.partitions)?)?;
        send(&producer, topic, partition, &payload)?;
    }
    producer.flush(LIMIT)?;
    let seconds = begun.elapsed().as_secs_f64();
    let acknowledged = acknowledged.load(Ordering::Relaxed);
    if acknowledged != wanted.count {
        return Err(format!("{acknowledged} of {} records arrived", wanted.count).into());
    }
    Ok(json!({ "seconds": seconds, "records": wanted.count }))
}

fn send(
    producer: &BaseProducer<Counter>,
    topic: &str,
    partition: i32,
    payload: &[u8],
) -> Result<(), Failure> {
    let mut record = BaseRecord::<'_, [u8], [u8]>::to(topic).partition(partition).payload(payload);
    loop {
        match producer.send(record) {
            Ok(()) => {
                producer.poll(Duration::ZERO);
                return Ok(());
            }
            Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back)) => {
                record = back;
                producer.poll(Duration::from_millis(1));
            }
            Err((error, _)) => return Err(error.into()),
        }
    }
}

/// Sends records whose value is the time, nanoseconds since 1970, one after the other.
pub(crate) fn stamp(
    broker: &str,
    topic: &str,
    partitions: i32,
    count: i32,
) -> Result<Value, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let producer: FutureProducer = producer(broker, "0").create()?;
    runtime.block_on(async {
        for number in 0..count {
            let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_nanos().to_string();
            let record = FutureRecord::<[u8], str>::to(topic);
            let record = record.partition(number % partitions).payload(&now);
            producer.send(record, LIMIT).await.map_err(|(error, _)| error)?;
            tokio::time::sleep(BETWEEN_STAMPS).await;
        }
        Ok::<_, Failure>(())
    })?;
    Ok(json!({ "records": count }))
}

/// Sends one record at a time and waits for its acknowledgement.
pub(crate) fn acknowledge(
    broker: &str,
    topic: &str,
    size: usize,
    lasting: Duration,
) -> Result<Value, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let producer: FutureProducer = producer(broker, "0").create()?;
    let payload = vec![b'x'; size];
    let one = || {
        let record = FutureRecord::<[u8], [u8]>::to(topic).partition(0).payload(&payload);
        producer.send(record, LIMIT)
    };
    let mut waits = Vec::new();
    runtime.block_on(async {
        for _ in 0..100 {
            one().await.map_err(|(error, _)| error)?;
        }
        let begun = Instant::now();
        while begun.elapsed() < lasting {
            let sent = Instant::now();
            one().await.map_err(|(error, _)| error)?;
            waits.push(sent.elapsed().as_secs_f64() * 1e3);
        }
        Ok::<_, KafkaError>(())
    })?;
    waits.sort_by(f64::total_cmp);
    let (p50, p99) = (percentile(&waits, 0.5), percentile(&waits, 0.99));
    Ok(json!({ "records": waits.len(), "p50_ms": p50, "p99_ms": p99 }))
}

fn reader(
    broker: &str,
    topic: &str,
    partitions: i32,
    from: Offset,
) -> Result<BaseConsumer, Failure> {
    let mut config = client(broker);
    // The settings with which librdkafka reads fastest: small queues, filled again at once.
    config
        .set("group.id", "kafka_load")
        .set("enable.auto.commit", "false")
        .set("check.crcs", "false")
        .set("queued.min.messages", "1000000")
        .set("fetch.queue.backoff.ms", "1");
    let consumer: BaseConsumer = config.create()?;
    let mut places = TopicPartitionList::new();
    for partition in 0..partitions {
        places.add_partition_offset(topic, partition, from)?;
    }
    consumer.assign(&places)?;
    Ok(consumer)
}

/// Reads from the beginning; the clock runs from the first record on.
pub(crate) fn consume(
    broker: &str,
    topic: &str,
    partitions: i32,
    count: u64,
) -> Result<Value, Failure> {
    let consumer = reader(broker, topic, partitions, Offset::Beginning)?;
    let (mut seen, mut bytes, mut begun) = (0_u64, 0_u64, None);
    while seen < count {
        let message = consumer.poll(LIMIT).ok_or("no record in time")??;
        begun.get_or_insert_with(Instant::now);
        seen += 1;
        bytes += u64::try_from(message.payload_len())?;
    }
    let seconds = begun.map_or(0.0, |begun| begun.elapsed().as_secs_f64());
    Ok(json!({ "seconds": seconds, "records": seen, "bytes": bytes }))
}

/// How long a consumer that is connected waits for its first record from an offset.
pub(crate) fn middle(broker: &str, topic: &str, offset: i64, times: i64) -> Result<Value, Failure> {
    let consumer = reader(broker, topic, 1, Offset::Offset(offset))?;
    consumer.poll(LIMIT).ok_or("no record in time")??;
    let mut waits = Vec::new();
    for number in 0..times {
        // Elsewhere each time, so that nothing that was fetched before is the answer.
        let wanted = offset + number * 997;
        let begun = Instant::now();
        let mut place = TopicPartitionList::new();
        place.add_partition_offset(topic, 0, Offset::Offset(wanted))?;
        consumer.assign(&place)?;
        let message = consumer.poll(LIMIT).ok_or("no record in time")??;
        if message.offset() != wanted {
            return Err(format!("offset {} in place of {wanted}", message.offset()).into());
        }
        waits.push(begun.elapsed().as_secs_f64() * 1e3);
    }
    waits.sort_by(f64::total_cmp);
    Ok(json!({ "p50_ms": percentile(&waits, 0.5), "p99_ms": percentile(&waits, 0.99) }))
}
