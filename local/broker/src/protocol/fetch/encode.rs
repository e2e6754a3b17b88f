//! A Fetch answer as bytes. The codec would copy all records into one buffer; here it encodes what
//! surrounds them, and they go to the socket from where they were read.
//!
//! In every version a list is the last field of what holds it, and records are the last field of a
//! partition: so each is encoded empty, and its end is put in its place.

use bytes::{BufMut, Bytes, BytesMut};
use kafka_protocol::messages::FetchResponse;
use kafka_protocol::protocol::Encodable;

use crate::frame::Frame;

/// The first version in the compact encoding (KIP-482).
const COMPACT_SINCE: i16 = 12;

/// Why an answer cannot be encoded.
type Broken = Box<dyn std::error::Error + Send + Sync>;

/// An answer's body. Nothing here sets tagged fields, and none may be set.
pub(in crate::protocol) fn encode(
    mut response: FetchResponse,
    version: i16,
) -> Result<Frame, Broken> {
    let mut body = Body { frame: Frame::default(), small: BytesMut::new(), version };
    let topics = std::mem::take(&mut response.responses);
    body.open(&response, topics.len())?;
    for mut topic in topics {
        let partitions = std::mem::take(&mut topic.partitions);
        body.open(&topic, partitions.len())?;
        for mut partition in partitions {
            let records = partition.records.replace(Bytes::new()).unwrap_or_default();
            body.open(&partition, records.len())?;
            body.records(records);
            body.close();
        }
        body.close();
    }
    body.close();
    Ok(body.finish())
}

struct Body {
    frame: Frame,
    /// What comes behind the frame's last records.
    small: BytesMut,
    version: i16,
}

impl Body {
    /// Puts what comes before the last field of `holder`, which is empty there, and that field's
    /// count of elements.
    fn open(&mut self, holder: &impl Encodable, count: usize) -> Result<(), Broken> {
        let start = self.small.len();
        holder.encode(&mut self.small, self.version).map_err(Broken::from)?;
        let (empty, count) = if self.version < COMPACT_SINCE {
            (&[0; 4][..], u32::try_from(count)?)
        } else {
            // A count of nothing, one more than it is, and no tagged fields.
            (&[1, 0][..], u32::try_from(count + 1)?)
        };
        if !self.small[start..].ends_with(empty) {
            return Err("an answer holds more than its records".into());
        }
        self.small.truncate(self.small.len() - empty.len());
        if self.version < COMPACT_SINCE {
            self.small.put_u32(count);
        } else {
            put_varint(&mut self.small, count);
        }
        Ok(())
    }

    fn records(&mut self, records: Bytes) {
        if !records.is_empty() {
            self.frame.push(self.small.split().freeze());
            self.frame.push(records);
        }
    }

    /// Ends what was opened last.
    fn close(&mut self) {
        if self.version >= COMPACT_SINCE {
            self.small.put_u8(0);
        }
    }

    fn finish(mut self) -> Frame {
        self.frame.push(self.small.freeze());
        self.frame
    }
}

fn put_varint(into: &mut BytesMut, mut value: u32) {
    while value >= 0x80 {
        into.put_u8(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    into.put_u8(value.to_le_bytes()[0]);
}

#[cfg(test)]
mod tests {
    use bytes::Buf;
    use kafka_protocol::messages::TopicName;
    use kafka_protocol::messages::fetch_response::{
        AbortedTransaction, FetchableTopicResponse, PartitionData,
    };
    use kafka_protocol::protocol::StrBytes;

    use super::*;

    fn response(version: i16, sizes: &[usize]) -> FetchResponse {
        let partition = |size: &usize| {
            PartitionData::default()
                .with_partition_index(3)
                .with_high_watermark(9)
                .with_aborted_transactions(Some(vec![AbortedTransaction::default()]))
                .with_records(Some(Bytes::from(vec![7; *size])))
        };
        let topic = |sizes: &[usize]| {
            let topic = FetchableTopicResponse::default();
            let topic = topic.with_partitions(sizes.iter().map(partition).collect());
            match version {
                ..13 => topic.with_topic(TopicName(StrBytes::from_static_str("events"))),
                _ => topic.with_topic_id(uuid::Uuid::from_u128(7)),
            }
        };
        let topics = if sizes.is_empty() { Vec::new() } else { vec![topic(sizes), topic(&[])] };
        FetchResponse::default().with_throttle_time_ms(5).with_responses(topics)
    }

    #[test]
    fn an_answer_has_the_bytes_that_the_codec_would_make() {
        for version in 4..=16 {
            for sizes in [&[][..], &[0], &[1], &[126, 127, 0, 128, 20_000]] {
                let response = response(version, sizes);
                let mut expected = BytesMut::new();
                response.encode(&mut expected, version).unwrap();
                let mut frame = encode(response, version).unwrap();
                let bytes = frame.copy_to_bytes(frame.remaining());
                assert_eq!(bytes, expected, "version {version}, {sizes:?}");
            }
        }
    }
}
