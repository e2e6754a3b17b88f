//! Bodies as compressed blocks, cut into parts that fit an item. No I/O.

use std::{borrow::Cow, fmt, str::FromStr};

use sha2::{Digest, Sha256};

use crate::keys::{PartitionKey, hex};

/// How much a block holds before compression. Larger blocks compress little better, and a reader
/// holds a whole one; a single larger body makes a block of its own.
const BLOCK_BYTES_MAX: usize = 1024 * 1024;

/// How much of a block one item holds: DynamoDB takes 400 KB with names and keys.
const PART_BYTES_MAX: usize = 350 * 1024;

/// Fast, and close to what slower levels reach on JSON.
const ZSTD_LEVEL: i32 = 3;

/// The format's number, the first byte of a block.
const FORMAT: u8 = 1;

/// How much of the content's hash names a block.
const ID_BYTES: usize = 16;

/// A body to keep.
#[derive(Clone, Debug)]
pub struct Kept<'a> {
    /// The event's own id (CloudEvents `id`), at most 65,535 bytes.
    pub id: Cow<'a, str>,
    /// The record's timestamp.
    pub timestamp_ms: i64,
    /// The body as received.
    pub body: &'a [u8],
}

/// A body read back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArchivedRecord {
    /// The record's offset.
    pub offset: i64,
    /// The event's own id.
    pub id: String,
    /// The record's timestamp.
    pub timestamp_ms: i64,
    /// The body as received.
    pub body: Vec<u8>,
}

/// The name of a block, as chunks keep it: `<id>/<parts>`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct BlockName {
    /// Derived from the content, so writing it again changes nothing and no two keys are near.
    pub id: String,
    /// How many items the block takes.
    pub parts: usize,
}

/// One item of a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockPart {
    /// The block's id.
    pub id: String,
    /// Which part of the block, from 0.
    pub part: usize,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// A block that cannot be read back.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// The bytes do not decompress.
    #[error("failed to decompress archive block `{id}`")]
    Compression {
        /// The block's id.
        id: String,
        /// What the decompressor says.
        #[source]
        source: std::io::Error,
    },
    /// The decompressed bytes end early or are of another format.
    #[error("archive block `{id}` is damaged")]
    Damaged {
        /// The block's id.
        id: String,
    },
}

/// Packs bodies into blocks and their parts.
pub(crate) fn encode(
    partition: &PartitionKey,
    kept: &[(i64, &Kept<'_>)],
) -> (Vec<BlockName>, Vec<BlockPart>) {
    let (mut names, mut parts) = (Vec::new(), Vec::new());
    let mut block = vec![FORMAT];
    for (index, (offset, record)) in kept.iter().enumerate() {
        frame(&mut block, *offset, record);
        let next_bytes = kept.get(index + 1).map_or(usize::MAX, |(_, next)| next.body.len());
        if block.len().saturating_add(next_bytes) > BLOCK_BYTES_MAX {
            close(partition, &block, &mut names, &mut parts);
            block.truncate(1);
        }
    }
    (names, parts)
}

fn frame(block: &mut Vec<u8>, offset: i64, record: &Kept<'_>) {
    let id_bytes = u16::try_from(record.id.len()).expect("ids are far below 65,535 bytes");
    let body_bytes = u32::try_from(record.body.len()).expect("bodies are far below 4 GB");
    block.extend(offset.to_be_bytes());
    block.extend(record.timestamp_ms.to_be_bytes());
    block.extend(id_bytes.to_be_bytes());
    block.extend(body_bytes.to_be_bytes());
    block.extend(record.id.as_bytes());
    block.extend(record.body);
}

fn close(
    partition: &PartitionKey,
    block: &[u8],
    names: &mut Vec<BlockName>,
    parts: &mut Vec<BlockPart>,
) {
    let compressed =
        zstd::bulk::compress(block, ZSTD_LEVEL).expect("compressing into memory cannot fail");
    let hash = Sha256::new().chain_update(partition.as_str()).chain_update(&compressed).finalize();
    let id = hex(&hash[..ID_BYTES]);
    let before = parts.len();
    parts.extend(compressed.chunks(PART_BYTES_MAX).enumerate().map(|(part, bytes)| BlockPart {
        id: id.clone(),
        part,
        bytes: bytes.to_vec(),
    }));
    names.push(BlockName { id, parts: parts.len() - before });
}

/// Reads a block whose parts were joined.
pub(crate) fn decode(id: &str, compressed: &[u8]) -> Result<Vec<ArchivedRecord>, ArchiveError> {
    let block = zstd::stream::decode_all(compressed)
        .map_err(|source| ArchiveError::Compression { id: id.to_owned(), source })?;
    let damaged = || ArchiveError::Damaged { id: id.to_owned() };
    let Some((&FORMAT, mut rest)) = block.split_first() else { return Err(damaged()) };
    let mut records = Vec::new();
    while !rest.is_empty() {
        records.push(unframe(&mut rest).ok_or_else(damaged)?);
    }
    Ok(records)
}

fn unframe(rest: &mut &[u8]) -> Option<ArchivedRecord> {
    let offset = i64::from_be_bytes(take(rest)?);
    let timestamp_ms = i64::from_be_bytes(take(rest)?);
    let id_bytes = usize::from(u16::from_be_bytes(take(rest)?));
    let body_bytes = usize::try_from(u32::from_be_bytes(take(rest)?)).ok()?;
    let (id, after) = rest.split_at_checked(id_bytes)?;
    let (body, after) = after.split_at_checked(body_bytes)?;
    *rest = after;
    let id = String::from_utf8(id.to_vec()).ok()?;
    Some(ArchivedRecord { offset, id, timestamp_ms, body: body.to_vec() })
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (head, after) = rest.split_first_chunk()?;
    *rest = after;
    Some(*head)
}

impl fmt::Display for BlockName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.id, self.parts)
    }
}

/// A text that is no block's name.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not the name of an archive block")]
pub struct BlockNameError(String);

impl FromStr for BlockName {
    type Err = BlockNameError;

    fn from_str(text: &str) -> Result<Self, BlockNameError> {
        text.split_once('/')
            .and_then(|(id, parts)| Some(Self { id: id.to_owned(), parts: parts.parse().ok()? }))
            .ok_or_else(|| BlockNameError(text.to_owned()))
    }
}

#[cfg(test)]
mod tests;
