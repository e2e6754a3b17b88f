//! What a partition remembers of its idempotent producers, and the sequence check that makes a
//! repeated send harmless.
//!
//! Source: KIP-98 and Kafka's `ProducerStateManager`. Pure: the log is where it is rebuilt from.

use std::collections::BTreeMap;

use bytes::{Buf, BufMut};
use kafka_protocol::error::ResponseError;

use crate::batch::BatchHeader;

/// A client may have five requests in flight, so any of its last five batches may come again.
const RECENT_BATCHES: usize = 5;

/// Bounds the memory of a partition that very many short-lived producers write to; beyond it the
/// one silent for longest is forgotten, as Kafka does after a day.
const PRODUCERS_MAX: usize = 10_000;

/// `producer.id.expiration.ms`: a producer silent for this long is forgotten.
pub(crate) const PRODUCER_EXPIRY_MS: i64 = 24 * 60 * 60 * 1_000;

/// The producers of one partition.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Producers {
    by_id: BTreeMap<i64, Producer>,
    /// What to put back, last first, if the batches recorded since [`Self::keep`] are not written.
    before: Vec<(i64, Option<Producer>)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Producer {
    epoch: i16,
    /// Oldest first.
    recent: [RecentBatch; RECENT_BATCHES],
    recent_count: usize,
    last_append_ms: i64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct RecentBatch {
    first_sequence: i32,
    last_sequence: i32,
    base_offset: i64,
    newest_ms: i64,
}

/// What to do with a batch whose sequence was found to be in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sequence {
    /// Append it.
    Next,
    /// It is in the log already, at this offset: answer as for the first time.
    Duplicate {
        /// Where the log has it.
        base_offset: i64,
        /// Its largest timestamp, which Kafka answers as its append time.
        newest_ms: i64,
    },
}

impl Producer {
    fn new(epoch: i16, last_append_ms: i64) -> Self {
        let recent = [RecentBatch::default(); RECENT_BATCHES];
        Self { epoch, recent, recent_count: 0, last_append_ms }
    }

    fn recent(&self) -> &[RecentBatch] {
        &self.recent[..self.recent_count]
    }

    fn push(&mut self, batch: RecentBatch) {
        if self.recent_count == RECENT_BATCHES {
            self.recent.rotate_left(1);
        } else {
            self.recent_count += 1;
        }
        self.recent[self.recent_count - 1] = batch;
    }
}

impl Producers {
    /// Judges the sequence of a batch that is about to be appended.
    pub(crate) fn check(&self, header: &BatchHeader) -> Result<Sequence, ResponseError> {
        let known = header.is_idempotent().then(|| self.by_id.get(&header.producer_id)).flatten();
        let Some(producer) = known else {
            return Ok(Sequence::Next);
        };
        if header.producer_epoch < producer.epoch {
            return Err(ResponseError::InvalidProducerEpoch);
        }
        if header.producer_epoch > producer.epoch {
            let starts_over = header.base_sequence == 0;
            return if starts_over {
                Ok(Sequence::Next)
            } else {
                Err(ResponseError::OutOfOrderSequenceNumber)
            };
        }
        let repeated = producer.recent().iter().find(|recent| {
            recent.first_sequence == header.base_sequence
                && recent.last_sequence == header.last_sequence()
        });
        if let Some(recent) = repeated {
            return Ok(Sequence::Duplicate {
                base_offset: recent.base_offset,
                newest_ms: recent.newest_ms,
            });
        }
        let last = producer.recent().last().map_or(-1, |recent| recent.last_sequence);
        if header.base_sequence == last.checked_add(1).unwrap_or(0) {
            Ok(Sequence::Next)
        } else {
            Err(ResponseError::OutOfOrderSequenceNumber)
        }
    }

    /// Notes a batch that goes into the log at `header.base_offset`.
    pub(crate) fn record(&mut self, header: &BatchHeader, now_ms: i64) {
        if !header.is_idempotent() {
            return;
        }
        let id = header.producer_id;
        let known = self.by_id.get(&id).copied();
        if known.is_none() && self.by_id.len() >= PRODUCERS_MAX {
            self.forget_most_silent();
        }
        self.before.push((id, known));
        let same_epoch = known.filter(|producer| producer.epoch == header.producer_epoch);
        let mut producer =
            same_epoch.unwrap_or_else(|| Producer::new(header.producer_epoch, now_ms));
        producer.push(RecentBatch {
            first_sequence: header.base_sequence,
            last_sequence: header.last_sequence(),
            base_offset: header.base_offset,
            newest_ms: header.max_timestamp,
        });
        producer.last_append_ms = now_ms;
        self.by_id.insert(id, producer);
    }

    /// The batches recorded so far are in the log.
    pub(crate) fn keep(&mut self) {
        self.before.clear();
    }

    /// The batches recorded since [`Self::keep`] did not get into the log.
    pub(crate) fn take_back(&mut self) {
        for (id, producer) in self.before.drain(..).rev() {
            match producer {
                Some(producer) => self.by_id.insert(id, producer),
                None => self.by_id.remove(&id),
            };
        }
    }

    /// Forgets producers whose last append is older than `before_ms`.
    pub(crate) fn expire(&mut self, before_ms: i64) {
        self.by_id.retain(|_, producer| producer.last_append_ms >= before_ms);
    }

    fn forget_most_silent(&mut self) {
        let silent = self.by_id.iter().min_by_key(|(_, producer)| producer.last_append_ms);
        if let Some((id, producer)) = silent.map(|(id, producer)| (*id, *producer)) {
            self.before.push((id, Some(producer)));
            self.by_id.remove(&id);
        }
    }

    /// Writes all of it, for a recovery point.
    pub(crate) fn encode(&self, into: &mut Vec<u8>) {
        into.put_u32(u32::try_from(self.by_id.len()).unwrap_or(0));
        for (id, producer) in &self.by_id {
            into.put_i64(*id);
            into.put_i16(producer.epoch);
            into.put_i64(producer.last_append_ms);
            into.put_u8(u8::try_from(producer.recent_count).unwrap_or(0));
            for batch in producer.recent() {
                into.put_i32(batch.first_sequence);
                into.put_i32(batch.last_sequence);
                into.put_i64(batch.base_offset);
                into.put_i64(batch.newest_ms);
            }
        }
    }

    /// Reads what [`Self::encode`] wrote; `None` where it is something else.
    pub(crate) fn decode(from: &mut &[u8]) -> Option<Self> {
        let mut by_id = BTreeMap::new();
        for _ in 0..from.try_get_u32().ok()? {
            let id = from.try_get_i64().ok()?;
            let epoch = from.try_get_i16().ok()?;
            let mut producer = Producer::new(epoch, from.try_get_i64().ok()?);
            for _ in 0..from.try_get_u8().ok()? {
                producer.push(RecentBatch {
                    first_sequence: from.try_get_i32().ok()?,
                    last_sequence: from.try_get_i32().ok()?,
                    base_offset: from.try_get_i64().ok()?,
                    newest_ms: from.try_get_i64().ok()?,
                });
            }
            by_id.insert(id, producer);
        }
        Some(Self { by_id, before: Vec::new() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::fixture::BatchBuilder;

    fn batch(epoch: i16, sequence: i32, offset: i64) -> BatchHeader {
        let bytes = BatchBuilder::values(["a", "b"]).idempotent(9, epoch, sequence).build();
        BatchHeader { base_offset: offset, ..BatchHeader::parse(&bytes).unwrap() }
    }

    fn after(batches: &[BatchHeader]) -> Producers {
        let mut producers = Producers::default();
        for batch in batches {
            assert_eq!(producers.check(batch), Ok(Sequence::Next));
            producers.record(batch, 0);
        }
        producers
    }

    #[test]
    fn answers_a_repeat_of_the_last_five_batches_with_its_first_offset() {
        let batches: Vec<_> = (0..6).map(|n| batch(0, n * 2, 100 + i64::from(n) * 2)).collect();
        let producers = after(&batches);
        for sent in &batches[1..] {
            let offset = sent.base_offset;
            let expected = Sequence::Duplicate { base_offset: offset, newest_ms: 1_000 };
            assert_eq!(producers.check(&BatchHeader { base_offset: 0, ..*sent }), Ok(expected));
        }
        let sixth_from_last = producers.check(&batches[0]);
        assert_eq!(sixth_from_last, Err(ResponseError::OutOfOrderSequenceNumber));
    }

    #[test]
    fn refuses_a_gap_and_a_batch_cut_differently() {
        let producers = after(&[batch(0, 0, 0)]);
        let gap = producers.check(&batch(0, 3, 0));
        assert_eq!(gap, Err(ResponseError::OutOfOrderSequenceNumber));
        let recut = producers.check(&batch(0, 1, 0));
        assert_eq!(recut, Err(ResponseError::OutOfOrderSequenceNumber));
    }

    #[test]
    fn a_new_epoch_starts_at_zero_and_fences_the_old_one() {
        let mut producers = after(&[batch(0, 0, 0)]);
        let mid = producers.check(&batch(1, 2, 0));
        assert_eq!(mid, Err(ResponseError::OutOfOrderSequenceNumber));
        assert_eq!(producers.check(&batch(1, 0, 2)), Ok(Sequence::Next));
        producers.record(&batch(1, 0, 2), 0);
        let old = producers.check(&batch(0, 2, 0));
        assert_eq!(old, Err(ResponseError::InvalidProducerEpoch));
    }

    #[test]
    fn accepts_any_sequence_from_a_producer_it_does_not_know() {
        let mut producers = after(&[batch(0, 0, 0)]);
        producers.expire(1);
        assert_eq!(producers.check(&batch(0, 500, 0)), Ok(Sequence::Next));
    }

    #[test]
    fn the_sequence_wraps_to_zero() {
        let producers = after(&[batch(0, i32::MAX - 1, 0)]);
        assert_eq!(producers.check(&batch(0, 0, 2)), Ok(Sequence::Next));
    }

    #[test]
    fn remembers_a_bounded_number_of_producers() {
        let mut producers = Producers::default();
        for id in 0..=i64::try_from(PRODUCERS_MAX).unwrap() {
            producers.record(&BatchHeader { producer_id: id, ..batch(0, 0, id) }, id);
        }
        assert_eq!(producers.by_id.len(), PRODUCERS_MAX);
        assert!(!producers.by_id.contains_key(&0));
    }

    #[test]
    fn what_was_not_written_is_taken_back() {
        let mut producers = after(&[batch(0, 0, 0)]);
        producers.keep();
        producers.record(&batch(0, 2, 2), 5);
        producers.record(&batch(0, 4, 4), 5);
        producers.record(&BatchHeader { producer_id: 10, ..batch(0, 0, 6) }, 5);
        producers.take_back();
        let mut expected = after(&[batch(0, 0, 0)]);
        expected.keep();
        assert_eq!(producers, expected);
    }

    #[test]
    fn what_is_written_for_a_recovery_point_is_read_back_and_nothing_else() {
        let mut producers = after(&[batch(0, 0, 0), batch(0, 2, 2), batch(1, 0, 4)]);
        producers.record(&BatchHeader { producer_id: 10, ..batch(0, 0, 6) }, 5);
        producers.keep();
        let mut bytes = Vec::new();
        producers.encode(&mut bytes);
        assert_eq!(Producers::decode(&mut &bytes[..]), Some(producers));
        for length in 0..bytes.len() {
            assert_eq!(Producers::decode(&mut &bytes[..length]), None, "{length} bytes");
        }
    }
}
