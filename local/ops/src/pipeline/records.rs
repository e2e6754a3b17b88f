//! The records of both topics, as the functions get them.

use kafka_batch::{Header, Record};
use rdkafka::message::{BorrowedMessage, Headers as _, Message as _};
use tokio::sync::mpsc;

use crate::failure::OpsFailure;
use crate::topic::{self, Held};

/// A record and its partition.
pub(crate) type Placed = (i32, Record<'static>);

/// The records at some offsets of a topic.
pub(crate) fn read(
    kafka: &str,
    topic: &str,
    held: Vec<Held>,
) -> Result<mpsc::Receiver<Result<Placed, OpsFailure>>, OpsFailure> {
    topic::read(kafka, topic, held, |message| Some(record(message)))
}

fn record(message: &BorrowedMessage<'_>) -> Placed {
    let headers = message.headers().map(|headers| {
        let headers = headers.iter();
        let header = headers.map(|header| Header {
            name: header.key.to_owned().into(),
            value: header.value.unwrap_or_default().to_vec(),
        });
        header.collect()
    });
    let record = Record {
        offset: message.offset(),
        timestamp_ms: message.timestamp().to_millis().unwrap_or(-1),
        key: message.key().map(<[u8]>::to_vec),
        value: message.payload().map(<[u8]>::to_vec),
        headers: headers.unwrap_or_default(),
    };
    (message.partition(), record)
}
