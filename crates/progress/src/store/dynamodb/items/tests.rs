//! Items as they are written and read, and how large they can become.

use super::*;
use crate::{archive::BlockName, keys::Consumer, plan::RECORDS_MAX};
use event::Stream;

fn partition() -> PartitionKey {
    let stream = Stream { cluster: "c".into(), topic: "t".repeat(249), epoch: u32::MAX };
    Consumer::new("n".repeat(64)).partition(&stream, i32::MAX)
}

fn chunk_of(offsets: impl Iterator<Item = i64> + Clone, reason: &str) -> Chunk {
    Chunk {
        checksums: offsets.clone().map(|_| u32::MAX).collect(),
        failed: offsets.clone().map(|offset| (offset, reason.to_owned())).collect(),
        skipped: Offsets::default(),
        applied_at_ms: i64::MAX,
        blocks: vec![BlockName { id: "0".repeat(32), parts: 3 }; 8],
        late: true,
        version: u64::MAX,
        expires_at: i64::MAX,
        offsets: offsets.collect(),
    }
}

/// DynamoDB's rules of item size, a little generous (Developer Guide, "Item sizes and formats").
fn size_bytes(value: &AttributeValue) -> usize {
    match value {
        AttributeValue::S(text) => text.len(),
        AttributeValue::N(digits) => digits.len() / 2 + 2,
        AttributeValue::B(bytes) => bytes.as_ref().len(),
        AttributeValue::L(list) => {
            3 + list.iter().map(|value| 1 + size_bytes(value)).sum::<usize>()
        }
        AttributeValue::M(map) => {
            3 + map.iter().map(|(name, value)| 1 + name.len() + size_bytes(value)).sum::<usize>()
        }
        _ => 1,
    }
}

#[test]
fn a_chunk_comes_back_as_it_was() {
    let mut chunk = chunk_of([3, 4, 9].into_iter(), "why");
    chunk.failed.remove(&4);
    chunk.skipped = [9].into_iter().collect();
    let item = chunk_item(&partition(), chunk.clone());
    assert_eq!(super::chunk(&item).unwrap(), chunk);
}

#[test]
fn the_largest_possible_chunk_fits_an_item_with_room_to_spare() {
    let top = i64::MAX - 1;
    let count = i64::try_from(RECORDS_MAX).unwrap();
    let offsets = (0..count).map(|index| top - 2 * (count - index));
    let item = chunk_item(&partition(), chunk_of(offsets, &"r".repeat(256)));
    let size: usize = item.iter().map(|(name, value)| name.len() + size_bytes(value)).sum();
    assert!(size < 350 * 1024, "{size} bytes");
}

#[test]
fn a_fence_that_was_never_moved_is_at_zero_with_its_attempts() {
    let mut item = key("p", "fence");
    item.insert("attempts".into(), number(2));
    item.insert("late_7".into(), number(1));
    item.insert("late_8".into(), number(-1));
    let fence = fence(&item).unwrap();
    assert_eq!((fence.next, fence.version, fence.attempts), (0, 0, 2));
    assert_eq!(fence.late_attempts.into_iter().collect::<Vec<_>>(), [(7, 1), (8, 0)]);
}

#[test]
fn a_damaged_item_is_named_with_its_attribute() {
    let mut item = chunk_item(&partition(), chunk_of([1, 2].into_iter(), "why"));
    item.insert("checksums".into(), AttributeValue::B(Blob::new([0; 4])));
    let error = chunk(&item).unwrap_err().to_string();
    assert!(
        error.contains("`checksums`") && error.contains("chunk/0000000000000000001"),
        "{error}"
    );
}
