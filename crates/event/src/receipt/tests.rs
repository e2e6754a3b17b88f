//! Receipts are a permutation with check bits, bound to their stream and key.

use std::collections::HashSet;

use proptest::prelude::*;

use super::*;
use crate::{KeyRing, OFFSET_MAX, PARTITION_MAX, Stream};

const SECRET_A: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const SECRET_B: &str = "ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8=";

fn stream(cluster: &str, topic: &str, epoch: u32) -> Stream {
    Stream { cluster: cluster.into(), topic: topic.into(), epoch }
}

fn keys_of(ring: &str, stream: &Stream) -> StreamKeys {
    KeyRing::parse(ring).unwrap().for_stream(stream)
}

fn keys() -> StreamKeys {
    keys_of(&format!("a:{SECRET_A}"), &stream("cluster", "events", 1))
}

fn place(partition: i32, offset: i64) -> Coordinates {
    Coordinates::new(partition, offset).unwrap()
}

fn places() -> impl Strategy<Value = Coordinates> {
    (0..=PARTITION_MAX, 0..=OFFSET_MAX).prop_map(|(partition, offset)| place(partition, offset))
}

proptest! {
    #[test]
    fn what_was_minted_opens(place in places()) {
        prop_assert_eq!(keys().open(keys().mint(place)), Some(place));
    }

    #[test]
    fn a_receipt_is_a_version_8_uuid(place in places()) {
        let uuid = keys().mint(place).as_uuid();
        prop_assert_eq!(uuid.get_version_num(), 8);
        prop_assert_eq!(uuid.get_variant(), uuid::Variant::RFC4122);
    }

    #[test]
    fn distinct_places_have_distinct_receipts(a in places(), b in places()) {
        prop_assert_eq!(a == b, keys().mint(a) == keys().mint(b));
    }

    #[test]
    fn a_flipped_bit_does_not_verify(place in places(), bit in 0..128_u32) {
        let forged = keys().mint(place).as_uuid().as_u128() ^ (1 << bit);
        prop_assert_eq!(keys().open(Receipt::from_uuid(Uuid::from_u128(forged))), None);
    }

    #[test]
    fn an_invented_uuid_does_not_verify(bits: u128) {
        let invented = (bits & !SHAPE_MASK) | SHAPE;
        prop_assert_eq!(keys().open(Receipt::from_uuid(Uuid::from_u128(invented))), None);
    }

    #[test]
    fn the_shape_gives_back_its_bits(bits in 0..(1_u128 << 122)) {
        prop_assert_eq!(shape(bits) & SHAPE_MASK, SHAPE);
        prop_assert_eq!(unshape(shape(bits)), bits);
    }

    #[test]
    fn the_text_gives_back_the_receipt(place in places()) {
        let receipt = keys().mint(place);
        prop_assert_eq!(receipt.to_string().parse(), Ok(receipt));
        prop_assert_eq!(receipt.to_string().to_uppercase().parse(), Ok(receipt));
    }
}

#[test]
fn neighbours_have_distinct_receipts() {
    let keys = keys();
    let receipts: HashSet<Receipt> =
        (0..4).flat_map(|p| (0..2_500).map(move |o| place(p, o))).map(|at| keys.mint(at)).collect();
    assert_eq!(receipts.len(), 10_000);
}

#[test]
fn another_streams_keys_do_not_open() {
    let ring = format!("a:{SECRET_A}");
    let receipt = keys_of(&ring, &stream("cluster", "events", 1)).mint(place(3, 14));
    for other in [
        stream("cluster2", "events", 1),
        stream("cluster", "event", 1),
        stream("cluster", "events", 2),
        stream("clustere", "vents", 1),
        stream("", "clusterevents", 1),
    ] {
        assert_eq!(keys_of(&ring, &other).open(receipt), None, "{other}");
    }
}

#[test]
fn receipts_survive_a_rotation() {
    let stream = stream("cluster", "events", 1);
    let before = keys_of(&format!("a:{SECRET_A}"), &stream);
    let after = keys_of(&format!("b:{SECRET_B},a:{SECRET_A}"), &stream);
    let at = place(3, 14);
    let old = before.mint(at);
    assert_eq!(after.open(old), Some(at));
    assert_eq!(after.mint_under("a", at), Some(old));
    assert_ne!(after.mint(at), old);
    assert_eq!(after.mint_under(after.current_key_id(), at), Some(after.mint(at)));
    assert_eq!(before.open(after.mint(at)), None);
}

#[test]
fn a_retired_key_neither_mints_nor_opens() {
    let stream = stream("cluster", "events", 1);
    let old = keys_of(&format!("a:{SECRET_A}"), &stream).mint(place(3, 14));
    let retired = keys_of(&format!("b:{SECRET_B}"), &stream);
    assert_eq!(retired.open(old), None);
    assert_eq!(retired.mint_under("a", place(3, 14)), None);
}

/// Computed once by another implementation (Python's `hmac` and `openssl enc -aes-128-ecb`). They must never change:
/// receipts outlive the program that minted them.
#[test]
fn known_answers() {
    let check = |at: Coordinates, expected: &str| {
        assert_eq!(keys().mint(at).to_string(), expected, "{at}");
        assert_eq!(keys().open(expected.parse().unwrap()), Some(at), "{expected}");
    };
    check(place(0, 0), "b067234f-7fee-8d77-b793-d113b96dfd92");
    check(place(0, 1), "64220851-6cea-8305-b9c8-454383278618");
    check(place(1, 0), "af2fbacf-09e4-829e-8b8d-d24084712586");
    check(place(7, 1_234_567_890_123), "7168324b-8fb4-8a1d-9fa1-0d652128fbfd");
    check(place(PARTITION_MAX, OFFSET_MAX), "a66bbd5c-4f28-8ac3-a458-ca98fe88bf9d");
}

/// The walk passes over blocks that would lead to the same place.
#[test]
fn a_step_on_the_way_to_a_receipt_does_not_open() {
    let keys = keys();
    let mut block = Block::from(shape(pack(place(3, 14))).to_be_bytes());
    keys.current().cipher.encrypt_block(&mut block);
    let step = u128::from_be_bytes(block.into());
    assert_ne!(step & SHAPE_MASK, SHAPE, "this place takes more than one step");
    assert_eq!(keys.open(Receipt::from_uuid(Uuid::from_u128(step))), None);
}

#[test]
fn other_spellings_of_a_uuid_are_refused() {
    let receipt = keys().mint(place(1, 2));
    let uuid = receipt.as_uuid();
    for text in [
        uuid.simple().to_string(),
        uuid.braced().to_string(),
        uuid.urn().to_string(),
        String::new(),
        "events".to_owned(),
        format!("{receipt} "),
        receipt.to_string().replace('-', "_"),
    ] {
        assert_eq!(text.parse::<Receipt>(), Err(ReceiptTextError), "{text}");
    }
}
