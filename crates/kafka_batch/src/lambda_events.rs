//! The same batch from `aws_lambda_events`' `KafkaEvent`, for whoever has one already.
//! Not the hot path: that type copies every string and may lose a millisecond of the timestamp.

use std::borrow::Cow;

use aws_lambda_events::event::kafka::{KafkaEvent, KafkaRecord};

use crate::batch::{Batch, BatchError, Header, Place, Record, Slice, Source};

impl TryFrom<KafkaEvent> for Batch<'static> {
    type Error = BatchError;

    /// Puts the event's records, which that type keeps without an order, in order.
    fn try_from(event: KafkaEvent) -> Result<Self, BatchError> {
        let cluster_arn = event.event_source_arn.map(Cow::Owned);
        let source = Source::from_fields(event.event_source.as_deref(), cluster_arn)?;
        let slices = event
            .records
            .into_iter()
            .map(|(key, records)| slice(&key, records))
            .collect::<Result<_, _>>()?;
        Self::assemble(source, slices)
    }
}

fn slice(key: &str, records: Vec<KafkaRecord>) -> Result<Slice<'static>, BatchError> {
    let place = Place::parse(key)?;
    Ok(Slice {
        topic: Cow::Owned(place.topic().to_owned()),
        partition: place.partition(),
        records: records.into_iter().map(|from| record(place, from)).collect::<Result<_, _>>()?,
    })
}

fn record(place: Place<'_>, from: KafkaRecord) -> Result<Record<'static>, BatchError> {
    let offset = from.offset;
    place.check(from.topic.as_deref(), from.partition, offset)?;
    let headers = from
        .headers
        .into_iter()
        .flatten()
        .map(|(name, bytes)| Header {
            name: Cow::Owned(name),
            value: bytes.into_iter().map(i8::cast_unsigned).collect(),
        })
        .collect();
    Ok(Record {
        offset,
        timestamp_ms: from.timestamp.timestamp_millis(),
        key: place.decode(from.key.as_deref(), "key", offset)?,
        value: place.decode(from.value.as_deref(), "value", offset)?,
        headers,
    })
}
