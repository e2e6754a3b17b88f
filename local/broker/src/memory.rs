//! An amount of memory that many share: who takes some gives it back by dropping its share.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Memory is counted in these, so that a semaphore can count any amount.
const UNIT_BYTES: usize = 1024;

/// An amount of memory to share.
#[derive(Clone, Debug)]
pub(crate) struct Memory {
    units: Arc<Semaphore>,
    units_max: u32,
}

/// A part of it.
#[derive(Debug)]
pub(crate) struct Share {
    permit: OwnedSemaphorePermit,
}

impl Memory {
    pub(crate) fn new(bytes_max: usize) -> Self {
        let units_max = u32::try_from(bytes_max / UNIT_BYTES).unwrap_or(u32::MAX);
        let units = usize::try_from(units_max).unwrap_or(Semaphore::MAX_PERMITS);
        let units = Arc::new(Semaphore::new(units.min(Semaphore::MAX_PERMITS)));
        Self { units, units_max }
    }

    /// Waits until `bytes` are free; who asks for more than there is gets all.
    pub(crate) async fn take(&self, bytes: usize) -> Share {
        let permit = Arc::clone(&self.units).acquire_many_owned(self.units(bytes)).await;
        Share { permit: permit.expect("the semaphore is never closed") }
    }

    /// Takes `bytes`, or what is free of them, without waiting.
    pub(crate) fn take_free(&self, bytes: usize) -> Share {
        let mut wanted = self.units(bytes);
        loop {
            let taken = Arc::clone(&self.units).try_acquire_many_owned(wanted);
            if let Ok(permit) = taken {
                return Share { permit };
            }
            // Others may take what was free a moment ago; nothing at all can always be had.
            let free = u32::try_from(self.units.available_permits()).unwrap_or(u32::MAX);
            wanted = free.min(wanted - 1);
        }
    }

    fn units(&self, bytes: usize) -> u32 {
        u32::try_from(bytes.div_ceil(UNIT_BYTES)).unwrap_or(u32::MAX).min(self.units_max)
    }
}

impl Share {
    pub(crate) fn bytes(&self) -> usize {
        self.permit.num_permits() * UNIT_BYTES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_free_is_shared_and_comes_back() {
        let memory = Memory::new(10 * UNIT_BYTES);
        let first = memory.take_free(7 * UNIT_BYTES - 1);
        let second = memory.take_free(7 * UNIT_BYTES);
        let third = memory.take_free(1);
        let shares = [&first, &second, &third].map(|share| share.bytes() / UNIT_BYTES);
        assert_eq!(shares, [7, 3, 0]);
        drop(first);
        assert_eq!(memory.take_free(usize::MAX).bytes(), 7 * UNIT_BYTES);
    }

    #[tokio::test]
    async fn who_wants_more_than_there_is_gets_all() {
        let memory = Memory::new(10 * UNIT_BYTES);
        assert_eq!(memory.take(11 * UNIT_BYTES).await.bytes(), 10 * UNIT_BYTES);
    }
}
