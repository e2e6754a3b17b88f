//! What a Fetch request asks for, how much of it is there, and the wait for more.
//!
//! A change of one log costs a look at that log, however many a request names.

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use kafka_protocol::error::ResponseError;
use kafka_protocol::messages::{FetchRequest, TopicName};
use tokio::sync::watch;
use uuid::Uuid;

use crate::log::{self, Ends, Found, LogView};
use crate::protocol::list_offsets::check_epoch;
use crate::topics::catalogue::Catalogue;

/// The first version that names topics by id (KIP-516).
const TOPIC_IDS_SINCE: i16 = 13;

/// Everything that one request asks for.
pub(super) struct Wish {
    pub(super) topics: Vec<WantedTopic>,
    ready: Ready,
}

/// A topic that a request asks for.
pub(super) struct WantedTopic {
    pub(super) name: TopicName,
    pub(super) id: Uuid,
    pub(super) partitions: Vec<Wanted>,
}

/// A partition that a request asks for, and what is there.
pub(super) struct Wanted {
    pub(super) index: i32,
    pub(super) limit_bytes: usize,
    pub(super) seen: Result<(Found, Ends), ResponseError>,
    offset: i64,
    log: Option<watch::Receiver<LogView>>,
}

/// How much there is to answer with.
#[derive(Clone, Copy, Default)]
struct Ready {
    bytes: u64,
    /// An error is told at once.
    must_answer: bool,
}

impl Wish {
    /// Takes a request apart; nothing is known until [`Self::look`].
    pub(super) fn new(catalogue: &Catalogue, version: i16, asked: &FetchRequest) -> Self {
        let topics = asked.topics.iter().map(|topic| {
            let known = if version >= TOPIC_IDS_SINCE {
                catalogue.topic_by_id(topic.topic_id)
            } else {
                catalogue.topic(&topic.topic)
            };
            let partitions = topic.partitions.iter().map(|partition| {
                let log = known.and_then(|topic| topic.partition(partition.partition));
                let log =
                    log.and_then(|log| check_epoch(partition.current_leader_epoch).map(|()| log));
                Wanted {
                    index: partition.partition,
                    limit_bytes: usize::try_from(partition.partition_max_bytes).unwrap_or(0),
                    seen: log.map(|log| (Found::AtEnd, log.view.borrow().ends())),
                    offset: partition.fetch_offset,
                    log: log.map(|log| log.view.clone()).ok(),
                }
            });
            let partitions = partitions.collect();
            WantedTopic { name: topic.topic.clone(), id: topic.topic_id, partitions }
        });
        Self { topics: topics.collect(), ready: Ready::default() }
    }

    /// Whether everything asked for was written a moment ago, so that looking waits for no disk.
    pub(super) fn is_recent(&self) -> bool {
        self.topics.iter().flat_map(|topic| &topic.partitions).all(Wanted::is_recent)
    }

    /// Looks once where each offset is.
    pub(super) fn look(&mut self) {
        for wanted in self.topics.iter_mut().flat_map(|topic| &mut topic.partitions) {
            self.ready.add(wanted.look());
        }
        // Nothing asked for is nothing to wait for.
        self.ready.must_answer |= self.topics.iter().all(|topic| topic.partitions.is_empty());
    }

    /// Whether there is enough, or something that must not wait.
    pub(super) fn is_fulfilled(&self, min_bytes: u64) -> bool {
        self.ready.must_answer || self.ready.bytes >= min_bytes
    }

    pub(super) fn ready_bytes(&self) -> u64 {
        self.ready.bytes
    }

    /// Waits until the logs have grown to that. May be dropped at any time.
    pub(super) async fn wait_for(&mut self, min_bytes: u64) {
        let mut waits = FuturesUnordered::new();
        for (at, topic) in self.topics.iter().enumerate() {
            for (partition, wanted) in topic.partitions.iter().enumerate() {
                waits.extend(wanted.log.clone().map(|log| changed((at, partition), log)));
            }
        }
        while let Some((place, is_gone)) = waits.next().await {
            let wanted = &mut self.topics[place.0].partitions[place.1];
            if is_gone {
                wanted.log = None;
                wanted.seen = Err(ResponseError::UnknownTopicOrPartition);
            }
            self.ready.bytes -= wanted.ready().bytes.min(self.ready.bytes);
            self.ready.add(wanted.look());
            if self.is_fulfilled(min_bytes) {
                return;
            }
            let wanted = &self.topics[place.0].partitions[place.1];
            waits.extend(wanted.log.clone().map(|log| changed(place, log)));
        }
    }
}

/// Waits for a log to change; whether it went away.
async fn changed(
    place: (usize, usize),
    mut log: watch::Receiver<LogView>,
) -> ((usize, usize), bool) {
    (place, log.changed().await.is_err())
}

impl Wanted {
    fn is_recent(&self) -> bool {
        self.log.as_ref().is_none_or(|log| log.borrow().is_recent(self.offset))
    }

    /// Looks where the offset is, and how much follows it.
    fn look(&mut self) -> Ready {
        if let Some(log) = &mut self.log {
            // Searching reads the file; the owner must not wait for that.
            let view = log.borrow_and_update().clone();
            let found = view.find(self.offset).map_err(|error| log::unreadable(&error));
            self.seen = found.map(|found| (found, view.ends()));
        }
        self.ready()
    }

    fn ready(&self) -> Ready {
        match &self.seen {
            Ok((Found::Batches(batches), _)) => {
                let limit = batches.first_batch_bytes.max(self.limit_bytes) as u64;
                Ready { bytes: batches.available_bytes.min(limit), must_answer: false }
            }
            Ok((Found::AtEnd, _)) => Ready::default(),
            Ok((Found::OutOfRange, _)) | Err(_) => Ready { bytes: 0, must_answer: true },
        }
    }
}

impl Ready {
    fn add(&mut self, other: Self) {
        self.bytes += other.bytes;
        self.must_answer |= other.must_answer;
    }
}
