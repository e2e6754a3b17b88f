//! Reads the dead letters that are there now, one after the other. It judges nothing.

use rdkafka::message::{BorrowedMessage, Headers as _, Message as _};
use tokio::sync::mpsc;

use crate::failure::OpsFailure;
use crate::surroundings::Surroundings;
use crate::topic;

/// The headers in which `process_events` tells where a dead letter comes from.
const TOPIC_HEADER: &str = "dead_letter_topic";
const PARTITION_HEADER: &str = "dead_letter_partition";
const OFFSET_HEADER: &str = "dead_letter_offset";

/// A record that was given up.
#[derive(Debug)]
pub(crate) struct DeadLetter {
    pub(crate) origin: Origin,
    /// `None` where the letter would have been too large with it.
    pub(crate) value: Option<Vec<u8>>,
}

/// The record that a letter is a copy of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    pub(crate) topic: String,
    pub(crate) partition: i32,
    pub(crate) offset: i64,
}

/// All dead letters up to now; ends after the first failure.
pub(crate) async fn read(
    surroundings: &Surroundings,
) -> Result<mpsc::Receiver<Result<DeadLetter, OpsFailure>>, OpsFailure> {
    let topic = &surroundings.dead_letter_topic;
    let held = (0..).zip(surroundings.offsets(topic).await?).collect();
    topic::read(surroundings.kafka(), topic, held, letter)
}

fn letter(message: &BorrowedMessage<'_>) -> Option<DeadLetter> {
    let headers = message.headers()?.iter();
    let origin = origin(headers.map(|header| (header.key, header.value)))?;
    Some(DeadLetter { origin, value: message.payload().map(<[u8]>::to_vec) })
}

/// Where a letter comes from, by its headers. The record's own come first, and may be those of
/// an earlier death.
fn origin<'h>(headers: impl Iterator<Item = (&'h str, Option<&'h [u8]>)>) -> Option<Origin> {
    let (mut topic, mut partition, mut offset) = (None, None, None);
    for (name, value) in headers {
        let text = value.and_then(|value| std::str::from_utf8(value).ok());
        match name {
            TOPIC_HEADER => topic = text,
            PARTITION_HEADER => partition = text,
            OFFSET_HEADER => offset = text,
            _ => {}
        }
    }
    Some(Origin {
        topic: topic?.to_owned(),
        partition: partition?.parse().ok()?,
        offset: offset?.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(headers: &[(&str, &str)]) -> Option<Origin> {
        origin(headers.iter().map(|(name, value)| (*name, Some(value.as_bytes()))))
    }

    #[test]
    fn the_place_of_origin_is_read_from_the_headers() {
        let headers = [
            ("ce_id", "1"),
            ("dead_letter_reason", "no JSON"),
            ("dead_letter_topic", "events"),
            ("dead_letter_partition", "2"),
            ("dead_letter_offset", "40"),
        ];
        let place = Origin { topic: "events".to_owned(), partition: 2, offset: 40 };
        assert_eq!(read(&headers), Some(place));
    }

    #[test]
    fn a_record_that_died_before_comes_from_where_it_died_last() {
        let headers = [
            ("dead_letter_topic", "events"),
            ("dead_letter_partition", "2"),
            ("dead_letter_offset", "40"),
            ("dead_letter_topic", "events"),
            ("dead_letter_partition", "1"),
            ("dead_letter_offset", "7"),
        ];
        let place = Origin { topic: "events".to_owned(), partition: 1, offset: 7 };
        assert_eq!(read(&headers), Some(place));
    }

    #[test]
    fn what_tells_no_place_is_no_dead_letter() {
        assert_eq!(read(&[]), None);
        let headers = [
            ("dead_letter_topic", "events"),
            ("dead_letter_partition", "two"),
            ("dead_letter_offset", "7"),
        ];
        assert_eq!(read(&headers), None);
        assert_eq!(read(&headers[..2]), None);
        assert_eq!(origin([("dead_letter_topic", None)].into_iter()), None);
    }
}
