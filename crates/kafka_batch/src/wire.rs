//! The JSON of Lambda's Kafka event, read with borrowed types: the hot path.
//! What the fields must agree on is decided in `batch`.

use std::{borrow::Cow, fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{Error as _, MapAccess, SeqAccess, Unexpected, Visitor},
};
use serde_json::value::RawValue;

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
    /// Most of an event are these lists, and a deserializer that is asked for one number after another
    /// takes several times as long as a look at the text.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let list = <&RawValue>::deserialize(deserializer)?.get();
        match compact(list) {
            Some(bytes) => Ok(Self(bytes)),
            None => {
                serde_json::from_str(list).map(|List(bytes)| Self(bytes)).map_err(D::Error::custom)
            }
        }
    }
}

/// The bytes of a list without blanks, as AWS writes it; `None` for any other JSON.
fn compact(list: &str) -> Option<Vec<u8>> {
    let numbers = list.strip_prefix('[')?.strip_suffix(']')?;
    let mut bytes = Vec::with_capacity(numbers.len() / 2);
    if numbers.is_empty() {
        return Some(bytes);
    }
    let (mut number, mut digits, mut sign) = (0_i16, 0, 1);
    for character in numbers.bytes().chain([b',']) {
        match character {
            b'0'..=b'9' if digits < 3 => {
                number = number * 10 + i16::from(character - b'0');
                digits += 1;
            }
            b'-' if digits == 0 && sign == 1 => sign = -1,
            b',' if digits > 0 => {
                bytes.push(byte(number * sign)?);
                (number, digits, sign) = (0, 0, 1);
            }
            _ => return None,
        }
    }
    Some(bytes)
}

/// A byte, written with or without a sign.
fn byte(number: i16) -> Option<u8> {
    u8::try_from(number).ok().or_else(|| i8::try_from(number).ok().map(i8::cast_unsigned))
}

/// A list of bytes in any spelling that is JSON, or what is wrong with it.
struct List(Vec<u8>);

impl<'de> Deserialize<'de> for List {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Bytes;

        impl<'de> Visitor<'de> for Bytes {
            type Value = List;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a list of bytes from -128 to 255")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<List, A::Error> {
                let mut bytes = Vec::new();
                while let Some(number) = seq.next_element::<i16>()? {
                    let wrong =
                        || A::Error::invalid_value(Unexpected::Signed(number.into()), &self);
                    bytes.push(byte(number).ok_or_else(wrong)?);
                }
                Ok(List(bytes))
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
