//! The ordered batch and the rules that every event must keep to become one.
//! It does not read JSON: `wire` and `lambda_events` hand it decoded records.

use std::borrow::Cow;

use crate::wire;

/// The records of one invocation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch<'a> {
    source: Source<'a>,
    slices: Vec<Slice<'a>>,
}

/// Which kind of mapping sent the batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source<'a> {
    /// Amazon MSK (`eventSource` `aws:kafka`).
    Msk {
        /// `eventSourceArn`: the cluster's ARN.
        cluster_arn: Cow<'a, str>,
    },
    /// A self-managed cluster (`SelfManagedKafka`, or `aws:SelfManagedKafka` as some tools spell
    /// it), or an event that names no cluster.
    SelfManaged,
}

/// The part of a batch that comes from one partition; never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slice<'a> {
    /// The topic's name.
    pub topic: Cow<'a, str>,
    /// The partition's number, not negative.
    pub partition: i32,
    /// The records in order of offset. Offsets may have holes and never repeat.
    pub records: Vec<Record<'a>>,
}

/// One record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// The place in the partition, not negative.
    pub offset: i64,
    /// Milliseconds since 1970; -1 where Kafka has none.
    pub timestamp_ms: i64,
    /// The decoded key; `None` where the producer gave none.
    pub key: Option<Vec<u8>>,
    /// The decoded value; `None` is a tombstone.
    pub value: Option<Vec<u8>>,
    /// The headers in the order of the record; names may repeat.
    pub headers: Vec<Header<'a>>,
}

/// One header of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header<'a> {
    /// The header's name.
    pub name: Cow<'a, str>,
    /// The header's bytes; empty where Kafka has null.
    pub value: Vec<u8>,
}

/// Why a document is no Kafka batch. Sending it again does not help.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BatchError {
    /// The text is not JSON of the shape AWS documents.
    #[error("the event is not a Kafka event of Lambda")]
    Shape(#[source] serde_json::Error),
    /// `eventSource` names another service.
    #[error("the event comes from `{0}`, not from Kafka")]
    ForeignSource(String),
    /// A key of `records` is not `<topic>-<partition>`.
    #[error("`{0}` is not a topic and a partition joined by a hyphen")]
    PartitionKey(String),
    /// A record lies under the key of another topic or partition.
    #[error("a record of `{topic}-{partition}` lies under `{key}`")]
    Misplaced {
        /// The key of `records`.
        key: String,
        /// The record's own topic.
        topic: String,
        /// The record's own partition.
        partition: i64,
    },
    /// An offset is negative.
    #[error("offset {offset} of `{key}` is negative")]
    NegativeOffset {
        /// The key of `records`.
        key: String,
        /// The offset.
        offset: i64,
    },
    /// Two records of one partition have the same offset.
    #[error("offset {offset} of `{key}` is there twice")]
    RepeatedOffset {
        /// The key of `records`.
        key: String,
        /// The offset.
        offset: i64,
    },
    /// A key or a value is not base64.
    #[error("the {part} at offset {offset} of `{key}` is not base64")]
    Base64 {
        /// The key of `records`.
        key: String,
        /// The offset.
        offset: i64,
        /// `key` or `value`.
        part: &'static str,
    },
}

impl<'a> Batch<'a> {
    /// Reads the JSON document that Lambda hands to the function.
    pub fn parse(json: &'a [u8]) -> Result<Self, BatchError> {
        wire::parse(json)
    }

    /// Puts slices in order and refuses what cannot be one batch.
    pub(crate) fn assemble(
        source: Source<'a>,
        mut slices: Vec<Slice<'a>>,
    ) -> Result<Self, BatchError> {
        slices.retain(|slice| !slice.records.is_empty());
        slices.sort_by(|a, b| (a.partition, &a.topic).cmp(&(b.partition, &b.topic)));
        slices.dedup_by(|later, earlier| {
            let same = (later.partition, &later.topic) == (earlier.partition, &earlier.topic);
            if same {
                earlier.records.append(&mut later.records);
            }
            same
        });
        for slice in &mut slices {
            slice.order()?;
        }
        Ok(Self { source, slices })
    }

    /// Which kind of mapping sent the batch.
    pub fn source(&self) -> &Source<'a> {
        &self.source
    }

    /// The slices, in order of partition.
    pub fn slices(&self) -> &[Slice<'a>] {
        &self.slices
    }

    /// How many records all slices have together.
    pub fn record_count(&self) -> usize {
        self.slices.iter().map(|slice| slice.records.len()).sum()
    }
}

impl<'a> Source<'a> {
    /// Tells the source from the event's fields `eventSource` and `eventSourceArn`.
    pub(crate) fn from_fields(
        name: Option<&str>,
        cluster_arn: Option<Cow<'a, str>>,
    ) -> Result<Self, BatchError> {
        match (name, cluster_arn) {
            (Some("SelfManagedKafka" | "aws:SelfManagedKafka"), _) => Ok(Self::SelfManaged),
            (Some("aws:kafka") | None, Some(cluster_arn)) => Ok(Self::Msk { cluster_arn }),
            (Some("aws:kafka") | None, None) => Ok(Self::SelfManaged),
            (Some(other), _) => Err(BatchError::ForeignSource(other.to_owned())),
        }
    }
}

impl Slice<'_> {
    /// The slice's name as AWS spells it: `<topic>-<partition>`.
    pub fn partition_key(&self) -> String {
        format!("{}-{}", self.topic, self.partition)
    }

    fn order(&mut self) -> Result<(), BatchError> {
        if !self.records.is_sorted_by_key(|record| record.offset) {
            self.records.sort_by_key(|record| record.offset);
        }
        if let Some(pair) = self.records.windows(2).find(|pair| pair[0].offset == pair[1].offset) {
            let offset = pair[0].offset;
            return Err(BatchError::RepeatedOffset { key: self.partition_key(), offset });
        }
        Ok(())
    }
}

/// One key of `records`, against which each of its records is checked.
#[derive(Clone, Copy)]
pub(crate) struct Place<'k> {
    key: &'k str,
    topic: &'k str,
    partition: i32,
}

impl<'k> Place<'k> {
    /// Splits `<topic>-<partition>`; a topic may have hyphens of its own.
    pub(crate) fn parse(key: &'k str) -> Result<Self, BatchError> {
        let wrong = || BatchError::PartitionKey(key.to_owned());
        let (topic, number) = key.rsplit_once('-').ok_or_else(wrong)?;
        let digits = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
        match number.parse() {
            Ok(partition) if digits && !topic.is_empty() => Ok(Self { key, topic, partition }),
            _ => Err(wrong()),
        }
    }

    pub(crate) fn topic(&self) -> &'k str {
        self.topic
    }

    pub(crate) fn partition(&self) -> i32 {
        self.partition
    }

    /// Refuses a record whose own fields disagree with its key.
    pub(crate) fn check(
        &self,
        topic: Option<&str>,
        partition: i64,
        offset: i64,
    ) -> Result<(), BatchError> {
        let topic = topic.unwrap_or(self.topic);
        if topic != self.topic || partition != i64::from(self.partition) {
            let (key, topic) = (self.key.to_owned(), topic.to_owned());
            return Err(BatchError::Misplaced { key, topic, partition });
        }
        if offset < 0 {
            return Err(BatchError::NegativeOffset { key: self.key.to_owned(), offset });
        }
        Ok(())
    }

    /// Decodes a key or a value.
    pub(crate) fn decode(
        &self,
        text: Option<&str>,
        part: &'static str,
        offset: i64,
    ) -> Result<Option<Vec<u8>>, BatchError> {
        let Some(text) = text else { return Ok(None) };
        // The forgiving decoder is slower; AWS's own documented example needs it (its last
        // character has bits that stand for nothing).
        let bytes = base64_simd::STANDARD
            .decode_to_vec(text)
            .or_else(|_| base64_simd::forgiving_decode_to_vec(text.as_bytes()));
        match bytes {
            Ok(bytes) => Ok(Some(bytes)),
            Err(_) => Err(BatchError::Base64 { key: self.key.to_owned(), offset, part }),
        }
    }
}
