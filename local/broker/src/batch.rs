//! The header of a record batch in Kafka's format v2: reading, checking and stamping it.
//!
//! Records inside a batch are opaque here, compressed or not: a batch is kept as its producer sent
//! it, except for the fields that a broker owns.
//!
//! Source: <https://kafka.apache.org/documentation/#recordbatch>

use bytes::{Buf, Bytes};
use kafka_protocol::error::ResponseError;

#[cfg(test)]
pub(crate) mod fixture;

/// Bytes from the start of a batch to its first record.
pub(crate) const HEADER_BYTES: usize = 61;

/// Bytes before the part that the batch's length field counts: base offset and the field itself.
const LENGTH_OVERHEAD_BYTES: usize = 12;

/// The checksum covers everything from the attributes on, so base offset and leader epoch may
/// change without touching it.
const CRC_START: usize = 21;

/// Batches of this format, and no other, are kept.
pub(crate) const MAGIC_V2: i8 = 2;
const COMPRESSION_MASK: i16 = 0b111;
const COMPRESSION_CODES_MAX: i16 = 4;
const LOG_APPEND_TIME: i16 = 1 << 3;
const TRANSACTIONAL: i16 = 1 << 4;
const CONTROL: i16 = 1 << 5;

/// Zstandard's code in the attributes.
pub(crate) const ZSTD: i16 = 4;

/// The leader epoch of every batch and every answer: with one node there is one leader, ever.
pub(crate) const LEADER_EPOCH: i32 = 0;

/// A batch header as it stands in a segment file or a Produce request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BatchHeader {
    pub(crate) base_offset: i64,
    /// The whole batch, header included.
    pub(crate) size_bytes: usize,
    pub(crate) magic: i8,
    pub(crate) crc: u32,
    pub(crate) attributes: i16,
    pub(crate) last_offset_delta: i32,
    pub(crate) base_timestamp: i64,
    pub(crate) max_timestamp: i64,
    /// -1 where the producer is not idempotent.
    pub(crate) producer_id: i64,
    pub(crate) producer_epoch: i16,
    pub(crate) base_sequence: i32,
    pub(crate) record_count: i32,
}

impl BatchHeader {
    /// Reads the header at the start of `bytes`; `None` where it is too short or its length field
    /// cannot be true.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let mut rest = bytes.get(..HEADER_BYTES)?;
        let base_offset = rest.get_i64();
        let length = usize::try_from(rest.get_i32()).ok()?;
        let size_bytes = LENGTH_OVERHEAD_BYTES.checked_add(length)?;
        let _leader_epoch = rest.get_i32();
        let header = Self {
            base_offset,
            size_bytes,
            magic: rest.get_i8(),
            crc: rest.get_u32(),
            attributes: rest.get_i16(),
            last_offset_delta: rest.get_i32(),
            base_timestamp: rest.get_i64(),
            max_timestamp: rest.get_i64(),
            producer_id: rest.get_i64(),
            producer_epoch: rest.get_i16(),
            base_sequence: rest.get_i32(),
            record_count: rest.get_i32(),
        };
        (size_bytes >= HEADER_BYTES).then_some(header)
    }

    pub(crate) fn last_offset(&self) -> i64 {
        self.base_offset.saturating_add(i64::from(self.last_offset_delta))
    }

    /// Sequence numbers wrap to 0 after `i32::MAX`.
    pub(crate) fn last_sequence(&self) -> i32 {
        let wrapped = (i64::from(self.base_sequence) + i64::from(self.last_offset_delta))
            % (i64::from(i32::MAX) + 1);
        i32::try_from(wrapped).unwrap_or(0)
    }

    pub(crate) fn is_idempotent(&self) -> bool {
        self.producer_id >= 0
    }

    pub(crate) fn compression(&self) -> i16 {
        self.attributes & COMPRESSION_MASK
    }

    /// Whether the timestamp of every record is the batch's `max_timestamp`.
    pub(crate) fn uses_append_time(&self) -> bool {
        self.attributes & LOG_APPEND_TIME != 0
    }
}

/// Whether `batch`, which holds exactly one batch, still has the bytes it was sent with.
pub(crate) fn crc_matches(batch: &[u8], header: &BatchHeader) -> bool {
    crc32c::crc32c(&batch[CRC_START..]) == header.crc
}

/// Checks what a producer sent for one partition, in Kafka's order (`LogValidator`).
///
/// Since Produce v3 that is exactly one batch. Transactions are not supported, so a transactional
/// batch is answered as one outside a transaction is.
pub(crate) fn check(records: &[u8]) -> Result<BatchHeader, ResponseError> {
    if records.get(16).is_some_and(|magic| *magic != MAGIC_V2.to_be_bytes()[0]) {
        return Err(ResponseError::InvalidRecord);
    }
    // What is not a whole batch is none.
    if records.len() < HEADER_BYTES {
        return Err(ResponseError::InvalidRecord);
    }
    let header = BatchHeader::parse(records).ok_or(ResponseError::CorruptMessage)?;
    if header.size_bytes != records.len() {
        return Err(ResponseError::InvalidRecord);
    }
    if !crc_matches(records, &header) {
        return Err(ResponseError::CorruptMessage);
    }
    let offsets = i64::from(header.last_offset_delta) + 1;
    let counts_agree = header.record_count > 0 && offsets == i64::from(header.record_count);
    let sequenced = !header.is_idempotent() || header.base_sequence >= 0;
    let known_codec = header.compression() <= COMPRESSION_CODES_MAX;
    if !counts_agree || !sequenced || !known_codec || header.attributes & CONTROL != 0 {
        return Err(ResponseError::InvalidRecord);
    }
    if header.attributes & TRANSACTIONAL != 0 {
        return Err(ResponseError::InvalidTxnState);
    }
    Ok(header)
}

/// A checked batch ready to be written: a header of our own, the producer's bytes behind it.
#[derive(Debug)]
pub(crate) struct StampedBatch {
    pub(crate) header: [u8; HEADER_BYTES],
    pub(crate) body: Bytes,
}

impl StampedBatch {
    /// Gives a batch that [`check`] accepted its place in the log, and its append time where the
    /// topic asks for one.
    pub(crate) fn new(records: &Bytes, base_offset: i64, append_time_ms: Option<i64>) -> Self {
        let mut header = [0; HEADER_BYTES];
        header.copy_from_slice(&records[..HEADER_BYTES]);
        let body = records.slice(HEADER_BYTES..);
        header[0..8].copy_from_slice(&base_offset.to_be_bytes());
        header[12..16].copy_from_slice(&LEADER_EPOCH.to_be_bytes());
        if let Some(time) = append_time_ms {
            let attributes = i16::from_be_bytes([header[21], header[22]]) | LOG_APPEND_TIME;
            header[21..23].copy_from_slice(&attributes.to_be_bytes());
            header[35..43].copy_from_slice(&time.to_be_bytes());
            let crc = crc32c::crc32c_append(crc32c::crc32c(&header[CRC_START..]), &body);
            header[17..21].copy_from_slice(&crc.to_be_bytes());
        }
        Self { header, body }
    }
}

#[cfg(test)]
mod tests {
    use super::fixture::BatchBuilder;
    use super::*;

    #[test]
    fn accepts_a_batch_as_a_producer_sends_it() {
        let batch = BatchBuilder::values(["a", "b"]).idempotent(7, 0, 3).build();
        let header = check(&batch).unwrap();
        assert_eq!(header.size_bytes, batch.len());
        assert_eq!((header.record_count, header.last_offset_delta), (2, 1));
        assert_eq!((header.producer_id, header.base_sequence, header.last_sequence()), (7, 3, 4));
    }

    #[test]
    fn refuses_any_single_flipped_bit_behind_the_checksum() {
        let batch = BatchBuilder::values(["some value"]).build();
        for at in CRC_START..batch.len() {
            let mut broken = batch.to_vec();
            broken[at] ^= 1;
            assert_eq!(check(&broken), Err(ResponseError::CorruptMessage), "byte {at}");
        }
    }

    #[test]
    fn refuses_every_truncation() {
        let batch = BatchBuilder::values(["some value"]).build();
        for length in 0..batch.len() {
            assert!(check(&batch[..length]).is_err(), "{length} bytes");
        }
    }

    #[test]
    fn refuses_two_batches_and_transactional_ones() {
        let one = BatchBuilder::values(["a"]).build();
        assert_eq!(check(&[&one[..], &one[..]].concat()), Err(ResponseError::InvalidRecord));
        let transactional = BatchBuilder::values(["a"]).attributes(TRANSACTIONAL).build();
        assert_eq!(check(&transactional), Err(ResponseError::InvalidTxnState));
        let control = BatchBuilder::values(["a"]).attributes(CONTROL).build();
        assert_eq!(check(&control), Err(ResponseError::InvalidRecord));
    }

    #[test]
    fn stamping_keeps_the_checksum_true() {
        let batch = BatchBuilder::values(["a"]).build();
        for append_time in [None, Some(1_234)] {
            let stamped = StampedBatch::new(&batch, 42, append_time);
            let bytes = [&stamped.header[..], &stamped.body[..]].concat();
            let header = check(&bytes).unwrap();
            assert_eq!(header.base_offset, 42);
            assert_eq!(header.uses_append_time(), append_time.is_some());
            assert_eq!(append_time.unwrap_or(header.max_timestamp), header.max_timestamp);
        }
    }

    #[test]
    fn sequences_wrap_after_the_largest() {
        let batch = BatchBuilder::values(["a", "b"]).idempotent(1, 0, i32::MAX).build();
        assert_eq!(check(&batch).unwrap().last_sequence(), 0);
    }
}
