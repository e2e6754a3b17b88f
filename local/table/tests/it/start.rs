//! Starting: what is made, what is kept, what is refused.

use aws_sdk_dynamodb::types::TimeToLiveStatus;
use table::TableConfig;

use crate::support::{chain, events, start, text};

#[tokio::test]
async fn makes_the_tables_and_enables_expiry() {
    let folder = tempfile::tempdir().unwrap();
    let (table, client) = start(folder.path(), &[events()]).await.unwrap();
    let described = client.describe_time_to_live().table_name("events").send().await.unwrap();
    let expiry = described.time_to_live_description.unwrap();
    assert_eq!(expiry.time_to_live_status, Some(TimeToLiveStatus::Enabled));
    assert_eq!(expiry.attribute_name.as_deref(), Some("expires_at"));
    table.shutdown().await;
}

#[tokio::test]
async fn items_and_tables_survive_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let (table, client) = start(folder.path(), &[events()]).await.unwrap();
    let put = client.put_item().table_name("events");
    put.item("pk", text("a")).item("sk", text("1")).send().await.unwrap();
    table.shutdown().await;

    let (table, client) = start(folder.path(), &[events()]).await.unwrap();
    let get = client.get_item().table_name("events").key("pk", text("a")).key("sk", text("1"));
    assert!(get.send().await.unwrap().item.is_some());
    table.shutdown().await;
}

/// What `kill -9` leaves behind is the files as they are: nothing was closed or checkpointed.
#[tokio::test]
async fn an_answered_write_is_in_the_files_before_any_shutdown() {
    let folder = tempfile::tempdir().unwrap();
    let (table, client) = start(folder.path(), &[events()]).await.unwrap();
    let put = client.put_item().table_name("events");
    put.item("pk", text("a")).item("sk", text("1")).send().await.unwrap();
    let left_behind = tempfile::tempdir().unwrap();
    for name in ["table.sqlite", "table.sqlite-wal"] {
        std::fs::copy(folder.path().join(name), left_behind.path().join(name)).unwrap();
    }
    table.shutdown().await;

    let (table, client) = start(left_behind.path(), &[events()]).await.unwrap();
    let get = client.get_item().table_name("events").key("pk", text("a")).key("sk", text("1"));
    assert!(get.send().await.unwrap().item.is_some());
    table.shutdown().await;
}

#[tokio::test]
async fn the_attribute_of_expiry_can_change() {
    let folder = tempfile::tempdir().unwrap();
    let (table, _) = start(folder.path(), &[events()]).await.unwrap();
    table.shutdown().await;
    for attribute in [Some("other".to_owned()), None] {
        let config = TableConfig { ttl_attribute: attribute.clone(), ..events() };
        let (table, client) = start(folder.path(), &[config]).await.unwrap();
        let described = client.describe_time_to_live().table_name("events").send().await.unwrap();
        let expiry = described.time_to_live_description.unwrap();
        let enabled = expiry.time_to_live_status == Some(TimeToLiveStatus::Enabled);
        assert_eq!(expiry.attribute_name.filter(|_| enabled), attribute);
        table.shutdown().await;
    }
}

#[tokio::test]
async fn refuses_a_table_that_exists_with_other_keys() {
    let folder = tempfile::tempdir().unwrap();
    let (table, _) = start(folder.path(), &[events()]).await.unwrap();
    table.shutdown().await;
    let mut other = events();
    other.create_table_json = other.create_table_json.replace("\"sk\"", "\"sort\"");
    let error = start(folder.path(), &[other]).await.unwrap_err();
    assert_eq!(
        chain(error),
        "table `events` exists with another key schema or other attribute definitions; start \
         with `--fresh` to begin empty"
    );
}

#[tokio::test]
async fn says_what_is_wrong_with_a_description() {
    let folder = tempfile::tempdir().unwrap();
    let broken =
        TableConfig { create_table_json: "{\"TableName\": 7}".to_owned(), ttl_attribute: None };
    let error = chain(start(folder.path(), &[broken]).await.unwrap_err());
    assert!(error.starts_with("a table's description is not a valid `CreateTable` call: "));
}

#[tokio::test]
async fn says_which_file_cannot_be_opened() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing");
    let error = chain(start(&missing, &[]).await.unwrap_err());
    assert!(error.contains("failed to open the table file"), "{error}");
    assert!(error.contains("table.sqlite"), "{error}");
}
