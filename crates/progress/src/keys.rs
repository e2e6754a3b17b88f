//! The keys of the table's items: short, readable, and never the same for two different things.
//! Only names are made here, nothing is read or written.

use std::fmt::{self, Write as _};

use event::Stream;
use sha2::{Digest, Sha256};

/// The sort key of a partition's fence.
pub(crate) const FENCE_SK: &str = "fence";

/// What the sort keys of chunks start with.
const CHUNK_PREFIX: &str = "chunk/";

/// How much of the cluster's hash the key keeps: 64 bits tell a table's few clusters apart.
const CLUSTER_HASH_BYTES: usize = 8;

/// A consumer in one of its generations. Each has fences, chunks and archives of its own.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Consumer {
    name: String,
    generation: u32,
}

impl Consumer {
    /// The consumer's first generation.
    pub fn new(name: impl Into<String>) -> Self {
        Self::of_generation(name, 1)
    }

    /// A later generation, as a replay makes them: it knows nothing of what earlier ones applied.
    pub fn of_generation(name: impl Into<String>, generation: u32) -> Self {
        Self { name: name.into(), generation }
    }

    /// The key under which this consumer keeps its progress in one partition of a stream:
    /// `<consumer>/<generation>/<topic>/<epoch>/<hash of the cluster>/<partition>`.
    pub fn partition(&self, stream: &Stream, partition: i32) -> PartitionKey {
        let (name, topic) = (escape(&self.name), escape(&stream.topic));
        let cluster = hex(&Sha256::digest(&stream.cluster)[..CLUSTER_HASH_BYTES]);
        let (generation, epoch) = (self.generation, stream.epoch);
        PartitionKey(format!("{name}/{generation}/{topic}/{epoch}/{cluster}/{partition}"))
    }
}

/// The `pk` of the fence and the chunks of one partition.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PartitionKey(String);

impl PartitionKey {
    /// The key's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PartitionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The sort key of the chunk that starts at an offset.
///
/// No two chunks collide: each covers its own first offset, and an offset is covered once.
/// The 19 digits of the largest offset keep the order of the text that of the numbers.
pub(crate) fn chunk_sk(first: i64) -> String {
    format!("{CHUNK_PREFIX}{first:019}")
}

/// The `pk` of an archive block.
pub(crate) fn block_pk(id: &str) -> String {
    format!("archive/{id}")
}

/// The sort key of one part of an archive block.
pub(crate) fn block_sk(part: usize) -> String {
    format!("{part:04}")
}

/// Lowercase hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string takes any text");
        text
    })
}

/// Leaves `/` to the keys themselves.
fn escape(text: &str) -> String {
    text.replace('%', "%25").replace('/', "%2F")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str, topic: &str, epoch: u32, cluster: &str) -> String {
        let stream = Stream { cluster: cluster.to_owned(), topic: topic.to_owned(), epoch };
        Consumer::new(name).partition(&stream, 3).to_string()
    }

    #[test]
    fn a_key_can_be_read() {
        assert_eq!(
            key("process_events", "events", 1, "local"),
            "process_events/1/events/1/25bf8e1a2393f110/3"
        );
    }

    #[test]
    fn different_things_never_share_a_key() {
        let keys = [
            key("a", "b", 1, "c"),
            key("a", "b", 2, "c"),
            key("a", "b", 1, "d"),
            key("a/1", "b", 1, "c"),
            key("a", "1/b", 1, "c"),
            key("a%2F1", "b", 1, "c"),
            Consumer::of_generation("a", 2)
                .partition(&Stream { cluster: "c".into(), topic: "b".into(), epoch: 1 }, 3)
                .to_string(),
        ];
        let distinct: std::collections::BTreeSet<_> = keys.iter().collect();
        assert_eq!(distinct.len(), keys.len(), "{keys:?}");
    }

    #[test]
    fn chunks_sort_by_number_and_before_the_fence() {
        let mut keys = [FENCE_SK.to_owned(), chunk_sk(10), chunk_sk(9), chunk_sk(i64::MAX)];
        keys.sort();
        assert_eq!(keys, [chunk_sk(9), chunk_sk(10), chunk_sk(i64::MAX), FENCE_SK.to_owned()]);
    }
}
