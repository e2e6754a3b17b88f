//! DynamoDB tables as the call that creates them.

use serde_json::{Value, json};

use super::*;

fn with_table(properties: &str) -> String {
    let properties: Vec<_> = properties.lines().map(|line| format!("      {line}")).collect();
    let properties = properties.join("\n");
    format!("Resources:\n  T:\n    Type: AWS::DynamoDB::Table\n    Properties:\n{properties}\n")
}

fn request(text: &str) -> Value {
    serde_json::from_str(&plan(text).tables[0].create_table_json).unwrap()
}

const KEYS: &str = "AttributeDefinitions:\n  - {AttributeName: pk, AttributeType: S}\n  \
                    - {AttributeName: sk, AttributeType: N}\nKeySchema:\n  \
                    - {AttributeName: pk, KeyType: HASH}\n  - {AttributeName: sk, KeyType: RANGE}";

#[test]
fn creates_an_on_demand_table_with_a_time_to_live() {
    let text = with_table(&format!(
        "{KEYS}\nTableName: events\nBillingMode: PAY_PER_REQUEST\n\
         TimeToLiveSpecification: {{AttributeName: expires_at, Enabled: true}}"
    ));
    let table = plan(&text).tables.remove(0);
    assert_eq!((table.logical_id.as_str(), table.name.as_str()), ("T", "events"));
    assert_eq!(table.ttl_attribute.as_deref(), Some("expires_at"));
    let expected = json!({
        "TableName": "events",
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [
            {"AttributeName": "pk", "AttributeType": "S"},
            {"AttributeName": "sk", "AttributeType": "N"}
        ],
        "KeySchema": [
            {"AttributeName": "pk", "KeyType": "HASH"},
            {"AttributeName": "sk", "KeyType": "RANGE"}
        ]
    });
    assert_eq!(request(&text), expected);
}

#[test]
fn creates_indexes_and_provisioned_capacity() {
    let units = "{ReadCapacityUnits: 5, WriteCapacityUnits: 6}";
    let text = with_table(&format!(
        "{KEYS}\nProvisionedThroughput: {units}\nGlobalSecondaryIndexes:\n  - IndexName: by_sk\n    \
         KeySchema: [{{AttributeName: sk, KeyType: HASH}}]\n    \
         Projection: {{ProjectionType: INCLUDE, NonKeyAttributes: [a]}}\n    \
         ProvisionedThroughput: {units}"
    ));
    let request = request(&text);
    let units = json!({"ReadCapacityUnits": 5, "WriteCapacityUnits": 6});
    assert_eq!(request["BillingMode"], "PROVISIONED");
    assert_eq!(request["ProvisionedThroughput"], units);
    let index = json!([{
        "IndexName": "by_sk",
        "KeySchema": [{"AttributeName": "sk", "KeyType": "HASH"}],
        "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["a"]},
        "ProvisionedThroughput": units
    }]);
    assert_eq!(request["GlobalSecondaryIndexes"], index);
}

#[test]
fn creates_simple_tables() {
    let simple = |properties: &str| {
        request(&format!(
            "Resources:\n  Items: {{Type: AWS::Serverless::SimpleTable, Properties: {{{properties}}}}}\n"
        ))
    };
    let expected = json!({
        "TableName": "Items",
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}]
    });
    assert_eq!(simple(""), expected);
    let keyed = simple("PrimaryKey: {Name: n, Type: Number}");
    assert_eq!(
        keyed["AttributeDefinitions"],
        json!([{"AttributeName": "n", "AttributeType": "N"}])
    );
}

#[test]
fn refuses_keys_that_do_not_fit_their_definitions() {
    refuses(
        &with_table(
            "BillingMode: PAY_PER_REQUEST\nAttributeDefinitions: [{AttributeName: a, AttributeType: \
             S}]\nKeySchema: [{AttributeName: b, KeyType: RANGE}]",
        ),
        &[
            "7:7 Resources.T.Properties.AttributeDefinitions: the key attribute `b` is not defined",
            "7:30 Resources.T.Properties.AttributeDefinitions.0: no key uses the attribute `a`",
            "8:19 Resources.T.Properties.KeySchema.0: the key must be of type HASH here",
        ],
    );
}

#[test]
fn refuses_capacity_that_does_not_fit_the_billing_mode() {
    refuses(
        &with_table(&format!(
            "BillingMode: PAY_PER_REQUEST\nProvisionedThroughput: {{ReadCapacityUnits: 1, \
             WriteCapacityUnits: 1}}\n{KEYS}"
        )),
        &["7:7 Resources.T.Properties.ProvisionedThroughput: is not for `BillingMode: \
           PAY_PER_REQUEST`"],
    );
    refuses(&with_table(KEYS), &["5:5 Resources.T.Properties: `ProvisionedThroughput` is missing"]);
}

#[test]
fn keeps_items_for_ever_where_the_time_to_live_is_off() {
    let text = with_table(&format!(
        "{KEYS}\nBillingMode: PAY_PER_REQUEST\n\
         TimeToLiveSpecification: {{AttributeName: expires_at, Enabled: false}}"
    ));
    assert_eq!(plan(&text).tables[0].ttl_attribute, None);
}

#[test]
fn warns_of_streams() {
    let text = with_table(&format!(
        "{KEYS}\nBillingMode: PAY_PER_REQUEST\nStreamSpecification: {{StreamViewType: NEW_IMAGE}}"
    ));
    warns(&text, &["changes of a table are not streamed here"]);
}
