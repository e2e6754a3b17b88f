//! The function of a simulated world: which records it cannot process, and how it says so.

use std::collections::BTreeSet;

use bytes::Bytes;
use fastrand::Rng;
use serde_json::json;

use crate::mapping::{Batch, Ending};

/// How the function answers a batch with records that it cannot process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Manner {
    /// It fails as a whole.
    Throws,
    /// It goes on and names each.
    NamesEach,
    /// It stops at the first of each partition and names that one.
    NamesFirst,
}

/// What came of an invocation.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) ending: Ending,
    /// What was processed, by partition and offset.
    pub(super) processed: Vec<(i32, i64)>,
    /// Whether the function was reached.
    pub(super) tried: bool,
}

/// A function.
#[derive(Debug)]
pub(super) struct Function {
    pub(super) manner: Manner,
    pub(super) poisoned: BTreeSet<(i32, i64)>,
    /// A partition whose every invocation fails.
    pub(super) blocked: Option<i32>,
}

impl Function {
    /// Runs a batch; while there is trouble, also what has nothing to do with the records fails.
    pub(super) fn run(&self, rng: &mut Rng, troubled: bool, batch: &Batch) -> Outcome {
        let blocked = batch.slices.iter().any(|slice| Some(slice.partition) == self.blocked);
        let failed = |reason: &str| Outcome {
            ending: Ending::Failed(reason.to_owned()),
            processed: Vec::new(),
            tried: true,
        };
        let refused = |ending| Outcome { ending, processed: Vec::new(), tried: false };
        match rng.u8(0..12) {
            _ if blocked => failed("blocked"),
            0 if troubled => failed("crashed"),
            1 if troubled => refused(Ending::Throttled),
            2 if troubled => refused(Ending::NotInvoked("away".to_owned())),
            _ => self.process(batch),
        }
    }

    fn process(&self, batch: &Batch) -> Outcome {
        let (mut processed, mut failures) = (Vec::new(), Vec::new());
        for slice in &batch.slices {
            for record in slice.records.iter() {
                let place = (slice.partition, record.offset);
                if !self.poisoned.contains(&place) {
                    processed.push(place);
                    continue;
                }
                failures.push(place);
                if self.manner != Manner::NamesEach {
                    break;
                }
            }
        }
        let ending = match self.manner {
            Manner::Throws if !failures.is_empty() => Ending::Failed("poison".to_owned()),
            Manner::Throws => Ending::Succeeded(Bytes::new()),
            Manner::NamesEach | Manner::NamesFirst => {
                let item = |(partition, offset): &(i32, i64)| json!({"itemIdentifier": {"partition": format!("t-{partition}"), "offset": offset}});
                let items: Vec<_> = failures.iter().map(item).collect();
                Ending::Succeeded(json!({"batchItemFailures": items}).to_string().into())
            }
        };
        Outcome { ending, processed, tried: true }
    }
}
