//! Letters as they arrive, with a publisher that only remembers.

use std::{borrow::Cow, collections::BTreeMap, sync::Mutex};

use event::Coordinates;
use publish::PublishError;
use tokio::time::Instant;

use super::*;

/// What was published, and what it may weigh.
#[derive(Debug)]
pub(crate) struct Outbox {
    pub(crate) sent: Mutex<Vec<Sent>>,
    pub(crate) bytes_max: usize,
    /// Kafka does not answer.
    pub(crate) away: bool,
}

/// One published message.
#[derive(Debug, Clone)]
pub(crate) struct Sent {
    pub(crate) key: Option<Vec<u8>>,
    pub(crate) value: Option<Vec<u8>>,
    pub(crate) headers: BTreeMap<String, String>,
}

impl Default for Outbox {
    fn default() -> Self {
        Self { sent: Mutex::default(), bytes_max: usize::MAX, away: false }
    }
}

impl DeadLetters<Outbox> {
    pub(crate) fn sent(&self) -> Vec<Sent> {
        self.publisher.sent.lock().unwrap().clone()
    }
}

impl Publish for Outbox {
    async fn publish(
        &self,
        message: Message<'_>,
        _deadline: Instant,
    ) -> Result<Coordinates, PublishError> {
        if self.away {
            return Err(PublishError::Away);
        }
        let headers = message.headers.iter();
        let header_bytes: usize = headers
            .clone()
            .map(|header| header.name.len() + header.value.map_or(0, <[u8]>::len))
            .sum();
        let bytes = |part: Option<&[u8]>| part.map_or(0, <[u8]>::len);
        let size_bytes = bytes(message.key) + bytes(message.value) + header_bytes;
        if size_bytes > self.bytes_max {
            return Err(PublishError::TooLarge { size_bytes });
        }
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        self.sent.lock().unwrap().push(Sent {
            key: message.key.map(<[u8]>::to_vec),
            value: message.value.map(<[u8]>::to_vec),
            headers: headers
                .map(|header| (header.name.to_owned(), text(header.value.unwrap_or_default())))
                .collect(),
        });
        Ok(Coordinates::new(0, 0).unwrap())
    }
}

fn slice(topic: &'static str) -> Slice<'static> {
    let record = Record {
        offset: 7,
        timestamp_ms: 5,
        key: Some(b"user".to_vec()),
        value: Some(vec![b'v'; 1_000]),
        headers: vec![kafka_batch::Header {
            name: Cow::Borrowed("ce_id"),
            value: vec![b'h'; 1_000],
        }],
    };
    Slice { topic: Cow::Borrowed(topic), partition: 3, records: vec![record] }
}

async fn send(outbox: Outbox, topic: &'static str) -> Vec<Sent> {
    let slice = slice(topic);
    let letters = DeadLetters::new(outbox, "events-dlq".to_owned());
    let letter = Letter { slice: &slice, record: &slice.records[0], reason: "why", receipt: None };
    letters.send(&letter, Instant::now()).await.unwrap();
    letters.publisher.sent.into_inner().unwrap()
}

#[tokio::test]
async fn a_letter_is_the_record_with_its_origin_and_the_reason() {
    let sent = send(Outbox::default(), "events").await;
    let [letter] = sent.as_slice() else { panic!("one letter") };
    assert_eq!(letter.key.as_deref(), Some(&b"user"[..]));
    assert_eq!(letter.value.as_ref().unwrap().len(), 1_000);
    for (name, value) in [
        (header::REASON, "why"),
        (header::TOPIC, "events"),
        (header::PARTITION, "3"),
        (header::OFFSET, "7"),
        (header::TIMESTAMP, "5"),
    ] {
        assert_eq!(letter.headers[name], value);
    }
    assert_eq!(letter.headers["ce_id"].len(), 1_000);
    assert!(!letter.headers.contains_key(header::LEFT_OUT));
}

#[tokio::test]
async fn a_letter_that_is_too_large_goes_without_its_value() {
    let sent = send(Outbox { bytes_max: 1_500, ..Outbox::default() }, "events").await;
    assert_eq!((sent.len(), sent[0].value.as_ref()), (1, None));
    assert_eq!(sent[0].headers[header::LEFT_OUT], "value");
    assert_eq!(sent[0].key.as_deref(), Some(&b"user"[..]));
}

#[tokio::test]
async fn a_letter_that_is_still_too_large_goes_bare() {
    let sent = send(Outbox { bytes_max: 400, ..Outbox::default() }, "events").await;
    assert_eq!((sent.len(), sent[0].key.as_ref()), (1, None));
    assert_eq!(sent[0].headers[header::LEFT_OUT], "value, key, headers");
    assert_eq!(sent[0].headers[header::OFFSET], "7");
    assert!(!sent[0].headers.contains_key("ce_id"));
}

#[tokio::test]
async fn a_record_of_the_dead_letter_topic_is_not_sent_there_again() {
    assert!(send(Outbox::default(), "events-dlq").await.is_empty());
}
