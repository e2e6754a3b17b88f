//! One slice of orders: what an earlier invocation left unpublished first, then decide, then publish.

use std::time::Duration;

use consume::{Apply, SliceEnd, entries};
use event::{KeyRing, Stream};
use kafka_batch::Slice;
use orders::{Inventory, RESERVE};
use progress::{Consumer, Ledger, Limits, store::DynamoDb};
use publish::Publish;

use crate::{config::Pace, outbox::Outbox, work::Work};

/// Decides orders.
pub(crate) struct Handler<P> {
    ledger: Ledger<DynamoDb>,
    inventory: Inventory,
    outbox: Outbox<P>,
    ring: KeyRing,
    pace: Pace,
    consumer: Consumer,
}

impl<P: Publish> Handler<P> {
    pub(crate) fn new(
        ledger: Ledger<DynamoDb>,
        inventory: Inventory,
        outbox: Outbox<P>,
        ring: KeyRing,
        pace: Pace,
    ) -> Self {
        Self { ledger, inventory, outbox, ring, pace, consumer: Consumer::new(RESERVE) }
    }
}

impl<P: Publish + Send> Apply for Handler<P> {
    /// Outcomes that are not published leave the slice undone: it comes again, and with it the next attempt at them.
    async fn apply(&self, stream: Stream, slice: &Slice<'_>, limits: Limits) -> SliceEnd {
        let partition = self.consumer.partition(&stream, slice.partition);
        let (number, deadline) = (slice.partition, limits.last_wait);
        let opened = match self.outbox.open(&partition, number, deadline).await {
            Ok(opened) => opened,
            Err(error) => return SliceEnd::untouched(slice, &error),
        };
        let (keys, delay) = (self.ring.for_stream(&stream), self.pace.delay);
        let work = Work::new(slice, keys, &self.inventory, &opened, delay);
        let report = self.ledger.apply(&partition, &entries(slice), &work, limits).await;
        let end = SliceEnd::of(&report);
        match self.outbox.close(&partition, number, work.added(&report), deadline).await {
            Ok(()) => end,
            Err(error) => end.again(slice, &error),
        }
    }

    fn unit(&self) -> Duration {
        self.pace.unit
    }
}

#[cfg(test)]
mod tests;
