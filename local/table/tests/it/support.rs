//! A started table and a client for it.

use std::path::Path;
use std::sync::Arc;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{BehaviorVersion, Config, Credentials, Region};
use aws_sdk_dynamodb::types::AttributeValue;
use aws_smithy_http_client::Builder;
use table::{Table, TableConfig, TableStartError};
use tokio::net::TcpListener;

/// Two keys and expiry, as the event pipeline's table has them.
pub(crate) fn events() -> TableConfig {
    let create_table_json = r#"{
        "TableName": "events",
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [
            {"AttributeName": "pk", "AttributeType": "S"},
            {"AttributeName": "sk", "AttributeType": "S"}
        ],
        "KeySchema": [
            {"AttributeName": "pk", "KeyType": "HASH"},
            {"AttributeName": "sk", "KeyType": "RANGE"}
        ]
    }"#;
    TableConfig {
        create_table_json: create_table_json.to_owned(),
        ttl_attribute: Some("expires_at".to_owned()),
    }
}

/// Starts a table on a free port.
pub(crate) async fn start(
    folder: &Path,
    tables: &[TableConfig],
) -> Result<(Table, Client), TableStartError> {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("a bound listener has an address");
    let table = Table::start(listener, &folder.join("table.sqlite"), tables)?;
    // The endpoint as `AWS_ENDPOINT_URL_DYNAMODB` would give it.
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("local", "local", None, None, "test"))
        .endpoint_url(format!("http://{address}"))
        .http_client(Builder::new().build_http())
        .build();
    Ok((table, Client::from_conf(config)))
}

/// A string attribute.
pub(crate) fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

/// A number attribute.
pub(crate) fn number(number: u32) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

/// The whole chain of an error, for assertions on what a person would read.
pub(crate) fn chain(error: TableStartError) -> String {
    let error: Arc<dyn std::error::Error> = Arc::new(error);
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}
