//! Applies slices of the topic. What becomes of a record is `verdict`'s business, that it happens once is the
//! ledger's.

use consume::{Apply, SliceEnd, entries};
use event::{KeyRing, Stream};
use kafka_batch::Slice;
use progress::{Consumer, Ledger, Limits, store::Store};
use publish::Publish;

use crate::{dead_letter::DeadLetters, work::Work};

/// The name under which the table keeps this function's progress.
const CONSUMER: &str = "process_events";

/// Applies slices.
pub(crate) struct Handler<S, P> {
    ledger: Ledger<S>,
    letters: DeadLetters<P>,
    consumer: Consumer,
    ring: KeyRing,
}

impl<S: Store, P: Publish> Handler<S, P> {
    pub(crate) fn new(ledger: Ledger<S>, letters: DeadLetters<P>, ring: KeyRing) -> Self {
        Self { ledger, letters, consumer: Consumer::new(CONSUMER), ring }
    }
}

impl<S: Store, P: Publish + Send> Apply for Handler<S, P> {
    async fn apply(&self, stream: Stream, slice: &Slice<'_>, limits: Limits) -> SliceEnd {
        let partition = self.consumer.partition(&stream, slice.partition);
        let keys = self.ring.for_stream(&stream);
        let work = Work { slice, keys, letters: &self.letters, deadline: limits.last_start };
        let report = self.ledger.apply(&partition, &entries(slice), &work, limits).await;
        SliceEnd::of(&report)
    }
}

#[cfg(test)]
mod tests;
