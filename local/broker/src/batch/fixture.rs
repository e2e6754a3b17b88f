//! Record batches for unit tests, built by hand so that every header field can be chosen.

use bytes::{BufMut, Bytes, BytesMut};

/// Builds one uncompressed batch of records without keys.
#[derive(Debug)]
pub(crate) struct BatchBuilder {
    values: Vec<String>,
    attributes: i16,
    timestamps: Vec<i64>,
    producer: (i64, i16, i32),
}

impl BatchBuilder {
    pub(crate) fn values<const N: usize>(values: [&str; N]) -> Self {
        let values = values.map(str::to_owned).to_vec();
        let timestamps = vec![1_000; N];
        Self { values, attributes: 0, timestamps, producer: (-1, -1, -1) }
    }

    pub(crate) fn attributes(mut self, attributes: i16) -> Self {
        self.attributes = attributes;
        self
    }

    pub(crate) fn timestamps<const N: usize>(mut self, timestamps: [i64; N]) -> Self {
        self.timestamps = timestamps.to_vec();
        self
    }

    pub(crate) fn idempotent(mut self, producer_id: i64, epoch: i16, sequence: i32) -> Self {
        self.producer = (producer_id, epoch, sequence);
        self
    }

    pub(crate) fn build(self) -> Bytes {
        let count = i32::try_from(self.values.len()).unwrap();
        let mut tail = BytesMut::new();
        tail.put_i16(self.attributes);
        tail.put_i32(count - 1);
        tail.put_i64(self.timestamps[0]);
        tail.put_i64(*self.timestamps.iter().max().unwrap());
        tail.put_i64(self.producer.0);
        tail.put_i16(self.producer.1);
        tail.put_i32(self.producer.2);
        tail.put_i32(count);
        for (at, value) in self.values.iter().enumerate() {
            let mut record = BytesMut::new();
            record.put_i8(0);
            put_varint(&mut record, self.timestamps[at] - self.timestamps[0]);
            put_varint(&mut record, i64::try_from(at).unwrap());
            put_varint(&mut record, -1);
            put_varint(&mut record, i64::try_from(value.len()).unwrap());
            record.put_slice(value.as_bytes());
            put_varint(&mut record, 0);
            put_varint(&mut tail, i64::try_from(record.len()).unwrap());
            tail.put(record);
        }
        let mut batch = BytesMut::new();
        batch.put_i64(0);
        batch.put_i32(i32::try_from(tail.len() + 9).unwrap());
        batch.put_i32(-1);
        batch.put_i8(2);
        batch.put_u32(crc32c::crc32c(&tail));
        batch.put(tail);
        batch.freeze()
    }
}

fn put_varint(buffer: &mut BytesMut, value: i64) {
    let mut rest = ((value << 1) ^ (value >> 63)).cast_unsigned();
    while rest >= 0x80 {
        buffer.put_u8(u8::try_from(rest & 0x7f).unwrap() | 0x80);
        rest >>= 7;
    }
    buffer.put_u8(u8::try_from(rest).unwrap());
}
