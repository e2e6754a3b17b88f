//! Sends what can never be processed to a topic of its own, with everything needed to look into it.

use event::Receipt;
use kafka_batch::{Record, Slice};
use publish::{Header, Message, Publish, PublishError};
use tokio::time::Instant;

/// Headers that a dead letter has beside those of the record.
pub(crate) mod header {
    /// Why the record failed.
    pub(crate) const REASON: &str = "dead_letter_reason";
    /// The topic the record came from.
    pub(crate) const TOPIC: &str = "dead_letter_topic";
    /// The partition it came from.
    pub(crate) const PARTITION: &str = "dead_letter_partition";
    /// The offset it had.
    pub(crate) const OFFSET: &str = "dead_letter_offset";
    /// The timestamp it had, in milliseconds since 1970.
    pub(crate) const TIMESTAMP: &str = "dead_letter_timestamp";
    /// The event's receipt: what `GET /get_status/{event_id}` takes.
    pub(crate) const RECEIPT: &str = "dead_letter_receipt";
    /// What was left out because the letter would have been too large: `value`, or
    /// `value, key, headers`.
    pub(crate) const LEFT_OUT: &str = "dead_letter_left_out";
}

/// The topic of dead letters.
pub(crate) struct DeadLetters<P> {
    publisher: P,
    topic: String,
}

/// A record that failed.
pub(crate) struct Letter<'l> {
    pub(crate) slice: &'l Slice<'l>,
    pub(crate) record: &'l Record<'l>,
    pub(crate) reason: &'l str,
    /// `None` for a place that no receipt can stand for.
    pub(crate) receipt: Option<Receipt>,
}

/// How much of the record a letter carries.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Extent {
    Whole,
    WithoutValue,
    /// Only where it came from and why it failed.
    Bare,
}

impl<P: Publish> DeadLetters<P> {
    pub(crate) fn new(publisher: P, topic: String) -> Self {
        Self { publisher, topic }
    }

    /// Returns once Kafka has the letter. May write it twice when it is called again.
    ///
    /// A record at the limit of what Kafka takes no longer fits with the headers that are added: it
    /// is then sent without its value, which stays in the topic it came from until it expires there.
    pub(crate) async fn send(
        &self,
        letter: &Letter<'_>,
        deadline: Instant,
    ) -> Result<(), PublishError> {
        // A letter that fails stays where it is: writing it behind itself would never end.
        if letter.slice.topic == self.topic {
            return Ok(());
        }
        for extent in [Extent::Whole, Extent::WithoutValue] {
            match self.publish(letter, extent, deadline).await {
                Err(PublishError::TooLarge { .. }) => {}
                outcome => return outcome,
            }
        }
        self.publish(letter, Extent::Bare, deadline).await
    }

    async fn publish(
        &self,
        letter: &Letter<'_>,
        extent: Extent,
        deadline: Instant,
    ) -> Result<(), PublishError> {
        let added = letter.added(extent);
        let record = letter.record;
        let mut headers = Vec::with_capacity(added.len() + record.headers.len());
        if extent != Extent::Bare {
            headers.extend(
                record
                    .headers
                    .iter()
                    .map(|original| Header { name: &original.name, value: Some(&original.value) }),
            );
        }
        headers
            .extend(added.iter().map(|(name, text)| Header { name, value: Some(text.as_bytes()) }));
        let message = Message {
            topic: &self.topic,
            partition: None,
            key: record.key.as_deref().filter(|_| extent != Extent::Bare),
            headers,
            value: record.value.as_deref().filter(|_| extent == Extent::Whole),
        };
        self.publisher.publish(message, deadline).await.map(drop)
    }
}

impl Letter<'_> {
    fn added(&self, extent: Extent) -> Vec<(&'static str, String)> {
        let mut headers = vec![
            (header::REASON, self.reason.to_owned()),
            (header::TOPIC, self.slice.topic.to_string()),
            (header::PARTITION, self.slice.partition.to_string()),
            (header::OFFSET, self.record.offset.to_string()),
            (header::TIMESTAMP, self.record.timestamp_ms.to_string()),
        ];
        headers.extend(self.receipt.map(|receipt| (header::RECEIPT, receipt.to_string())));
        match extent {
            Extent::Whole => {}
            Extent::WithoutValue => headers.push((header::LEFT_OUT, "value".to_owned())),
            Extent::Bare => headers.push((header::LEFT_OUT, "value, key, headers".to_owned())),
        }
        headers
    }
}

#[cfg(test)]
pub(crate) mod tests;
