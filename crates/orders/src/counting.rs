//! Counting the outcomes of one slice: what `progress` asks of a consumer.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
};

use aws_sdk_dynamodb::types::TransactWriteItem;
use kafka_batch::{Record, Slice};
use progress::{
    Judged, Policy, Process, Verdict,
    store::{EFFECTS_MAX, StoreError},
};

use crate::{OrderTable, Outcome, OutcomeError, Source, Taken, Tally};

/// How outcomes are counted: as long as it takes, since one that is left out would keep all later ones from counting.
pub fn counting_policy() -> Policy {
    Policy { attempts_max: u32::MAX, ..Policy::default() }
}

/// One slice of outcomes, counted in one generation.
#[derive(Debug)]
pub struct Counting<'c> {
    table: &'c OrderTable,
    generation: u32,
    guarded: bool,
    /// What each record is, with its source; `None` for a tombstone.
    outcomes: Vec<Option<Result<(String, Outcome), OutcomeError>>>,
    records_max: usize,
}

/// Outcomes that could not be counted now.
#[derive(Debug, thiserror::Error)]
pub enum CountError {
    /// The table did not tell what was counted.
    #[error("failed to read what was counted")]
    Store(#[from] StoreError),
    /// Another generation counts by now, or none does for a moment.
    #[error("the generation does not count at the moment")]
    NotCounting,
    /// The function died at this record again and again. To go on without it would leave every later
    /// outcome of its source uncounted, so it is not given up.
    #[error("the function does not survive this record")]
    Deadly,
}

/// What a unit of records changes in what was counted before it.
struct Changes<'c> {
    sources: BTreeMap<String, Source>,
    items: BTreeMap<&'c str, BTreeMap<&'c str, Tally>>,
    /// Sources of which an outcome came early.
    early: BTreeSet<&'c str>,
}

impl<'c> Changes<'c> {
    fn of(sources: BTreeMap<String, Source>) -> Self {
        Self { sources, items: BTreeMap::new(), early: BTreeSet::new() }
    }

    fn count(&mut self, name: &'c str, outcome: &'c Outcome) -> Verdict<'static> {
        let source = self.sources.entry(name.to_owned()).or_default();
        let taken = source.take(outcome);
        if taken == Taken::Early && self.early.insert(name) {
            // It comes again behind those that are missing. If they never come, this is all that tells.
            tracing::warn!(
                outcome.source = name,
                outcome.number = outcome.number,
                outcome.wanted = source.next,
                "Outcome not counted, earlier ones are missing"
            );
        }
        match taken {
            Taken::Counted => {
                let items = self.items.entry(name).or_default();
                let tally = items.entry(outcome.item.as_str()).or_default();
                tally.add(&outcome.decision, outcome.placed_at_ms);
                Verdict::Applied(None)
            }
            Taken::Repeated | Taken::Early => Verdict::Skipped,
        }
    }
}

impl<'c> Counting<'c> {
    /// Outcomes to be counted in a generation. `guarded`: only while that generation counts; not so for a replay.
    pub fn new(table: &'c OrderTable, generation: u32, guarded: bool, slice: &Slice<'_>) -> Self {
        let outcomes: Vec<_> = slice.records.iter().map(decode).collect();
        let known = outcomes.iter().flatten().flatten();
        let items = known.map(|(source, outcome)| (&**source, &*outcome.item));
        let records_max = records_max(&items.collect());
        Self { table, generation, guarded, outcomes, records_max }
    }

    /// What was counted of the sources of these records.
    async fn read(&self, indexes: &[usize]) -> Result<BTreeMap<String, Source>, CountError> {
        let known =
            indexes.iter().filter_map(|index| self.outcomes[*index].as_ref()?.as_ref().ok());
        let names: BTreeSet<&str> = known.map(|(name, _)| name.as_str()).collect();
        let (counts, sources) = self.table.sources(self.generation, names.into_iter()).await?;
        let is_counting = counts.number == self.generation && counts.paused_until_ms.is_none();
        if self.guarded && !is_counting {
            return Err(CountError::NotCounting);
        }
        Ok(sources)
    }

    fn effects(&self, changes: &Changes<'_>) -> Vec<TransactWriteItem> {
        let mut effects = Vec::new();
        if self.guarded {
            effects.push(self.table.generation_condition(self.generation));
        }
        for (name, items) in &changes.items {
            let Some(source) = changes.sources.get(*name) else { continue };
            let source = Source { version: source.version + 1, ..source.clone() };
            effects.extend(self.table.count_effects(self.generation, name, &source, items));
        }
        effects
    }
}

fn decode(record: &Record<'_>) -> Option<Result<(String, Outcome), OutcomeError>> {
    let headers = record.headers.iter().map(|header| (&*header.name, &*header.value));
    Some(Outcome::decode(headers, record.value.as_deref()?))
}

/// How many outcomes fit one transaction, by the sources and items of all: each source and each item of a source is a
/// write, and the generation is one. Of any number of records at most so many are new sources, and so many new items.
fn records_max(items: &BTreeSet<(&str, &str)>) -> usize {
    let writes = EFFECTS_MAX - 1;
    let sources = items.iter().map(|(source, _)| source).collect::<BTreeSet<_>>().len();
    if sources + items.len() <= writes {
        return usize::MAX;
    }
    writes.saturating_sub(sources).max(writes / 2)
}

impl Process<TransactWriteItem> for Counting<'_> {
    type Failure = CountError;

    async fn process(
        &self,
        indexes: &[usize],
    ) -> Result<Judged<'_, TransactWriteItem>, CountError> {
        let mut changes = Changes::of(self.read(indexes).await?);
        let mut verdicts = Vec::with_capacity(indexes.len());
        for index in indexes {
            verdicts.push(match &self.outcomes[*index] {
                None => Verdict::Skipped,
                Some(Err(error)) => Verdict::Failed(Cow::Owned(error.to_string())),
                Some(Ok((name, outcome))) => changes.count(name, outcome),
            });
        }
        Ok(Judged { verdicts, effects: self.effects(&changes) })
    }

    fn records_max(&self) -> usize {
        self.records_max
    }

    async fn give_up(&self, _: usize, _: &str) -> Result<Vec<TransactWriteItem>, CountError> {
        Err(CountError::Deadly)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transaction_takes_as_many_outcomes_as_their_writes_allow() {
        let names: Vec<String> = (0..200).map(|number| number.to_string()).collect();
        let of = |sources: usize, items: usize| {
            let pairs = (0..items).map(|item| (&*names[item % sources], &*names[item]));
            records_max(&pairs.collect())
        };
        assert_eq!(of(1, 0), usize::MAX);
        assert_eq!(of(1, 96), usize::MAX);
        assert_eq!(of(1, 97), 96);
        assert_eq!(of(8, 190), 89);
        assert_eq!(of(100, 100), 48, "each with a source of its own");
    }
}
