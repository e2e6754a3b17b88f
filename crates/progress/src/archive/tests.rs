//! Blocks as they are packed, cut and read back.

use super::*;
use crate::keys::Consumer;
use event::Stream;
use proptest::{collection::vec, prelude::*};

fn partition() -> PartitionKey {
    let stream = Stream { cluster: "c".into(), topic: "t".into(), epoch: 1 };
    Consumer::new("test").partition(&stream, 0)
}

/// Packs bodies at the offsets 0, 1, ... and reads them back.
fn round_trip(bodies: &[Vec<u8>]) -> (Vec<BlockName>, Vec<BlockPart>, Vec<ArchivedRecord>) {
    let kept: Vec<Kept<'_>> = bodies
        .iter()
        .enumerate()
        .map(|(index, body)| Kept { id: format!("id-{index}").into(), timestamp_ms: 7, body })
        .collect();
    let numbered: Vec<_> = (0..).zip(&kept).collect();
    let (names, parts) = encode(&partition(), &numbered);
    let records = names
        .iter()
        .flat_map(|name| {
            let bytes: Vec<u8> = parts
                .iter()
                .filter(|part| part.id == name.id)
                .flat_map(|part| part.bytes.clone())
                .collect();
            decode(&name.id, &bytes).unwrap()
        })
        .collect();
    (names, parts, records)
}

/// Bytes that do not compress.
fn noise(length: usize, seed: u64) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(seed);
    (0..length).map(|_| random.u8(..)).collect()
}

proptest! {
    #[test]
    fn bodies_come_back_as_they_were(bodies in vec(vec(any::<u8>(), 0..300), 0..20)) {
        let (_, _, records) = round_trip(&bodies);
        let found: Vec<_> = records.iter().map(|record| record.body.clone()).collect();
        prop_assert_eq!(found, bodies);
    }

    #[test]
    fn damaged_blocks_never_panic(bytes in vec(any::<u8>(), 0..100)) {
        drop(decode("x", &bytes));
        drop(decode("x", &zstd::bulk::compress(&bytes, 1).unwrap()));
    }
}

#[test]
fn no_bodies_make_no_blocks() {
    let (names, parts, _) = round_trip(&[]);
    assert!(names.is_empty() && parts.is_empty());
}

#[test]
fn a_body_that_does_not_compress_is_split_over_items() {
    let body = noise(900 * 1024, 1);
    let (names, parts, records) = round_trip(std::slice::from_ref(&body));
    assert_eq!(names.len(), 1);
    assert_eq!(names[0].parts, 3);
    assert!(parts.iter().all(|part| part.bytes.len() <= PART_BYTES_MAX));
    assert_eq!(records[0].body, body);
    assert_eq!((records[0].offset, records[0].timestamp_ms, &*records[0].id), (0, 7, "id-0"));
}

#[test]
fn many_bodies_make_blocks_of_bounded_size() {
    let bodies: Vec<_> = (0..9).map(|seed| noise(300 * 1024, seed)).collect();
    let (names, _, records) = round_trip(&bodies);
    assert_eq!(names.len(), 3);
    assert_eq!(records.len(), 9);
}

#[test]
fn the_same_content_has_the_same_name_and_other_content_another() {
    let name = |byte: u8| round_trip(&[vec![byte; 10]]).0;
    assert_eq!(name(1), name(1));
    assert_ne!(name(1), name(2));
}

#[test]
fn a_name_survives_being_written() {
    let name = BlockName { id: "0a".into(), parts: 12 };
    assert_eq!(name.to_string().parse::<BlockName>().unwrap(), name);
    assert!("0a".parse::<BlockName>().is_err());
}
