//! Where an event lies: a stream, and a place in it. Nothing here knows Kafka's protocol.

use std::fmt;

/// The highest partition number that fits a receipt: 18 bits.
pub const PARTITION_MAX: i32 = (1 << 18) - 1;

/// The highest offset that fits a receipt: 62 bits, half of what Kafka could count.
pub const OFFSET_MAX: i64 = (1 << 62) - 1;

/// One life of one topic: what a receipt is bound to.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Stream {
    /// The cluster's ARN, or the name given to a self-managed cluster.
    pub cluster: String,
    /// The topic's name.
    pub topic: String,
    /// Raised by one whenever the topic is recreated, because its offsets then start again at zero.
    pub epoch: u32,
}

impl fmt::Display for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} epoch {}", self.cluster, self.topic, self.epoch)
    }
}

/// A place in a stream. Only places that fit a receipt can be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Coordinates {
    partition: i32,
    offset: i64,
}

impl Coordinates {
    /// Fails when the partition is not in `0..=PARTITION_MAX` or the offset not in `0..=OFFSET_MAX`.
    pub fn new(partition: i32, offset: i64) -> Result<Self, CoordinatesError> {
        if !(0..=PARTITION_MAX).contains(&partition) {
            return Err(CoordinatesError::Partition { partition });
        }
        if !(0..=OFFSET_MAX).contains(&offset) {
            return Err(CoordinatesError::Offset { offset });
        }
        Ok(Self { partition, offset })
    }

    /// The partition's number, from 0.
    pub fn partition(self) -> i32 {
        self.partition
    }

    /// The offset within the partition, from 0.
    pub fn offset(self) -> i64 {
        self.offset
    }
}

impl fmt::Display for Coordinates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.partition, self.offset)
    }
}

/// A place that no receipt can stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CoordinatesError {
    /// Negative, or above [`PARTITION_MAX`].
    #[error("partition {partition} is not between 0 and {PARTITION_MAX}")]
    Partition {
        /// What was given.
        partition: i32,
    },
    /// Negative (Kafka's -1 says that the offset is not known), or above [`OFFSET_MAX`].
    #[error("offset {offset} is not between 0 and {OFFSET_MAX}")]
    Offset {
        /// What was given.
        offset: i64,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_corners_of_the_range_are_places() {
        assert!(Coordinates::new(0, 0).is_ok());
        assert!(Coordinates::new(PARTITION_MAX, OFFSET_MAX).is_ok());
    }

    #[test]
    fn what_lies_outside_the_range_is_refused() {
        for partition in [-1, PARTITION_MAX + 1, i32::MIN, i32::MAX] {
            assert_eq!(
                Coordinates::new(partition, 0),
                Err(CoordinatesError::Partition { partition })
            );
        }
        for offset in [-1, OFFSET_MAX + 1, i64::MIN, i64::MAX] {
            assert_eq!(Coordinates::new(0, offset), Err(CoordinatesError::Offset { offset }));
        }
    }
}
