//! Counting the outcomes of one slice: what `progress` asks of a consumer.

use std::{borrow::Cow, collections::BTreeMap};

use aws_sdk_dynamodb::types::TransactWriteItem;
use kafka_batch::{Record, Slice};
use progress::{Judged, Policy, Process, Verdict, store::StoreError};

use crate::{OrderTable, Outcome, OutcomeError, Source, Taken, Tally};

/// Outcomes counted by one transaction. Each changes at most one item's figures; what is left of the 98 writes that
/// `progress` leaves is for the sources and the generation.
const OUTCOMES_MAX: usize = 90;

/// How outcomes are counted: as long as it takes, since one that is left out would keep all later ones from counting.
pub fn counting_policy() -> Policy {
    Policy { records_max: OUTCOMES_MAX, attempts_max: u32::MAX, ..Policy::default() }
}

/// One slice of outcomes, counted in one generation.
#[derive(Debug)]
pub struct Counting<'c> {
    /// Where it is counted.
    pub table: &'c OrderTable,
    /// In which generation.
    pub generation: u32,
    /// Whether it may only be counted while that generation counts: not so for a replay.
    pub guarded: bool,
    /// The records.
    pub slice: &'c Slice<'c>,
}

/// Outcomes that could not be counted now.
#[derive(Debug, thiserror::Error)]
pub enum CountError {
    /// The table did not tell what was counted.
    #[error("failed to read what was counted")]
    Store(#[from] StoreError),
    /// The function died at this record again and again. To go on without it would leave every later
    /// outcome of its source uncounted, so it is not given up.
    #[error("the function does not survive this record")]
    Deadly,
}

/// What a unit of records changes.
#[derive(Default)]
struct Changes {
    sources: BTreeMap<String, Source>,
    items: BTreeMap<String, BTreeMap<String, Tally>>,
}

impl Counting<'_> {
    fn outcome(&self, index: usize) -> Option<Result<(String, Outcome), OutcomeError>> {
        let Record { headers, value, .. } = &self.slice.records[index];
        let headers = headers.iter().map(|header| (&*header.name, &*header.value));
        Some(Outcome::decode(headers, value.as_deref()?))
    }

    async fn count(
        &self,
        changes: &mut Changes,
        name: String,
        outcome: Outcome,
    ) -> Result<Verdict<'static>, StoreError> {
        if !changes.sources.contains_key(&name) {
            let source = self.table.source(self.generation, &name).await?;
            changes.sources.insert(name.clone(), source);
        }
        let source = changes.sources.entry(name.clone()).or_default();
        match source.take(&outcome) {
            Taken::Counted => {
                let items = changes.items.entry(name).or_default();
                let tally = items.entry(outcome.item).or_default();
                tally.add(&outcome.decision, outcome.placed_at_ms);
                Ok(Verdict::Applied(None))
            }
            Taken::Repeated | Taken::Early => Ok(Verdict::Skipped),
        }
    }

    fn effects(&self, changes: &Changes) -> Vec<TransactWriteItem> {
        let mut effects = Vec::new();
        if self.guarded {
            effects.push(self.table.generation_condition(self.generation));
        }
        for (name, items) in &changes.items {
            let Some(source) = changes.sources.get(name) else { continue };
            let source = Source { version: source.version + 1, ..source.clone() };
            effects.extend(self.table.count_effects(self.generation, name, &source, items));
        }
        effects
    }
}

impl Process<TransactWriteItem> for Counting<'_> {
    type Failure = CountError;

    async fn process(
        &self,
        indexes: &[usize],
    ) -> Result<Judged<'_, TransactWriteItem>, CountError> {
        let mut changes = Changes::default();
        let mut verdicts = Vec::with_capacity(indexes.len());
        for index in indexes {
            verdicts.push(match self.outcome(*index) {
                None => Verdict::Skipped,
                Some(Err(error)) => Verdict::Failed(Cow::Owned(error.to_string())),
                Some(Ok((name, outcome))) => self.count(&mut changes, name, outcome).await?,
            });
        }
        Ok(Judged { verdicts, effects: self.effects(&changes) })
    }

    async fn give_up(&self, _: usize, _: &str) -> Result<Vec<TransactWriteItem>, CountError> {
        Err(CountError::Deadly)
    }
}
