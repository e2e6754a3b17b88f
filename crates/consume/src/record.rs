//! What a record says of itself.

use event::{Coordinates, Envelope, Receipt, StreamKeys};
use kafka_batch::{Record, Slice};

/// The record's envelope; `None` for a record that is not one of ours, or not a sound one.
pub fn envelope<'r>(record: &'r Record<'_>) -> Option<Envelope<'r>> {
    let headers = record.headers.iter().map(|header| (&*header.name, &*header.value));
    Envelope::decode(headers).ok().flatten()
}

/// The record's receipt, under the key it was minted with if `keys` still have it; `None` for a place that no
/// receipt can stand for.
pub fn receipt(keys: &StreamKeys, slice: &Slice<'_>, record: &Record<'_>) -> Option<Receipt> {
    let place = Coordinates::new(slice.partition, record.offset).ok()?;
    let key_id = envelope(record).and_then(|envelope| envelope.receipt_key);
    let named = key_id.and_then(|key_id| keys.mint_under(key_id, place));
    Some(named.unwrap_or_else(|| keys.mint(place)))
}
