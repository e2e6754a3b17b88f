//! What was counted, by generation, source and item.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::{AttributeValue, Put, TransactWriteItem, Update};
use progress::{PartitionKey, store::StoreError};

use super::{
    Generation, OrderTable,
    attributes::{Item, damaged, key, number, optional_number, read_number, read_text, text},
    generation::{generation_key, read_generation},
};
use crate::{Source, Summary, Tally};

/// What the sort keys of sources start with.
const SOURCE_PREFIX: &str = "source/";

impl OrderTable {
    /// What was counted of some sources, at most 99, and which generation counts, in one look.
    pub(crate) async fn sources(
        &self,
        generation: u32,
        names: impl Iterator<Item = &str>,
    ) -> Result<(Generation, BTreeMap<String, Source>), StoreError> {
        let pk = generation_pk(generation);
        let mut keys: Vec<Item> = names.map(|name| key(&pk, source_sk(name))).collect();
        keys.push(generation_key());
        let mut counts = read_generation(&Item::new())?;
        let mut sources = BTreeMap::new();
        for row in self.batch_get(keys, "read what was counted").await? {
            match read_text(&row, "sk")?.strip_prefix(SOURCE_PREFIX) {
                Some(name) => {
                    sources.insert(name.to_owned(), read_source(&row)?);
                }
                None => counts = read_generation(&row)?,
            }
        }
        Ok((counts, sources))
    }

    /// What was counted of a source.
    async fn source(&self, generation: u32, name: &str) -> Result<Source, StoreError> {
        let key = key(generation_pk(generation), source_sk(name));
        let row = self.get(key, "read what was counted").await?;
        row.as_ref().map_or(Ok(Source::default()), read_source)
    }

    /// How many orders of a partition are decided and not counted.
    pub async fn uncounted(
        &self,
        generation: u32,
        partition: &PartitionKey,
    ) -> Result<u64, StoreError> {
        // In this order: what is counted in between must not be missing from what is decided.
        let counted = self.source(generation, partition.as_str()).await?.next;
        Ok(self.head(partition).await?.next.saturating_sub(counted))
    }

    /// Writes what was counted of a source, if it still has the version before, and adds `items` to
    /// what was counted of each item.
    pub(crate) fn count_effects(
        &self,
        generation: u32,
        name: &str,
        source: &Source,
        items: &BTreeMap<&str, Tally>,
    ) -> Vec<TransactWriteItem> {
        let mut effects = vec![self.source_effect(generation, name, source)];
        effects.extend(items.iter().map(|(item, tally)| {
            let sk = format!("item/{name}/{item}");
            self.item_effect(key(generation_pk(generation), sk), item, tally)
        }));
        effects
    }

    fn source_effect(&self, generation: u32, name: &str, source: &Source) -> TransactWriteItem {
        let mut row = key(generation_pk(generation), source_sk(name));
        row.insert("next".into(), number(source.next));
        row.insert("version".into(), number(source.version));
        row.insert("reserved".into(), number(source.tally.reserved));
        row.insert("failed".into(), number(source.tally.failed));
        for (name, at_ms) in
            [("first_ms", source.tally.first_ms), ("last_ms", source.tally.last_ms)]
        {
            row.extend(at_ms.map(|at_ms| (name.to_owned(), number(at_ms))));
        }
        let minutes = source.minutes.iter();
        let minutes = minutes.map(|(minute, orders)| (minute.to_string(), number(*orders)));
        row.insert("minutes".into(), AttributeValue::M(minutes.collect()));
        let put = Put::builder().table_name(&self.name).set_item(Some(row));
        let put = if source.version <= 1 {
            put.condition_expression("attribute_not_exists(pk)")
        } else {
            put.condition_expression("#version = :read")
                .expression_attribute_names("#version", "version")
                .expression_attribute_values(":read", number(source.version - 1))
        };
        let put = put.build().expect("it has a table and an item");
        TransactWriteItem::builder().put(put).build()
    }

    fn item_effect(&self, key: Item, item: &str, tally: &Tally) -> TransactWriteItem {
        let update = Update::builder()
            .table_name(&self.name)
            .set_key(Some(key))
            .update_expression(
                "SET first_ms = if_not_exists(first_ms, :first), last_ms = :last, #item = :item \
                 ADD reserved :reserved, failed :failed",
            )
            .expression_attribute_names("#item", "item")
            .expression_attribute_values(":item", text(item))
            .expression_attribute_values(":first", number(tally.first_ms.unwrap_or_default()))
            .expression_attribute_values(":last", number(tally.last_ms.unwrap_or_default()))
            .expression_attribute_values(":reserved", number(tally.reserved))
            .expression_attribute_values(":failed", number(tally.failed))
            .build()
            .expect("it has a table, a key, an update");
        TransactWriteItem::builder().update(update).build()
    }

    /// The figures of a generation.
    pub async fn summary(&self, generation: u32) -> Result<Summary, StoreError> {
        let rows = self.query(&generation_pk(generation), "read what was counted").await?;
        let mut sources = Vec::new();
        let mut items = BTreeMap::<String, Tally>::new();
        for row in &rows {
            if read_text(row, "sk")?.starts_with(SOURCE_PREFIX) {
                sources.push(read_source(row)?);
            } else {
                let tally = read_tally(row)?;
                items.entry(read_text(row, "item")?.to_owned()).or_default().merge(&tally);
            }
        }
        Ok(Summary::of(&sources, &items))
    }
}

fn read_source(row: &Item) -> Result<Source, StoreError> {
    let Some(AttributeValue::M(minutes)) = row.get("minutes") else {
        return Err(damaged(row, "minutes"));
    };
    let minute = |(minute, orders): (&String, &AttributeValue)| {
        Some((minute.parse().ok()?, orders.as_n().ok()?.parse().ok()?))
    };
    let minutes: Option<_> = minutes.iter().map(minute).collect();
    Ok(Source {
        next: read_number(row, "next")?,
        tally: read_tally(row)?,
        minutes: minutes.ok_or_else(|| damaged(row, "minutes"))?,
        version: read_number(row, "version")?,
    })
}

fn read_tally(row: &Item) -> Result<Tally, StoreError> {
    Ok(Tally {
        reserved: read_number(row, "reserved")?,
        failed: read_number(row, "failed")?,
        first_ms: optional_number(row, "first_ms")?,
        last_ms: optional_number(row, "last_ms")?,
    })
}

pub(super) fn generation_pk(generation: u32) -> String {
    format!("analytics/{generation}")
}

fn source_sk(name: &str) -> String {
    format!("{SOURCE_PREFIX}{name}")
}
