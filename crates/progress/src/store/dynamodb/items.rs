//! Fences, chunks and block parts as DynamoDB items, and back.

use std::{
    collections::{BTreeMap, HashMap},
    str::FromStr,
};

use aws_sdk_dynamodb::{primitives::Blob, types::AttributeValue};

use crate::{
    archive::BlockPart,
    chunk::Chunk,
    fence::Fence,
    keys::{PartitionKey, block_pk, block_sk, chunk_sk},
    offsets::Offsets,
    store::StoreError,
};

/// An item, or a key.
pub(super) type Item = HashMap<String, AttributeValue>;

/// What the names of the fence's late counters start with; the offset follows.
const LATE_PREFIX: &str = "late_";

/// A number.
pub(super) fn number(value: impl Into<i128>) -> AttributeValue {
    AttributeValue::N(value.into().to_string())
}

/// A key of both parts.
pub(super) fn key(pk: impl Into<String>, sk: impl Into<String>) -> Item {
    HashMap::from([
        ("pk".to_owned(), AttributeValue::S(pk.into())),
        ("sk".to_owned(), AttributeValue::S(sk.into())),
    ])
}

/// The name of the counter of attempts at an offset behind the fence.
pub(super) fn late_attribute(offset: i64) -> String {
    format!("{LATE_PREFIX}{offset}")
}

/// Reads a fence. Attributes that no write has set yet are zero.
pub(super) fn fence(item: &Item) -> Result<Fence, StoreError> {
    let reader = Reader(item);
    let late_attempts = item
        .keys()
        .filter_map(|name| name.strip_prefix(LATE_PREFIX)?.parse().ok())
        .map(|offset| Ok((offset, attempts(&reader, &late_attribute(offset))?)))
        .collect::<Result<_, StoreError>>()?;
    Ok(Fence {
        next: reader.number("next")?.unwrap_or(0),
        version: reader.number("version")?.unwrap_or(0),
        attempts: attempts(&reader, "attempts")?,
        late_attempts,
        horizon: reader.number("horizon")?.unwrap_or(0),
    })
}

/// A counter; one that was taken back too often counts as zero.
fn attempts(reader: &Reader<'_>, name: &str) -> Result<u32, StoreError> {
    let Some(value) = reader.0.get(name) else { return Ok(0) };
    let count: Option<i64> = value.as_n().ok().and_then(|text| text.parse().ok());
    let count = count.ok_or_else(|| reader.damaged("attempts"))?;
    Ok(u32::try_from(count.max(0)).unwrap_or(u32::MAX))
}

/// Writes a chunk.
pub(super) fn chunk_item(partition: &PartitionKey, chunk: Chunk) -> Item {
    let mut item = key(partition.as_str(), chunk_sk(chunk.first()));
    let checksums: Vec<u8> = chunk.checksums.iter().flat_map(|sum| sum.to_be_bytes()).collect();
    item.insert("offsets".into(), AttributeValue::S(chunk.offsets.to_string()));
    item.insert("checksums".into(), AttributeValue::B(Blob::new(checksums)));
    item.insert("applied_at_ms".into(), number(chunk.applied_at_ms));
    item.insert("version".into(), number(chunk.version));
    item.insert("expires_at".into(), number(chunk.expires_at));
    if !chunk.failed.is_empty() {
        let reasons = chunk.failed.into_iter();
        let reasons =
            reasons.map(|(offset, reason)| (offset.to_string(), AttributeValue::S(reason)));
        item.insert("failed".into(), AttributeValue::M(reasons.collect()));
    }
    if !chunk.skipped.is_empty() {
        item.insert("skipped".into(), AttributeValue::S(chunk.skipped.to_string()));
    }
    if !chunk.blocks.is_empty() {
        let names = chunk.blocks.iter().map(|name| AttributeValue::S(name.to_string()));
        item.insert("blocks".into(), AttributeValue::L(names.collect()));
    }
    if chunk.late {
        item.insert("late".into(), AttributeValue::Bool(true));
    }
    item
}

/// Reads a chunk.
pub(super) fn chunk(item: &Item) -> Result<Chunk, StoreError> {
    let reader = Reader(item);
    let offsets: Offsets = reader.required("offsets", reader.text("offsets")?)?;
    let checksums: Vec<u32> = match item.get("checksums") {
        Some(AttributeValue::B(bytes)) => {
            bytes.as_ref().as_chunks().0.iter().map(|bytes| u32::from_be_bytes(*bytes)).collect()
        }
        _ => return Err(reader.damaged("checksums")),
    };
    if offsets.is_empty() || offsets.len() != checksums.len() {
        return Err(reader.damaged("checksums"));
    }
    Ok(Chunk {
        offsets,
        checksums,
        failed: reader.reasons()?,
        skipped: reader.text("skipped")?.unwrap_or_default(),
        applied_at_ms: reader.required("applied_at_ms", reader.number("applied_at_ms")?)?,
        blocks: reader.blocks()?,
        late: matches!(item.get("late"), Some(AttributeValue::Bool(true))),
        version: reader.required("version", reader.number("version")?)?,
        expires_at: reader.required("expires_at", reader.number("expires_at")?)?,
    })
}

/// Writes one part of an archive block.
pub(super) fn part_item(part: BlockPart, expires_at: i64) -> Item {
    let mut item = key(block_pk(&part.id), block_sk(part.part));
    item.insert("bytes".into(), AttributeValue::B(Blob::new(part.bytes)));
    item.insert("expires_at".into(), number(expires_at));
    item
}

/// The bytes of one part of an archive block.
pub(super) fn part_bytes(item: &Item) -> Result<&[u8], StoreError> {
    match item.get("bytes") {
        Some(AttributeValue::B(bytes)) => Ok(bytes.as_ref()),
        _ => Err(Reader(item).damaged("bytes")),
    }
}

/// An item being read: an attribute of another type, or that does not parse, is damage.
struct Reader<'i>(&'i Item);

impl Reader<'_> {
    fn number<T: FromStr>(&self, name: &'static str) -> Result<Option<T>, StoreError> {
        self.parsed(name, |value| value.as_n().ok())
    }

    fn text<T: FromStr>(&self, name: &'static str) -> Result<Option<T>, StoreError> {
        self.parsed(name, |value| value.as_s().ok())
    }

    fn parsed<T: FromStr>(
        &self,
        name: &'static str,
        text: impl Fn(&AttributeValue) -> Option<&String>,
    ) -> Result<Option<T>, StoreError> {
        let Some(value) = self.0.get(name) else { return Ok(None) };
        let parsed = text(value).and_then(|text| text.parse().ok());
        parsed.map(Some).ok_or_else(|| self.damaged(name))
    }

    fn required<T>(&self, name: &'static str, value: Option<T>) -> Result<T, StoreError> {
        value.ok_or_else(|| self.damaged(name))
    }

    fn reasons(&self) -> Result<BTreeMap<i64, String>, StoreError> {
        let Some(value) = self.0.get("failed") else { return Ok(BTreeMap::new()) };
        let reason = |(offset, reason): (&String, &AttributeValue)| {
            Some((offset.parse().ok()?, reason.as_s().ok()?.clone()))
        };
        let reasons = value.as_m().ok().and_then(|map| map.iter().map(reason).collect());
        self.required("failed", reasons)
    }

    fn blocks<T: FromStr>(&self) -> Result<Vec<T>, StoreError> {
        let Some(value) = self.0.get("blocks") else { return Ok(Vec::new()) };
        let name = |name: &AttributeValue| name.as_s().ok()?.parse().ok();
        let names = value.as_l().ok().and_then(|list| list.iter().map(name).collect());
        self.required("blocks", names)
    }

    fn damaged(&self, attribute: &'static str) -> StoreError {
        let part = |name: &str| self.0.get(name).and_then(|value| value.as_s().ok());
        let part = |name: &str| part(name).map_or("?", String::as_str);
        StoreError::Damaged { item: format!("{} {}", part("pk"), part("sk")), attribute }
    }
}

#[cfg(test)]
mod tests;
