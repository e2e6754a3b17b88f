//! `AWS::DynamoDB::Table` and `AWS::Serverless::SimpleTable` as the call that creates them.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::{
    place::{Fields, Place},
    plan::Table,
};

const NAME_CHARACTERS_MAX: usize = 255;

/// Properties that are accepted and have no effect here.
const INERT: [&str; 11] = [
    "ContributorInsightsSpecification",
    "DeletionProtectionEnabled",
    "KinesisStreamSpecification",
    "OnDemandThroughput",
    "PointInTimeRecoverySpecification",
    "ResourcePolicy",
    "SSESpecification",
    "StreamSpecification",
    "TableClass",
    "Tags",
    "WarmThroughput",
];

/// What is wrong is reported and left out.
pub(super) fn read(logical_id: &str, kind: &str, place: &Place<'_>) -> Table {
    let mut table = Table { logical_id: logical_id.to_owned(), ..Table::default() };
    let Some(fields) = place.fields() else { return table };
    let name = fields.optional("TableName").and_then(|place| name(&place));
    table.name = name.unwrap_or_else(|| logical_id.to_owned());
    let mut request = if kind == "AWS::Serverless::SimpleTable" {
        simple(&fields)
    } else {
        table.ttl_attribute =
            fields.optional("TimeToLiveSpecification").and_then(|place| time_to_live(&place));
        full(&fields)
    };
    fields.inert(&INERT);
    for key in ["KinesisStreamSpecification", "StreamSpecification"] {
        if let Some(place) = fields.optional(key) {
            place.warning("changes of a table are not streamed here");
        }
    }
    fields.finish();
    request.insert("TableName".to_owned(), json!(table.name));
    table.create_table_json = Value::Object(request).to_string();
    table
}

fn name(place: &Place<'_>) -> Option<String> {
    let name = place.text()?;
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if !(3..=NAME_CHARACTERS_MAX).contains(&name.len()) || !name.bytes().all(allowed) {
        place.problem(format!(
            "`{name}` is not a table's name: 3 to {NAME_CHARACTERS_MAX} letters, digits, `.`, `_` and `-`"
        ));
        return None;
    }
    Some(name.to_owned())
}

/// SAM's short form: one key, a text named `id` unless told otherwise.
fn simple(fields: &Fields<'_>) -> Map<String, Value> {
    let key = fields.optional("PrimaryKey").and_then(|place| place.fields());
    let (mut attribute, mut kind) = ("id", "S");
    if let Some(key) = key {
        attribute = key.required("Name").and_then(|place| place.text()).unwrap_or(attribute);
        let kinds = [("String", "S"), ("Number", "N"), ("Binary", "B")];
        kind = key.required("Type").and_then(|place| choice(&place, &kinds)).unwrap_or(kind);
        key.finish();
    }
    let throughput = fields.optional("ProvisionedThroughput").and_then(|place| throughput(&place));
    let mut request = Map::new();
    let attributes = json!([{ "AttributeName": attribute, "AttributeType": kind }]);
    request.insert("AttributeDefinitions".to_owned(), attributes);
    let schema = json!([{ "AttributeName": attribute, "KeyType": "HASH" }]);
    request.insert("KeySchema".to_owned(), schema);
    let mode = if throughput.is_some() { "PROVISIONED" } else { "PAY_PER_REQUEST" };
    request.insert("BillingMode".to_owned(), json!(mode));
    request.extend(throughput.map(|units| ("ProvisionedThroughput".to_owned(), units)));
    request
}

fn full(fields: &Fields<'_>) -> Map<String, Value> {
    let mut request = Map::new();
    let mut keys = BTreeSet::new();
    let modes = [("PROVISIONED", "PROVISIONED"), ("PAY_PER_REQUEST", "PAY_PER_REQUEST")];
    let mode = fields.optional("BillingMode").and_then(|place| choice(&place, &modes));
    let provisioned = mode != Some("PAY_PER_REQUEST");
    request.insert("BillingMode".to_owned(), json!(mode.unwrap_or("PROVISIONED")));
    request.extend(units(fields, provisioned));
    let schema = fields.required("KeySchema").and_then(|place| key_schema(&place, &mut keys));
    request.extend(schema.map(|schema| ("KeySchema".to_owned(), schema)));
    for (key, has_units) in [("GlobalSecondaryIndexes", true), ("LocalSecondaryIndexes", false)] {
        let Some(indexes) = fields.optional(key).and_then(|place| place.items()) else { continue };
        let provisioned = has_units.then_some(provisioned);
        let indexes: Vec<_> =
            indexes.iter().filter_map(|place| index(place, provisioned, &mut keys)).collect();
        if !indexes.is_empty() {
            request.insert(key.to_owned(), Value::Array(indexes));
        }
    }
    if let Some(place) = fields.required("AttributeDefinitions") {
        request
            .extend(attributes(&place, &keys).map(|all| ("AttributeDefinitions".to_owned(), all)));
    }
    fields.refuse(&["ImportSourceSpecification", "VectorIndexes"], "is not simulated");
    request
}

/// `AttributeDefinitions` of exactly the attributes that keys use, as DynamoDB wants them.
fn attributes(place: &Place<'_>, keys: &BTreeSet<&str>) -> Option<Value> {
    let mut defined = BTreeSet::new();
    let mut definitions = Vec::new();
    for item in place.items()? {
        let Some(fields) = item.fields() else { continue };
        let name = fields.required("AttributeName").and_then(|place| place.text());
        let kinds = [("S", "S"), ("N", "N"), ("B", "B")];
        let kind = fields.required("AttributeType").and_then(|place| choice(&place, &kinds));
        fields.finish();
        let (Some(name), Some(kind)) = (name, kind) else { continue };
        if !keys.contains(name) {
            item.problem(format!("no key uses the attribute `{name}`"));
        }
        defined.insert(name);
        definitions.push(json!({ "AttributeName": name, "AttributeType": kind }));
    }
    for name in keys.difference(&defined) {
        place.problem(format!("the key attribute `{name}` is not defined"));
    }
    Some(Value::Array(definitions))
}

/// A hash key, and perhaps a range key; their attributes join `keys`.
fn key_schema<'t>(place: &Place<'t>, keys: &mut BTreeSet<&'t str>) -> Option<Value> {
    let mut schema = Vec::new();
    for (item, wanted) in place.items()?.iter().zip(["HASH", "RANGE"]) {
        let Some(fields) = item.fields() else { continue };
        let name = fields.required("AttributeName").and_then(|place| place.text());
        let kind = fields.required("KeyType");
        if kind.is_some_and(|place| place.text().is_some_and(|kind| kind != wanted)) {
            item.problem(format!("the key must be of type {wanted} here"));
        }
        fields.finish();
        if let Some(name) = name {
            keys.insert(name);
            schema.push(json!({ "AttributeName": name, "KeyType": wanted }));
        }
    }
    if !(1..=2).contains(&place.items()?.len()) {
        place.problem("must be a hash key, and at most a range key after it");
    }
    Some(Value::Array(schema))
}

/// A secondary index; `provisioned` is given for global ones.
fn index<'t>(
    place: &Place<'t>,
    provisioned: Option<bool>,
    keys: &mut BTreeSet<&'t str>,
) -> Option<Value> {
    let fields = place.fields()?;
    let mut index = Map::new();
    let name = fields.required("IndexName").and_then(|place| place.text());
    let schema = fields.required("KeySchema").and_then(|place| key_schema(&place, keys));
    let projection = fields.required("Projection").and_then(|place| projection(&place));
    if let Some(provisioned) = provisioned {
        index.extend(units(&fields, provisioned));
        fields.inert(&["ContributorInsightsSpecification", "OnDemandThroughput", "WarmThroughput"]);
    }
    fields.finish();
    index.insert("IndexName".to_owned(), json!(name?));
    index.insert("KeySchema".to_owned(), schema?);
    index.insert("Projection".to_owned(), projection?);
    Some(Value::Object(index))
}

fn projection(place: &Place<'_>) -> Option<Value> {
    let fields = place.fields()?;
    let kinds = [("ALL", "ALL"), ("KEYS_ONLY", "KEYS_ONLY"), ("INCLUDE", "INCLUDE")];
    let kind = fields.required("ProjectionType").and_then(|place| choice(&place, &kinds));
    let attributes = fields.optional("NonKeyAttributes").and_then(|place| place.texts());
    fields.finish();
    let mut projection = json!({ "ProjectionType": kind? });
    if let Some(attributes) = attributes {
        projection["NonKeyAttributes"] = json!(attributes);
    }
    Some(projection)
}

/// `ProvisionedThroughput`, which must be there exactly where capacity is provisioned.
fn units(fields: &Fields<'_>, provisioned: bool) -> Option<(String, Value)> {
    let place = if provisioned {
        fields.required("ProvisionedThroughput")
    } else {
        fields.optional("ProvisionedThroughput")
    }?;
    if !provisioned {
        place.problem("is not for `BillingMode: PAY_PER_REQUEST`");
        return None;
    }
    Some(("ProvisionedThroughput".to_owned(), throughput(&place)?))
}

fn throughput(place: &Place<'_>) -> Option<Value> {
    let fields = place.fields()?;
    let units = |key| fields.required(key).and_then(|place| place.integer(1..=i64::MAX));
    let (read, write) = (units("ReadCapacityUnits"), units("WriteCapacityUnits"));
    fields.finish();
    Some(json!({ "ReadCapacityUnits": read?, "WriteCapacityUnits": write? }))
}

fn time_to_live(place: &Place<'_>) -> Option<String> {
    let fields = place.fields()?;
    let attribute = fields.optional("AttributeName").and_then(|place| place.text());
    let enabled = fields.required("Enabled").and_then(|place| place.boolean());
    fields.finish();
    if enabled == Some(true) && attribute.is_none() {
        place.problem("`AttributeName` is missing");
    }
    attribute.filter(|_| enabled == Some(true)).map(str::to_owned)
}

/// One of the given words, and what it stands for.
fn choice(place: &Place<'_>, words: &[(&str, &'static str)]) -> Option<&'static str> {
    let text = place.text()?;
    let found = words.iter().find(|(word, _)| *word == text).map(|(_, meaning)| *meaning);
    if found.is_none() {
        let words: Vec<_> = words.iter().map(|(word, _)| *word).collect();
        place.problem(format!("must be one of {}, not `{text}`", words.join(", ")));
    }
    found
}
