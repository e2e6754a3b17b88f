//! Reads Kafka on a thread of its own and feeds what it reads to the mapping's task.
//!
//! A thread, because librdkafka is polled with a blocking call and answers rebalances from within
//! it; it decides nothing but where a partition starts.

mod consumer;
mod gathering;
mod health;
mod start;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use filter::Filters;
use rdkafka::consumer::Consumer as _;
use rdkafka::error::KafkaResult;
use rdkafka::{Offset, TopicPartitionList};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

pub(crate) use self::consumer::{Client, Consumer, Rebalance, create};
use self::gathering::{Gathering, Polled};
use self::health::Health;
use crate::config::{StartingPosition, SystemLogLevel};
use crate::event::EventWriter;
use crate::mapping::{Run, Start};
use crate::questions::all_partitions;
use crate::system_log::{Assignment, PollerLog};
use crate::trouble::Trouble;

/// How long a poll waits for records: how late the thread notices that it should end.
const POLL_MAX: Duration = Duration::from_millis(200);

/// How long a rebalance waits until what is under way has ended and is committed. The client goes on beating
/// meanwhile; other members wait for it, and Kafka throws it out only after `max.poll.interval.ms`.
const RELEASE_MAX: Duration = Duration::from_secs(10);

/// What the thread tells the mapping's task, in order.
#[derive(Debug)]
pub(crate) enum Feed {
    /// The group gave us these partitions; records come from these offsets on.
    Assigned(Vec<Start>),
    /// The group takes these back; it waits for `released`, though not for ever.
    Revoked { partitions: Vec<i32>, released: SyncSender<()> },
    /// The group has these partitions back, released or not; or they begin anew.
    Lost(Vec<i32>),
    /// Kafka answered with so many errors in place of records.
    Failed(u64),
    /// Reading fails for this reason by now, or for none any more.
    Trouble(Option<Trouble>),
    /// What was read of one partition.
    Read { partition: i32, run: Run },
}

/// The reading thread's state.
pub(crate) struct Reader {
    pub(crate) consumer: Arc<Consumer>,
    pub(crate) rebalances: Receiver<Rebalance>,
    pub(crate) said: Receiver<String>,
    pub(crate) feed: mpsc::Sender<Feed>,
    pub(crate) writer: Arc<EventWriter>,
    pub(crate) filters: Filters,
    pub(crate) topic: String,
    pub(crate) starting_position: StartingPosition,
    pub(crate) log: PollerLog,
    pub(crate) stop: CancellationToken,
}

impl Reader {
    /// Reads until stopped, or until nobody listens; then gives up its share of the consumer,
    /// which closes with the last share and leaves the group.
    pub(crate) fn run(self) {
        let mut gathering = Gathering::default();
        let (mut health, mut told) = (Health::new(self.log.clone()), None);
        let mut generation = 0;
        let mut assigned = Vec::new();
        let mut assigning = None;
        while !self.stop.is_cancelled() {
            let Polled { errors, out_of_range } = gathering.poll(&self, &mut health);
            if errors > 0 && self.feed.blocking_send(Feed::Failed(errors)).is_err() {
                break;
            }
            for (partition, run) in gathering.take() {
                if self.feed.blocking_send(Feed::Read { partition, run }).is_err() {
                    break;
                }
            }
            while let Ok(rebalance) = self.rebalances.try_recv() {
                assigning = self.rebalance(rebalance);
                assigned = assigning.clone().unwrap_or_default();
            }
            if out_of_range && assigning.is_none() && !assigned.is_empty() {
                // Which partition it is the client does not say: all of them begin anew.
                if self.feed.blocking_send(Feed::Lost(assigned.clone())).is_err() {
                    break;
                }
                assigning = Some(assigned.clone());
            }
            if let Some(partitions) = assigning.take() {
                assigning = self.assign(partitions, &mut health);
                if assigning.is_none() {
                    generation += 1;
                    self.log_assignment(generation, &assigned);
                }
            }
            if assigning.is_none() {
                health.probe(&self.consumer, &self.topic);
            }
            if health.trouble() != told {
                told = health.trouble();
                if self.feed.blocking_send(Feed::Trouble(told)).is_err() {
                    break;
                }
            }
        }
        let Self { consumer, rebalances, .. } = self;
        // From here on rebalances are answered where they arrive.
        drop(rebalances);
        if let Err(error) = consumer.unassign() {
            tracing::debug!(%error, "Failed to give the partitions back");
        }
    }

    /// Takes in a rebalance; gives the partitions that are yet to be assigned.
    fn rebalance(&self, rebalance: Rebalance) -> Option<Vec<i32>> {
        match rebalance {
            Rebalance::Assign(partitions) => Some(partitions),
            Rebalance::Revoke(partitions) => {
                let (released, wait) = sync_channel(1);
                let revoked = Feed::Revoked { partitions: partitions.clone(), released };
                let told = self.feed.blocking_send(revoked);
                if told.is_ok() && wait.recv_timeout(RELEASE_MAX).is_err() {
                    tracing::warn!("Partitions are given back before what is under way has ended");
                    if self.feed.blocking_send(Feed::Lost(partitions)).is_err() {
                        tracing::debug!("The mapping has stopped while partitions were taken back");
                    }
                }
                if let Err(error) = self.consumer.unassign() {
                    tracing::warn!(%error, "Failed to give the partitions back");
                }
                None
            }
        }
    }

    /// Starts reading the partitions, or gives them back to be tried again while Kafka cannot say
    /// where they start.
    fn assign(&self, partitions: Vec<i32>, health: &mut Health) -> Option<Vec<i32>> {
        match self.start_at(&partitions) {
            Ok(starts) => {
                let offsets = starts.iter().map(|start| (start.partition, start.position.next));
                let offsets: BTreeMap<i32, i64> = offsets.collect();
                tracing::info!(?offsets, "Reading from these partitions and offsets");
                health.recovered();
                if self.feed.blocking_send(Feed::Assigned(starts)).is_err() {
                    tracing::debug!("The mapping has stopped while partitions were assigned");
                }
                None
            }
            Err(error) => {
                health.report(&error, "");
                Some(partitions)
            }
        }
    }

    fn log_assignment(&self, generation: u64, partitions: &[i32]) {
        if self.log.has(SystemLogLevel::Info)
            && let Ok(all) = all_partitions(&self.consumer, &self.topic)
        {
            self.log.assigned(&Assignment { generation, partitions, of: all.len() });
        }
    }

    fn start_at(&self, partitions: &[i32]) -> KafkaResult<Vec<Start>> {
        let starts =
            start::resolve(&self.consumer, &self.topic, partitions, self.starting_position)?;
        let mut list = TopicPartitionList::with_capacity(starts.len());
        for Start { partition, position } in &starts {
            list.add_partition_offset(&self.topic, *partition, Offset::Offset(position.next))?;
        }
        self.consumer.assign(&list)?;
        // A partition paused in an earlier assignment would stay paused.
        self.consumer.resume(&list)?;
        Ok(starts)
    }
}
