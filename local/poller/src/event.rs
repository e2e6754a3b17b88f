//! Writes the Kafka event as AWS does, and knows beforehand how many bytes it will have.
//!
//! Records are written once, when they are read from Kafka; an event is put together from them by
//! copying. `aws_lambda_events` is not used to write: its `Serialize` quotes timestamps and writes
//! `null` where AWS omits.
//!
//! Source: <https://docs.aws.amazon.com/lambda/latest/dg/with-msk.html> (MSK) and
//! <https://docs.aws.amazon.com/lambda/latest/dg/with-kafka.html> (self-managed).

#[cfg(test)]
mod tests;

use base64_simd::STANDARD;
use bytes::Bytes;

use crate::config::EventSource;

/// What ends an event: the records' object and the envelope.
const SUFFIX: &[u8] = b"}}";

/// When a record was written, and by whose clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Timestamp {
    /// The producer's time, epoch milliseconds.
    Create(i64),
    /// The broker's time, epoch milliseconds (`message.timestamp.type=LogAppendTime`).
    LogAppend(i64),
    /// None: the record predates Kafka's timestamps, or carries -1.
    Missing,
}

/// A record as Kafka holds it, without its headers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RecordView<'a> {
    pub(crate) partition: i32,
    pub(crate) offset: i64,
    pub(crate) timestamp: Timestamp,
    pub(crate) key: Option<&'a [u8]>,
    pub(crate) value: Option<&'a [u8]>,
}

/// Writes the events of one mapping.
#[derive(Debug)]
pub(crate) struct EventWriter {
    /// The envelope up to and including the opening brace of `records`.
    prefix: Vec<u8>,
    /// The topic as JSON text, without its quotes.
    topic: Vec<u8>,
    /// The topic itself.
    name: String,
}

impl EventWriter {
    /// A writer for events of `topic` read from `source`.
    pub(crate) fn new(source: &EventSource, bootstrap_servers: &str, topic: &str) -> Self {
        let mut prefix = b"{\"eventSource\":".to_vec();
        match source {
            EventSource::Msk { cluster_arn } => {
                prefix.extend_from_slice(b"\"aws:kafka\",\"eventSourceArn\":");
                push_string(&mut prefix, cluster_arn);
            }
            EventSource::SelfManaged => prefix.extend_from_slice(b"\"SelfManagedKafka\""),
        }
        prefix.extend_from_slice(b",\"bootstrapServers\":");
        push_string(&mut prefix, bootstrap_servers);
        prefix.extend_from_slice(b",\"records\":{");
        let mut quoted = Vec::new();
        push_string(&mut quoted, topic);
        Self { prefix, topic: quoted[1..quoted.len() - 1].to_vec(), name: topic.to_owned() }
    }

    /// The topic that the events are of.
    pub(crate) fn topic(&self) -> &str {
        &self.name
    }

    /// The bytes of an event without records.
    pub(crate) fn envelope_bytes(&self) -> usize {
        self.prefix.len() + SUFFIX.len()
    }

    /// The bytes of a partition's array without records: `"topic-0":[]`.
    pub(crate) fn slice_bytes(&self, partition: i32) -> usize {
        let mut number = Vec::with_capacity(11);
        push_integer(&mut number, i64::from(partition));
        self.topic.len() + number.len() + br#""-":[]"#.len()
    }

    /// Writes an event with the slices given, each a partition and its records as written by
    /// [`Self::write_record`].
    pub(crate) fn write<'a>(
        &self,
        slices: impl Iterator<Item = (i32, &'a [crate::mapping::Record])> + Clone,
    ) -> Bytes {
        let mut out = Vec::with_capacity(self.event_bytes(slices.clone()));
        out.extend_from_slice(&self.prefix);
        for (index, (partition, records)) in slices.enumerate() {
            if index > 0 {
                out.push(b',');
            }
            out.push(b'"');
            out.extend_from_slice(&self.topic);
            out.push(b'-');
            push_integer(&mut out, i64::from(partition));
            out.extend_from_slice(b"\":[");
            for (index, record) in records.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                out.extend_from_slice(&record.json);
            }
            out.push(b']');
        }
        out.extend_from_slice(SUFFIX);
        Bytes::from(out)
    }

    /// The bytes [`Self::write`] will write.
    fn event_bytes<'a>(
        &self,
        slices: impl Iterator<Item = (i32, &'a [crate::mapping::Record])>,
    ) -> usize {
        let bytes: usize = slices
            .map(|(partition, records)| {
                let json: usize = records.iter().map(|record| record.json.len() + 1).sum();
                self.slice_bytes(partition) + json
            })
            .sum();
        // Every array counts one comma of its own and one for each record: at most one too many
        // of each, which is cheaper than growing the buffer.
        self.envelope_bytes() + bytes + 1
    }

    /// Appends one record as JSON text.
    ///
    /// A null key or value is left out, as AWS does; a null header value becomes an empty array.
    /// A missing timestamp becomes 0: consumers refuse a negative one.
    pub(crate) fn write_record<'a>(
        &self,
        out: &mut Vec<u8>,
        record: RecordView<'_>,
        headers: impl Iterator<Item = (&'a str, Option<&'a [u8]>)>,
    ) {
        out.extend_from_slice(b"{\"topic\":\"");
        out.extend_from_slice(&self.topic);
        out.extend_from_slice(b"\",\"partition\":");
        push_integer(out, i64::from(record.partition));
        out.extend_from_slice(b",\"offset\":");
        push_integer(out, record.offset);
        out.extend_from_slice(b",\"timestamp\":");
        let (timestamp_ms, kind) = match record.timestamp {
            Timestamp::Create(ms) => (ms.max(0), &b"CREATE_TIME"[..]),
            Timestamp::LogAppend(ms) => (ms.max(0), &b"LOG_APPEND_TIME"[..]),
            Timestamp::Missing => (0, &b"NO_TIMESTAMP_TYPE"[..]),
        };
        push_integer(out, timestamp_ms);
        out.extend_from_slice(b",\"timestampType\":\"");
        out.extend_from_slice(kind);
        out.push(b'"');
        push_base64(out, b",\"key\":\"", record.key);
        push_base64(out, b",\"value\":\"", record.value);
        out.extend_from_slice(b",\"headers\":[");
        for (index, (name, value)) in headers.enumerate() {
            if index > 0 {
                out.push(b',');
            }
            push_header(out, name, value.unwrap_or_default());
        }
        out.extend_from_slice(b"]}");
    }
}

/// Appends `{"name":[1,-2]}`; the bytes are signed, as Java's are.
fn push_header(out: &mut Vec<u8>, name: &str, value: &[u8]) {
    out.push(b'{');
    push_string(out, name);
    out.extend_from_slice(b":[");
    push_bytes(out, value);
    out.extend_from_slice(b"]}");
}

/// The longest text of a signed byte, `-128`, and a comma.
const BYTE_TEXT_MAX: usize = 5;

/// Every byte's signed number and a comma, with its length: most of an event are such numbers.
static BYTE_TEXTS: [([u8; BYTE_TEXT_MAX], usize); 256] = byte_texts();

const fn byte_texts() -> [([u8; BYTE_TEXT_MAX], usize); 256] {
    let mut texts = [([0; BYTE_TEXT_MAX], 0); 256];
    let mut byte = u8::MIN;
    loop {
        texts[byte as usize] = byte_text(byte.cast_signed());
        if byte == u8::MAX {
            return texts;
        }
        byte += 1;
    }
}

const fn byte_text(number: i8) -> ([u8; BYTE_TEXT_MAX], usize) {
    let (mut text, mut length) = ([0; BYTE_TEXT_MAX], 0);
    if number < 0 {
        text[0] = b'-';
        length = 1;
    }
    let magnitude = number.unsigned_abs();
    if magnitude >= 100 {
        text[length] = b'0' + magnitude / 100;
        length += 1;
    }
    if magnitude >= 10 {
        text[length] = b'0' + magnitude / 10 % 10;
        length += 1;
    }
    text[length] = b'0' + magnitude % 10;
    text[length + 1] = b',';
    (text, length + 2)
}

/// Appends the signed numbers of `bytes` with commas between them.
fn push_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    let start = out.len();
    // Every text is copied whole, which costs less than to copy its length, and the next one begins
    // where its length ends.
    out.resize(start + bytes.len() * BYTE_TEXT_MAX, 0);
    let mut end = start;
    for byte in bytes {
        let (text, length) = &BYTE_TEXTS[usize::from(*byte)];
        out[end..end + BYTE_TEXT_MAX].copy_from_slice(text);
        end += length;
    }
    // Without the last comma.
    out.truncate(end - usize::from(end > start));
}

/// Appends the field that `opening` opens, or nothing where there are no bytes.
fn push_base64(out: &mut Vec<u8>, opening: &[u8], bytes: Option<&[u8]>) {
    if let Some(bytes) = bytes {
        out.extend_from_slice(opening);
        STANDARD.encode_append(bytes, out);
        out.push(b'"');
    }
}

/// Appends `text` as a JSON string.
fn push_string(out: &mut Vec<u8>, text: &str) {
    serde_json::to_writer(out, text).expect("writing a string into memory cannot fail");
}

/// Appends a decimal number, without the formatting machinery: it is on the path of every record.
fn push_integer(out: &mut Vec<u8>, value: i64) {
    let mut digits = [0_u8; 20];
    let mut start = digits.len();
    let mut rest = value.unsigned_abs();
    loop {
        start -= 1;
        digits[start] = b'0' + u8::try_from(rest % 10).expect("a digit is below 10");
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if value < 0 {
        out.push(b'-');
    }
    out.extend_from_slice(&digits[start..]);
}
