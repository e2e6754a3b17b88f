//! Reads a partial batch response as AWS does, and explains where that is not what was meant.
//!
//! Source: <https://docs.aws.amazon.com/lambda/latest/dg/kafka-retry-configurations.html>. What AWS
//! does with an `itemIdentifier` that it cannot read is not documented for Kafka; for Kinesis the
//! whole batch counts as failed, and so it does here.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde_json::{Map, Value};

use crate::mapping::batch::Batch;

const FAILURES: &str = "batchItemFailures";
const IDENTIFIER: &str = "itemIdentifier";
const PARTITION: &str = "partition";
const OFFSET: &str = "offset";

/// How much of a misspelt item is shown.
const EXCERPT_CHARS_MAX: usize = 200;

/// What an answer says of the batch.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Everything was processed.
    Complete,
    /// These offsets of these partitions were not.
    Failed(BTreeMap<i32, BTreeSet<i64>>),
    /// The whole batch counts as failed.
    Unusable,
}

/// An answer that AWS takes otherwise than it was meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Misreading {
    pub(crate) kind: Kind,
    /// What the function wrote.
    pub(crate) found: String,
    /// What AWS reads.
    pub(crate) wanted: String,
}

/// The ways to be misread.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// The mapping does not ask for partial batch responses.
    NotAsked,
    /// No `batchItemFailures`, but something like it: complete success.
    Failures,
    /// The answer is not an object.
    NotAnObject,
    /// An item is not an object with an `itemIdentifier`.
    Identifier,
    /// An `itemIdentifier` has no `partition`, or one that is not `topic-number`.
    Partition,
    /// An `itemIdentifier` has no `offset`, or one that is not a number.
    Offset,
    /// The record named is not in the event.
    Stranger,
}

impl fmt::Display for Misreading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, found, wanted } = self;
        let consequence = match kind {
            Kind::NotAsked => "the whole batch counts as processed, and no record goes again",
            Kind::Failures | Kind::NotAnObject => "the whole batch counts as processed",
            Kind::Identifier | Kind::Partition | Kind::Offset | Kind::Stranger => {
                "the whole batch counts as failed"
            }
        };
        write!(f, "the function answered `{found}`, AWS reads {wanted}: {consequence}")
    }
}

/// Reads the answer to `batch` of `topic`, where the mapping asks for partial batch responses.
pub(crate) fn read(answer: &[u8], topic: &str, batch: &Batch) -> (Answer, Option<Misreading>) {
    let value: Value = serde_json::from_slice(answer).unwrap_or(Value::Null);
    let fields = match &value {
        Value::Null => return (Answer::Complete, None),
        Value::Object(fields) => fields,
        other => {
            let wanted = format!("an object with `{FAILURES}`");
            return (Answer::Complete, Some(misreading(Kind::NotAnObject, other, wanted)));
        }
    };
    let items = match fields.get(FAILURES) {
        Some(Value::Array(items)) => items,
        Some(Value::Null) => return (Answer::Complete, None),
        Some(other) => {
            let wanted = format!("a list as `{FAILURES}`");
            return (Answer::Unusable, Some(misreading(Kind::Identifier, other, wanted)));
        }
        None => return (Answer::Complete, misspelt_failures(fields)),
    };
    let example = Example { topic, batch };
    let mut failed: BTreeMap<i32, BTreeSet<i64>> = BTreeMap::new();
    for item in items {
        match example.place(item) {
            Ok((partition, offset)) => {
                failed.entry(partition).or_default().insert(offset);
            }
            Err(misreading) => return (Answer::Unusable, Some(misreading)),
        }
    }
    if failed.is_empty() { (Answer::Complete, None) } else { (Answer::Failed(failed), None) }
}

/// Explains an answer that names failed records where the mapping does not ask for them.
pub(crate) fn not_asked(answer: &[u8]) -> Option<Misreading> {
    // Most answers are `null` or short; others are looked through, not parsed.
    let named = answer.windows(FAILURES.len()).any(|window| window == FAILURES.as_bytes());
    let value: Value = named.then(|| serde_json::from_slice(answer).ok()).flatten()?;
    let items = value.get(FAILURES)?.as_array().filter(|items| !items.is_empty())?;
    let wanted = "no answer from it, as `FunctionResponseTypes` of the mapping does not have \
                  `ReportBatchItemFailures`";
    Some(misreading(Kind::NotAsked, &items[0], wanted.to_owned()))
}

fn misspelt_failures(fields: &Map<String, Value>) -> Option<Misreading> {
    let key = fields.keys().find(|key| resembles(key, FAILURES))?;
    let found = Value::Object(Map::from_iter([(key.clone(), fields[key].clone())]));
    Some(misreading(Kind::Failures, &found, format!("`{FAILURES}`")))
}

/// What the right answer would look like.
struct Example<'a> {
    topic: &'a str,
    batch: &'a Batch,
}

impl Example<'_> {
    /// The record that an item names.
    fn place(&self, item: &Value) -> Result<(i32, i64), Misreading> {
        let wrong = |kind| misreading(kind, item, self.wanted());
        let identifier = item.get(IDENTIFIER).and_then(Value::as_object);
        let identifier = identifier.ok_or_else(|| wrong(Kind::Identifier))?;
        let partition = identifier.get(PARTITION).and_then(Value::as_str);
        let partition = partition.ok_or_else(|| wrong(Kind::Partition))?;
        let number = partition.strip_prefix(self.topic).and_then(|rest| rest.strip_prefix('-'));
        let number = number.and_then(|number| number.parse::<i32>().ok());
        let number = number.ok_or_else(|| wrong(Kind::Partition))?;
        let offset = identifier.get(OFFSET).and_then(Value::as_i64);
        let offset = offset.ok_or_else(|| wrong(Kind::Offset))?;
        let slice = self.batch.slices.iter().find(|slice| slice.partition == number);
        let slice = slice.ok_or_else(|| wrong(Kind::Stranger))?;
        let found = slice.records.binary_search_by_key(&offset, |record| record.offset);
        found.map(|_| (number, offset)).map_err(|_elsewhere| wrong(Kind::Stranger))
    }

    fn wanted(&self) -> String {
        let slice = self.batch.slices.first().expect("a batch has a slice");
        let (topic, number) = (self.topic, slice.partition);
        let offset = slice.records.first().expect("a slice is never empty").offset;
        format!(
            r#"`{{"{IDENTIFIER}":{{"{PARTITION}":"{topic}-{number}","{OFFSET}":{offset}}}}}` with a record of this event"#
        )
    }
}

fn misreading(kind: Kind, found: &Value, wanted: String) -> Misreading {
    let found: String = found.to_string().chars().take(EXCERPT_CHARS_MAX).collect();
    Misreading { kind, found, wanted }
}

/// Whether two keys differ in case, separators and an `s` at the end only.
fn resembles(key: &str, wanted: &str) -> bool {
    let letters = |text: &str| {
        let letters = text.chars().filter(char::is_ascii_alphanumeric);
        let letters: String = letters.map(|letter| letter.to_ascii_lowercase()).collect();
        letters.trim_end_matches('s').to_owned()
    };
    letters(key) == letters(wanted)
}
