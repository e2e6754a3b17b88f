//! Offsets and timestamps of the records inside one batch, for the answers that need to look
//! inside: `ListOffsets` by timestamp and by largest timestamp.

use bytes::Bytes;
use kafka_protocol::records::RecordBatchDecoder;

use crate::batch::BatchHeader;

/// A record's place and time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    pub(crate) offset: i64,
    pub(crate) timestamp: i64,
}

/// The stamps of `batch`'s records in offset order.
///
/// A batch that cannot be decoded (a codec's own error) stands for one record at its base offset
/// with its largest timestamp: a search then starts too early, never too late.
pub(crate) fn stamps(batch: Bytes, header: &BatchHeader) -> Vec<Stamp> {
    let whole = Stamp { offset: header.base_offset, timestamp: header.max_timestamp };
    if header.uses_append_time() {
        return vec![whole];
    }
    match RecordBatchDecoder::decode(&mut { batch }) {
        Ok(set) if !set.records.is_empty() => {
            let records = set.records.iter();
            records.map(|one| Stamp { offset: one.offset, timestamp: one.timestamp }).collect()
        }
        Ok(_) | Err(_) => vec![whole],
    }
}
