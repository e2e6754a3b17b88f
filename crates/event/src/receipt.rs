//! Receipts: a place in a stream, encrypted into a UUID. Mints and opens them; knows no clock and no chance.

use std::{fmt, str::FromStr};

use aes::{
    Aes128, Block,
    cipher::{BlockDecrypt, BlockEncrypt, KeyInit},
};
use uuid::Uuid;

use crate::Coordinates;

/// The version nibble and the two variant bits of a UUID (RFC 9562, section 4).
const SHAPE_MASK: u128 = 0x0000_0000_0000_f000_c000_0000_0000_0000;

/// Version 8 (custom), variant 10.
const SHAPE: u128 = 0x0000_0000_0000_8000_8000_0000_0000_0000;

/// Bits below the variant.
const LOW_BITS: u32 = 62;

/// Bits between the version and the variant.
const MIDDLE_BITS: u32 = 12;

/// Zero before encryption, so that a forged receipt is recognised: chance 2^-42 per key.
const CHECK_BITS: u32 = 42;

const OFFSET_BITS: u32 = 62;

/// The public name of an event: where it lies, readable only with a key of the ring that minted it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Receipt(Uuid);

impl Receipt {
    /// Takes any UUID; whether it is a receipt shows when it is opened.
    pub fn from_uuid(uuid: Uuid) -> Self {
        Self(uuid)
    }

    /// The receipt as it is kept and sent.
    pub fn as_uuid(self) -> Uuid {
        self.0
    }
}

/// Takes the hyphenated form only, in either case: one event should not have several spellings.
impl FromStr for Receipt {
    type Err = ReceiptTextError;

    fn from_str(text: &str) -> Result<Self, ReceiptTextError> {
        if text.len() != uuid::fmt::Hyphenated::LENGTH {
            return Err(ReceiptTextError);
        }
        match Uuid::try_parse(text) {
            Ok(uuid) => Ok(Self(uuid)),
            Err(_) => Err(ReceiptTextError),
        }
    }
}

impl fmt::Display for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

impl fmt::Debug for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Receipt({self})")
    }
}

/// A text that is not a UUID with hyphens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a UUID of 36 characters with hyphens")]
pub struct ReceiptTextError;

/// The keys of one stream, ready for use.
#[derive(Clone)]
pub struct StreamKeys {
    keys: Vec<StreamKey>,
}

/// One key of one stream.
#[derive(Clone)]
pub(crate) struct StreamKey {
    id: String,
    cipher: Aes128,
}

impl StreamKey {
    pub(crate) fn new(id: String, key: [u8; 16]) -> Self {
        Self { id, cipher: Aes128::new(&key.into()) }
    }
}

impl StreamKeys {
    pub(crate) fn new(keys: Vec<StreamKey>) -> Self {
        Self { keys }
    }

    /// The receipt of a place, under the current key.
    pub fn mint(&self, place: Coordinates) -> Receipt {
        seal(&self.current().cipher, place)
    }

    /// The receipt of a place under the key its record names, `None` when the ring no longer holds that key.
    pub fn mint_under(&self, key_id: &str, place: Coordinates) -> Option<Receipt> {
        let key = self.keys.iter().find(|key| key.id == key_id)?;
        Some(seal(&key.cipher, place))
    }

    /// The place a receipt stands for, `None` when no key of the ring minted it for this stream.
    pub fn open(&self, receipt: Receipt) -> Option<Coordinates> {
        let sealed = receipt.0.as_u128();
        if sealed & SHAPE_MASK != SHAPE {
            return None;
        }
        self.keys.iter().find_map(|key| unseal(&key.cipher, sealed))
    }

    /// The id of the key that mints: what a record carries as its `ce_receiptkey`.
    pub fn current_key_id(&self) -> &str {
        &self.current().id
    }

    fn current(&self) -> &StreamKey {
        self.keys.first().expect("a key ring holds at least one key")
    }
}

/// Shows the ids only.
impl fmt::Debug for StreamKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ids: Vec<&str> = self.keys.iter().map(|key| key.id.as_str()).collect();
        f.debug_struct("StreamKeys").field("ids", &ids).finish()
    }
}

/// Encrypts until the result has the shape of a receipt. AES permutes all blocks, so walking along its cycle from a
/// block of that shape to the next one permutes the blocks of that shape: 64 steps on average.
fn seal(cipher: &Aes128, place: Coordinates) -> Receipt {
    let mut block = Block::from(shape(pack(place)).to_be_bytes());
    loop {
        cipher.encrypt_block(&mut block);
        let sealed = u128::from_be_bytes(block.into());
        if sealed & SHAPE_MASK == SHAPE {
            return Receipt(Uuid::from_u128(sealed));
        }
    }
}

/// Walks the same cycle backwards, and looks at the check bits.
fn unseal(cipher: &Aes128, sealed: u128) -> Option<Coordinates> {
    let mut block = Block::from(sealed.to_be_bytes());
    loop {
        cipher.decrypt_block(&mut block);
        let shaped = u128::from_be_bytes(block.into());
        if shaped & SHAPE_MASK == SHAPE {
            return unpack(unshape(shaped));
        }
    }
}

/// 18 bits of partition, 62 of offset, 42 zeros.
fn pack(place: Coordinates) -> u128 {
    let partition = u128::from(place.partition().cast_unsigned());
    let offset = u128::from(place.offset().cast_unsigned());
    ((partition << OFFSET_BITS) | offset) << CHECK_BITS
}

fn unpack(packed: u128) -> Option<Coordinates> {
    if packed & ((1 << CHECK_BITS) - 1) != 0 {
        return None;
    }
    let place = packed >> CHECK_BITS;
    let partition = i32::try_from(place >> OFFSET_BITS).expect("18 bits are left");
    let offset = i64::try_from(place & ((1 << OFFSET_BITS) - 1)).expect("62 bits are left");
    Some(Coordinates::new(partition, offset).expect("the widths are the limits of coordinates"))
}

/// Spreads 122 bits around the version and the variant.
fn shape(bits: u128) -> u128 {
    let low = bits & ((1 << LOW_BITS) - 1);
    let middle = (bits >> LOW_BITS) & ((1 << MIDDLE_BITS) - 1);
    let high = bits >> (LOW_BITS + MIDDLE_BITS);
    (high << 80) | (middle << 64) | low | SHAPE
}

/// Takes the version and the variant out again.
fn unshape(shaped: u128) -> u128 {
    let low = shaped & ((1 << LOW_BITS) - 1);
    let middle = (shaped >> 64) & ((1 << MIDDLE_BITS) - 1);
    let high = shaped >> 80;
    (high << (LOW_BITS + MIDDLE_BITS)) | (middle << LOW_BITS) | low
}

#[cfg(test)]
mod tests;
