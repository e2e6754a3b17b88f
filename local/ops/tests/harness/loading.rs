//! A load that goes on beside a test, which waits until it is far enough and then breaks something; and
//! the judgement of its ledger.

use std::collections::BTreeSet;
use std::num::NonZeroU32;

use jiff::Timestamp;
use load::{Amount, LoadConfig, Outcome, OutcomeFile, Pace, Report, Scenario, Snapshot};
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaError;
use rdkafka::message::Message as _;
use rdkafka::metadata::MetadataTopic;
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use serde_json::Value;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::DropGuard;
use tokio_util::task::TaskTracker;

use crate::cloud::{Cloud, PATIENCE};

/// Connections of a load: more than a function has environments.
pub(crate) const CONNECTIONS: u32 = 16;

/// A load under way; it ends with the test.
#[derive(Debug)]
pub(crate) struct Loading {
    seen: watch::Receiver<Option<Snapshot>>,
    cancel: DropGuard,
    report: JoinHandle<Report>,
}

impl Loading {
    /// Posts events to the cloud's gateway until it is stopped.
    pub(crate) fn endless(cloud: &Cloud) -> Self {
        Self::endless_of("events", cloud)
    }

    /// Sends what a scenario says.
    pub(crate) fn endless_of(scenario: &str, cloud: &Cloud) -> Self {
        let url = cloud.address("gateway").parse().expect("an address");
        let scenario = Scenario::built_in(scenario).expect("it is built in");
        let connections = NonZeroU32::new(CONNECTIONS).expect("it is not 0");
        let config = LoadConfig {
            amount: Amount::Requests(u64::MAX),
            pace: Pace::Closed { connections },
            started_ms: Timestamp::now().as_millisecond(),
            ..LoadConfig::new(url, scenario, cloud.data().join("load"))
        };
        let cancel = config.cancel.clone().drop_guard();
        let (tell, seen) = watch::channel(None);
        let report = TaskTracker::new().spawn(async move {
            let watch = |snapshot: &Snapshot| {
                tell.send_replace(Some(*snapshot));
            };
            load::run(config, watch).await.expect("the load runs, whatever it meets")
        });
        Self { seen, cancel, report }
    }

    /// Waits until this many events more were accepted than now.
    pub(crate) async fn accepted(&mut self, more: u64) {
        let accepted = |seen: &Option<Snapshot>| seen.map_or(0, |seen| seen.accepted);
        let mut so_far = accepted(&self.seen.borrow());
        let wanted = so_far + more;
        while so_far < wanted {
            let another = self.seen.wait_for(|seen| accepted(seen) > so_far);
            let Ok(waited) = timeout(PATIENCE, another).await else {
                panic!("none of {} was accepted for {PATIENCE:?}", wanted - so_far);
            };
            so_far = accepted(&waited.expect("the load goes on until it is stopped"));
        }
    }

    /// Ends it.
    pub(crate) async fn stop(self) -> Report {
        let Self { cancel, report, .. } = self;
        drop(cancel);
        let report = timeout(PATIENCE, report).await.expect("the load ends in time");
        report.expect("the load does not panic")
    }
}

/// Every id that was answered with 202 is processed once, nothing at all is applied twice, and what was
/// refused was not written.
pub(crate) fn assert_nothing_is_lost_or_twice(cloud: &Cloud, report: &Report) -> Value {
    let ledger = cloud.ledger();
    let count = |name: &str| ledger[name].as_u64().expect("a count");
    for name in ["lost", "twice", "pending", "failed", "dead"] {
        assert_eq!(count(name), 0, "{name}: {ledger} {report:?}");
    }
    assert_eq!(count("accepted"), report.accepted, "{ledger} {report:?}");
    let outcomes = OutcomeFile::latest(&cloud.data().join("load")).expect("readable").expect("one");
    let outcomes = OutcomeFile::open(&outcomes).expect("the outcomes are readable");
    let written = sequences_written(cloud, &outcomes.header().run.to_string());
    for sequence in &written {
        let told = outcomes.outcome(*sequence);
        let may_be_there = matches!(told, Outcome::Accepted | Outcome::Ambiguous);
        assert!(may_be_there, "request {sequence} was written, and its sender was told {told:?}");
    }
    assert_eq!(
        count("processed"),
        u64::try_from(written.len()).expect("64 bits"),
        "{ledger} {report:?}"
    );
    ledger
}

/// The requests of a run whose events lie in the topic.
fn sequences_written(cloud: &Cloud, run: &str) -> BTreeSet<u64> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", cloud.address("kafka"))
        .set("group.id", "tests")
        .set("enable.partition.eof", "true")
        .create()
        .expect("a consumer");
    let topic = consumer.fetch_metadata(Some(cloud.topic()), PATIENCE).expect("Kafka answers");
    let mut partitions = TopicPartitionList::new();
    for partition in topic.topics().iter().flat_map(MetadataTopic::partitions) {
        let added =
            partitions.add_partition_offset(cloud.topic(), partition.id(), Offset::Beginning);
        added.expect("an offset of Kafka's");
    }
    consumer.assign(&partitions).expect("partitions of the topic");
    let (mut written, mut unread) = (BTreeSet::new(), partitions.count());
    while unread > 0 {
        match consumer.poll(PATIENCE).expect("records, or the end of them") {
            Ok(record) => written.extend(sequence(record.payload().unwrap_or_default(), run)),
            Err(KafkaError::PartitionEOF(_)) => unread -= 1,
            Err(error) => panic!("{error}"),
        }
    }
    written
}

/// The request that an event of the run comes from.
fn sequence(body: &[u8], run: &str) -> Option<u64> {
    let body: Value = serde_json::from_slice(body).ok()?;
    body["load_id"].as_str()?.strip_prefix(run)?.strip_prefix('-')?.parse().ok()
}
