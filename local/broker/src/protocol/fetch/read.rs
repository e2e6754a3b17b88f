//! Reads batches for an answer: as many bytes as its limits allow, cut at a batch's end.

use std::fs::File;
use std::io;

use bytes::Bytes;
use kafka_protocol::error::ResponseError;
use rustix::buffer::spare_capacity;

use crate::batch::BatchHeader;
use crate::log::LocatedBatches;

/// What is left of an answer's `max_bytes`.
pub(super) struct Budget {
    left_bytes: usize,
    is_untouched: bool,
}

impl Budget {
    pub(super) fn new(limit_bytes: usize) -> Self {
        Self { left_bytes: limit_bytes, is_untouched: true }
    }

    /// Reads whole batches. The answer's first batch comes however large it is, so that a consumer
    /// never stands still (KIP-74).
    pub(super) fn read(
        &mut self,
        batches: &LocatedBatches,
        limit_bytes: usize,
    ) -> Result<Bytes, ResponseError> {
        let limit = limit_bytes.min(self.left_bytes);
        if limit < batches.first_batch_bytes && !self.is_untouched {
            return Ok(Bytes::new());
        }
        let limit = limit.max(batches.first_batch_bytes);
        let length = usize::try_from(batches.available_bytes).unwrap_or(usize::MAX).min(limit);
        let mut bytes = read(&batches.file, batches.position, length).map_err(|error| {
            tracing::error!(%error, "A segment cannot be read");
            ResponseError::KafkaStorageError
        })?;
        bytes.truncate(whole_batches(&bytes));
        self.left_bytes = self.left_bytes.saturating_sub(bytes.len());
        self.is_untouched &= bytes.is_empty();
        Ok(Bytes::from(bytes))
    }
}

/// Reads into memory that nobody has filled with zeros before.
fn read(file: &File, position: u64, length: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(length);
    while bytes.len() < length {
        let at = position + bytes.len() as u64;
        match rustix::io::pread(file, spare_capacity(&mut bytes), at) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    bytes.truncate(length);
    Ok(bytes)
}

/// How many of `bytes` are whole batches.
fn whole_batches(bytes: &[u8]) -> usize {
    let mut end = 0;
    while let Some(header) = BatchHeader::parse(&bytes[end..]) {
        if header.size_bytes > bytes.len() - end {
            break;
        }
        end += header.size_bytes;
    }
    end
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::Arc;

    use super::*;
    use crate::batch::fixture::BatchBuilder;

    /// Three equal batches in a file.
    fn three() -> (LocatedBatches, usize) {
        let batch = BatchBuilder::values(["value"]).build();
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&batch.repeat(3)).unwrap();
        let located = LocatedBatches {
            file: Arc::new(file),
            position: 0,
            available_bytes: 3 * batch.len() as u64,
            first_batch_bytes: batch.len(),
        };
        (located, batch.len())
    }

    #[test]
    fn answers_hold_whole_batches_only() {
        let (batches, size) = three();
        for limit in size..3 * size + 9 {
            let read = Budget::new(usize::MAX).read(&batches, limit).unwrap();
            assert_eq!(read.len(), (limit / size).min(3) * size, "limit {limit}");
        }
    }

    #[test]
    fn the_first_batch_comes_whole_however_small_the_limits() {
        let (batches, size) = three();
        assert_eq!(Budget::new(1).read(&batches, 1).unwrap().len(), size);
    }

    #[test]
    fn a_later_partition_gets_nothing_beyond_the_limit() {
        let (batches, size) = three();
        let mut budget = Budget::new(2 * size + 1);
        assert_eq!(budget.read(&batches, 2 * size).unwrap().len(), 2 * size);
        assert_eq!(budget.read(&batches, 2 * size).unwrap().len(), 0);
    }
}
