//! The JSON of Lambda's Kafka event, read with borrowed types: the hot path.
//! What the fields must agree on is decided in `batch`.

use std::{borrow::Cow, fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{Error as _, MapAccess, SeqAccess, Unexpected, Visitor},
};

use crate::batch::{Batch, BatchError, Header, Place, Record, Slice, Source};

/// A string that borrows where JSON has no escape in it. (`Option<Cow<str>>` would always copy.)
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct EventJson<'a> {
    #[serde(borrow)]
    event_source: Option<Text<'a>>,
    #[serde(borrow)]
    event_source_arn: Option<Text<'a>>,
    #[serde(borrow)]
    records: Option<Pairs<'a, Vec<RecordJson<'a>>>>,
}

#[derive(Deserialize)]
struct RecordJson<'a> {
    #[serde(borrow)]
    topic: Option<Text<'a>>,
    partition: i64,
    offset: i64,
    timestamp: Option<i64>,
    #[serde(borrow)]
    key: Option<Text<'a>>,
    #[serde(borrow)]
    value: Option<Text<'a>>,
    #[serde(borrow)]
    headers: Option<Vec<Pairs<'a, Option<HeaderBytes>>>>,
}

/// The entries of a JSON object in the order of the text.
struct Pairs<'a, T>(Vec<(Text<'a>, T)>);

impl<'de: 'a, 'a, T: Deserialize<'de>> Deserialize<'de> for Pairs<'a, T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries<'a, T>(PhantomData<Pairs<'a, T>>);

        impl<'de: 'a, 'a, T: Deserialize<'de>> Visitor<'de> for Entries<'a, T> {
            type Value = Pairs<'a, T>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Pairs(entries))
            }
        }

        deserializer.deserialize_map(Entries(PhantomData))
    }
}

/// A header's value: a list of Java's signed bytes (-128 to 127), or of unsigned ones (to 255) as
/// some tools write them.
struct HeaderBytes(Vec<u8>);

impl<'de> Deserialize<'de> for HeaderBytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Bytes;

        impl<'de> Visitor<'de> for Bytes {
            type Value = HeaderBytes;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a list of bytes from -128 to 255")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let mut bytes = Vec::new();
                while let Some(number) = seq.next_element::<i16>()? {
                    let signed = || i8::try_from(number).ok().map(i8::cast_unsigned);
                    let Some(byte) = u8::try_from(number).ok().or_else(signed) else {
                        let found = Unexpected::Signed(number.into());
                        return Err(A::Error::invalid_value(found, &self));
                    };
                    bytes.push(byte);
                }
                Ok(HeaderBytes(bytes))
            }
        }

        deserializer.deserialize_seq(Bytes)
    }
}

/// Reads an event.
pub(crate) fn parse(json: &[u8]) -> Result<Batch<'_>, BatchError> {
    // One check of the whole text is cheaper than one per string.
    let event: EventJson<'_> = match std::str::from_utf8(json) {
        Ok(text) => serde_json::from_str(text),
        Err(_) => serde_json::from_slice(json),
    }
    .map_err(BatchError::Shape)?;
    let name = event.event_source.as_ref().map(|name| name.0.as_ref());
    let source = Source::from_fields(name, event.event_source_arn.map(|arn| arn.0))?;
    let entries = event.records.map(|records| records.0).unwrap_or_default();
    let slices =
        entries.into_iter().map(|(key, records)| slice(key, records)).collect::<Result<_, _>>()?;
    Batch::assemble(source, slices)
}

fn slice<'a>(key: Text<'a>, records: Vec<RecordJson<'a>>) -> Result<Slice<'a>, BatchError> {
    let place = Place::parse(&key.0)?;
    let partition = place.partition();
    let topic_bytes = place.topic().len();
    let records =
        records.into_iter().map(|json| record(place, json)).collect::<Result<Vec<_>, _>>()?;
    let topic = match key.0 {
        Cow::Borrowed(key) => Cow::Borrowed(&key[..topic_bytes]),
        Cow::Owned(mut key) => {
            key.truncate(topic_bytes);
            Cow::Owned(key)
        }
    };
    Ok(Slice { topic, partition, records })
}

fn record<'a>(place: Place<'_>, json: RecordJson<'a>) -> Result<Record<'a>, BatchError> {
    let RecordJson { topic, partition, offset, timestamp, key, value, headers } = json;
    place.check(topic.as_ref().map(|topic| topic.0.as_ref()), partition, offset)?;
    let headers = headers
        .unwrap_or_default()
        .into_iter()
        .flat_map(|entry| entry.0)
        .map(|(name, bytes)| Header {
            name: name.0,
            value: bytes.map(|bytes| bytes.0).unwrap_or_default(),
        })
        .collect();
    Ok(Record {
        offset,
        timestamp_ms: timestamp.unwrap_or(-1),
        key: place.decode(key.as_ref().map(|key| key.0.as_ref()), "key", offset)?,
        value: place.decode(value.as_ref().map(|value| value.0.as_ref()), "value", offset)?,
        headers,
    })
}
