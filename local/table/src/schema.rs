//! Brings the database to the tables of the plan: makes what is missing, refuses what differs.
//!
//! It never changes or removes a table that exists; that is for the person to decide.

use dynoxide::Database;
use dynoxide::actions::create_table::CreateTableRequest;
use dynoxide::actions::describe_table::DescribeTableRequest;
use dynoxide::actions::describe_time_to_live::DescribeTimeToLiveRequest;
use dynoxide::actions::update_time_to_live::{TimeToLiveSpecification, UpdateTimeToLiveRequest};
use dynoxide::errors::DynoxideError;
use dynoxide::types::{AttributeDefinition, KeySchemaElement};

use crate::table::TableStartError;

/// A table that must exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableConfig {
    /// The body of a `CreateTable` call, as JSON text:
    /// <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_CreateTable.html>.
    pub create_table_json: String,
    /// The attribute whose epoch seconds end an item's life, where items expire.
    pub ttl_attribute: Option<String>,
}

/// What cannot be changed about a table once it exists.
#[derive(Debug, PartialEq)]
struct Shape {
    key_schema: Vec<KeySchemaElement>,
    /// In order of name.
    attributes: Vec<AttributeDefinition>,
}

/// Makes the table unless it exists with the same keys, and switches expiry on or off.
pub(crate) fn ensure(database: &Database, config: &TableConfig) -> Result<(), TableStartError> {
    let request: CreateTableRequest = serde_json::from_str(&config.create_table_json)
        .map_err(|source| TableStartError::Invalid { source })?;
    let table = request.table_name.clone();
    let failed = |source| TableStartError::Table { table: table.clone(), source };
    let described = database.describe_table(DescribeTableRequest { table_name: table.clone() });
    match described {
        Ok(response) => {
            let found = response.table;
            let found = Shape::new(found.key_schema, found.attribute_definitions);
            if found != Shape::new(request.key_schema, request.attribute_definitions) {
                return Err(TableStartError::Differs { table });
            }
        }
        Err(DynoxideError::ResourceNotFoundException(_)) => {
            database.create_table(request).map_err(failed)?;
        }
        Err(source) => return Err(failed(source)),
    }
    set_expiry(database, &table, config.ttl_attribute.as_deref()).map_err(failed)
}

impl Shape {
    fn new(key_schema: Vec<KeySchemaElement>, mut attributes: Vec<AttributeDefinition>) -> Self {
        attributes.sort_by(|a, b| a.attribute_name.cmp(&b.attribute_name));
        Self { key_schema, attributes }
    }
}

/// Switches expiry to `wanted`; a second attribute is refused until the first is switched off.
fn set_expiry(database: &Database, table: &str, wanted: Option<&str>) -> Result<(), DynoxideError> {
    let request = DescribeTimeToLiveRequest { table_name: table.to_owned() };
    let described = database.describe_time_to_live(request)?.time_to_live_description;
    let enabled = described.attribute_name.filter(|_| described.time_to_live_status == "ENABLED");
    if enabled.as_deref() == wanted {
        return Ok(());
    }
    let switch = |attribute: &str, enabled| {
        let time_to_live_specification =
            TimeToLiveSpecification { attribute_name: attribute.to_owned(), enabled };
        database.update_time_to_live(UpdateTimeToLiveRequest {
            table_name: table.to_owned(),
            time_to_live_specification,
        })
    };
    if let Some(enabled) = enabled {
        switch(&enabled, false)?;
    }
    if let Some(wanted) = wanted {
        switch(wanted, true)?;
    }
    Ok(())
}
