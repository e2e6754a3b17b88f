//! Judging the records of one slice for the ledger: verdicts, ids, dead letters.

use std::{borrow::Cow, time::Duration};

use consume::envelope;
use event::{Receipt, StreamKeys};
use futures_util::{StreamExt, TryStreamExt, stream};
use kafka_batch::{Record, Slice};
use progress::{Judged, Kept, Process};
use publish::{Publish, PublishError};
use tokio::time::Instant;

use crate::{
    dead_letter::{DeadLetters, Letter},
    verdict::{self, Verdict},
};

/// Dead letters of one slice on their way at a time: enough to fill a producer's batch.
const LETTERS_AT_ONCE: usize = 64;

/// How long one dead letter is waited for. While Kafka is away the batch comes again and again, and
/// shall not hold an environment until its timeout each time.
const LETTER_WAIT: Duration = Duration::from_secs(10);

/// One slice and what is needed to judge its records.
pub(crate) struct Work<'w, P> {
    pub(crate) slice: &'w Slice<'w>,
    pub(crate) keys: StreamKeys,
    pub(crate) letters: &'w DeadLetters<P>,
    /// Until when a dead letter is waited for.
    pub(crate) deadline: Instant,
}

impl<P: Publish> Work<'_, P> {
    fn record(&self, index: usize) -> &Record<'_> {
        &self.slice.records[index]
    }

    fn verdict(&self, index: usize) -> progress::Verdict<'_> {
        let record = self.record(index);
        match verdict::judge(record.value.as_deref()) {
            Verdict::Apply(body) => {
                let (id, timestamp_ms) = (self.id(record), record.timestamp_ms);
                progress::Verdict::Applied(Some(Kept { id, timestamp_ms, body }))
            }
            Verdict::Skip => progress::Verdict::Skipped,
            Verdict::Fail(reason) => progress::Verdict::Failed(Cow::Owned(reason)),
        }
    }

    async fn send(&self, record: &Record<'_>, reason: &str) -> Result<(), PublishError> {
        let letter = Letter { slice: self.slice, record, reason, receipt: self.receipt(record) };
        self.letters.send(&letter, self.deadline.min(Instant::now() + LETTER_WAIT)).await
    }

    /// The event's own id; for a record that is not one of ours its receipt.
    fn id<'r>(&self, record: &'r Record<'_>) -> Cow<'r, str> {
        match envelope(record) {
            Some(envelope) => Cow::Borrowed(envelope.id),
            None => self
                .receipt(record)
                .map_or(Cow::Borrowed("-"), |receipt| Cow::Owned(receipt.to_string())),
        }
    }

    fn receipt(&self, record: &Record<'_>) -> Option<Receipt> {
        consume::receipt(&self.keys, self.slice, record)
    }
}

impl<E: Send, P: Publish> Process<E> for Work<'_, P> {
    type Failure = PublishError;

    /// Dead letters are written before the transaction: a crash in between repeats one, and loses none.
    async fn process(&self, indexes: &[usize]) -> Result<Judged<'_, E>, PublishError> {
        let verdicts: Vec<_> = indexes.iter().map(|index| self.verdict(*index)).collect();
        let letters: Vec<_> = indexes
            .iter()
            .zip(&verdicts)
            .filter_map(|(index, verdict)| match verdict {
                progress::Verdict::Failed(reason) => Some(self.send(self.record(*index), reason)),
                progress::Verdict::Applied(_) | progress::Verdict::Skipped => None,
            })
            .collect();
        stream::iter(letters).buffered(LETTERS_AT_ONCE).try_collect::<()>().await?;
        Ok(Judged { verdicts, effects: Vec::new() })
    }

    async fn give_up(&self, index: usize, reason: &str) -> Result<Vec<E>, PublishError> {
        self.send(self.record(index), reason).await?;
        Ok(Vec::new())
    }
}
