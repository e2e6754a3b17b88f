//! Publishes what the outbox holds, in order, and notes what is published. What is due and what counts as published
//! is decided in `orders`.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use event::{Coordinates, Envelope};
use futures_util::{StreamExt, stream};
use orders::{Entry, Head, OrderTable, Outcome, Publication, header};
use progress::{PartitionKey, store::StoreError};
use publish::{Header, Message, Publish, PublishError};
use tokio::time::Instant;

use crate::book::Added;

/// Outcomes on their way at a time: enough to fill a producer's batch.
const OUTCOMES_AT_ONCE: usize = 256;

/// CloudEvents' source of an outcome.
const SOURCE: &str = "/reserve_inventory";

/// The outboxes of all partitions, and the topic that they are published to.
pub(crate) struct Outbox<P> {
    table: OrderTable,
    publisher: P,
    topic: String,
    /// The sources of which this environment published everything last, each with the entry that is left: it is noted as
    /// published, and leaves with the next transaction. An invocation takes its source out, and puts it back if it ends well.
    emptied: Mutex<BTreeMap<PartitionKey, Option<u64>>>,
}

/// The outbox of a source that an invocation is about to add to.
pub(crate) struct Opened<'s> {
    pub(crate) source: &'s PartitionKey,
    /// The first number of an entry that may leave.
    pub(crate) leaving: Option<u64>,
}

/// An outbox that is not empty yet.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DrainError {
    #[error("failed to reach the outbox")]
    Store(#[from] StoreError),
    #[error("an outcome was not published")]
    Publish(#[source] PublishError),
    #[error("outcomes were published out of order")]
    Disorder,
    #[error("there is no time left to publish the rest of the outcomes")]
    OutOfTime,
}

impl<P: Publish> Outbox<P> {
    pub(crate) fn new(table: OrderTable, publisher: P, topic: String) -> Self {
        Self { table, publisher, topic, emptied: Mutex::default() }
    }

    /// Publishes what earlier invocations left of a source's outcomes, to the partition of its own number.
    ///
    /// What this environment has emptied itself it need not read again: if another one decided anything since, and did
    /// not publish it, the head tells.
    pub(crate) async fn open<'s>(
        &self,
        source: &'s PartitionKey,
        number: i32,
        deadline: Instant,
    ) -> Result<Opened<'s>, DrainError> {
        let emptied = self.emptied().remove(source);
        let leaving = match emptied {
            Some(leaving) => leaving,
            None => self.drain(source, number, None, deadline).await?,
        };
        Ok(Opened { source, leaving })
    }

    /// Publishes what an invocation has added, and everything else if there is more.
    pub(crate) async fn close(
        &self,
        source: &PartitionKey,
        number: i32,
        added: Added,
        deadline: Instant,
    ) -> Result<(), DrainError> {
        let leaving = match added {
            Added::Nothing(leaving) => leaving,
            Added::Entries(read, entries) => {
                let end = entries.last().map_or(read.next, Entry::end);
                let head = Head { next: end, ..read };
                self.drain(source, number, Some((head, entries)), deadline).await?
            }
            Added::Unknown => self.drain(source, number, None, deadline).await?,
        };
        self.emptied().insert(source.clone(), leaving);
        Ok(())
    }

    fn emptied(&self) -> MutexGuard<'_, BTreeMap<PartitionKey, Option<u64>>> {
        self.emptied.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Publishes all outcomes of a source; where what there is to publish is known, without reading it first. Returns the
    /// last entry's first number if that still is to leave.
    ///
    /// Another invocation may do the same at the same time: outcomes then are there twice, and counted once.
    async fn drain(
        &self,
        source: &PartitionKey,
        number: i32,
        known: Option<(Head, Vec<Entry>)>,
        deadline: Instant,
    ) -> Result<Option<u64>, DrainError> {
        let mut known = known;
        while Instant::now() < deadline {
            let (head, entries) = match known.take() {
                Some(known) => known,
                None => self.table.outbox(source).await?,
            };
            let publication = Publication::of(head, entries);
            let published = self.publish(source, number, &publication, deadline).await;
            for entry in &publication.done {
                self.table.forget(source, entry).await?;
            }
            published?;
            // What somebody else has decided meanwhile, that one publishes.
            let last = publication.due.last();
            if last.map_or(head.published, Entry::end) >= head.next {
                return Ok(last.map(Entry::first));
            }
        }
        Err(DrainError::OutOfTime)
    }

    /// Publishes what is due and removes it but for its last entry, which leaves with the next transaction.
    async fn publish(
        &self,
        source: &PartitionKey,
        number: i32,
        publication: &Publication,
        deadline: Instant,
    ) -> Result<(), DrainError> {
        let outcomes = publication.due.iter().flat_map(|entry| &entry.outcomes);
        let sending: Vec<_> =
            outcomes.map(|outcome| self.send(source, number, outcome, deadline)).collect();
        let acknowledged: Vec<Result<Coordinates, PublishError>> =
            stream::iter(sending).buffered(OUTCOMES_AT_ONCE).collect().await;
        let offsets: Vec<Option<i64>> = acknowledged
            .iter()
            .map(|place| place.as_ref().ok().map(|place| place.offset()))
            .collect();
        let published = publication.published(&offsets);
        if let Some((last, before)) = publication.due[..published].split_last() {
            self.table.note_published(source, last.end()).await?;
            for entry in before {
                self.table.forget(source, entry).await?;
            }
        }
        match acknowledged.into_iter().find_map(Result::err) {
            Some(error) => Err(DrainError::Publish(error)),
            None if published < publication.due.len() => Err(DrainError::Disorder),
            None => Ok(()),
        }
    }

    async fn send(
        &self,
        source: &PartitionKey,
        partition: i32,
        outcome: &Outcome,
        deadline: Instant,
    ) -> Result<Coordinates, PublishError> {
        let (number, offset) = (outcome.number.to_string(), outcome.offset.to_string());
        let (order_partition, value) = (partition.to_string(), outcome.value());
        let envelope = Envelope {
            id: &outcome.order_id,
            source: SOURCE,
            event_type: outcome.decision.event_type(),
            time: None,
            subject: None,
            receipt_key: None,
            content_type: Some("application/json"),
            traceparent: None,
        };
        let own = [
            (header::SOURCE, source.as_str()),
            (header::NUMBER, &number),
            (header::ORDER_PARTITION, &order_partition),
            (header::ORDER_OFFSET, &offset),
        ];
        let envelope = envelope.encode().expect("a receipt and our own words fit their headers");
        let headers = envelope.into_iter().chain(own);
        let headers = headers.map(|(name, value)| Header { name, value: Some(value.as_bytes()) });
        let message = Message {
            topic: &self.topic,
            partition: Some(partition),
            key: Some(outcome.item.as_bytes()),
            headers: headers.collect(),
            value: Some(&value),
        };
        self.publisher.publish(message, deadline).await
    }
}
