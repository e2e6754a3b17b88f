//! Removing the figures of generations that will not count any more.

use progress::store::StoreError;

use super::{
    OrderTable,
    attributes::{call, key, number, optional_number, read_text},
    counts::generation_pk,
    generation::{FIRST, generation_key},
};

impl OrderTable {
    /// The oldest generation whose figures may still be there.
    pub async fn oldest_generation(&self) -> Result<u32, StoreError> {
        let row = self.get(generation_key(), "read the oldest generation").await?;
        Ok(optional_number(&row.unwrap_or_default(), "oldest")?.unwrap_or(FIRST))
    }

    /// Removes the figures of a generation. It must be one that does not count and never will.
    pub async fn forget_figures(&self, generation: u32) -> Result<(), StoreError> {
        let (pk, action) = (generation_pk(generation), "remove old figures");
        for row in self.query(&pk, action).await? {
            let request = self.client.delete_item().table_name(&self.name);
            let request = request.set_key(Some(key(&pk, read_text(&row, "sk")?)));
            request.send().await.map_err(|error| call(action, error))?;
        }
        Ok(())
    }

    /// Notes that no generation before `oldest` has figures.
    pub async fn note_oldest_generation(&self, oldest: u32) -> Result<(), StoreError> {
        let request = self
            .update(generation_key())
            .update_expression("SET oldest = :oldest")
            .expression_attribute_values(":oldest", number(oldest));
        let noted = request.send().await.map(drop);
        noted.map_err(|error| call("note the oldest generation", error))
    }
}
