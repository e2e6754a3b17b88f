//! The calls that the functions make, with the answers they build on.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{
    ConditionCheck, Put, PutRequest, ReturnValue, TransactWriteItem, Update, WriteRequest,
};
use table::Table;
use tempfile::TempDir;

use crate::support::{events, number, start, text};

async fn started() -> (TempDir, Table, Client) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (table, client) = start(folder.path(), &[events()]).await.expect("a fresh folder");
    (folder, table, client)
}

/// Moves the fence of partition `p` from `from` to `to` together with a chunk.
fn advance(from: u32, to: u32) -> Vec<TransactWriteItem> {
    let fence = Update::builder()
        .table_name("events")
        .key("pk", text("p"))
        .key("sk", text("fence"))
        .update_expression("SET #next = :to")
        .condition_expression("attribute_not_exists(pk) OR #next = :from")
        .expression_attribute_names("#next", "next")
        .expression_attribute_values(":from", number(from))
        .expression_attribute_values(":to", number(to))
        .build()
        .expect("all parts are given");
    let chunk = Put::builder()
        .table_name("events")
        .item("pk", text("p"))
        .item("sk", text(&format!("chunk#{from:08}")))
        .item("until", number(to))
        .condition_expression("attribute_not_exists(pk)")
        .build()
        .expect("all parts are given");
    vec![
        TransactWriteItem::builder().update(fence).build(),
        TransactWriteItem::builder().put(chunk).build(),
    ]
}

#[tokio::test]
async fn a_transaction_happens_whole_or_not_at_all() {
    let (_folder, table, client) = started().await;
    let transact = |items| client.transact_write_items().set_transact_items(Some(items)).send();
    transact(advance(0, 10)).await.unwrap();
    let error = transact(advance(5, 20)).await.unwrap_err().into_service_error();
    let TransactWriteItemsError::TransactionCanceledException(cancelled) = error else {
        panic!("expected a cancelled transaction, got {error:?}");
    };
    let codes: Vec<_> =
        cancelled.cancellation_reasons().iter().filter_map(|reason| reason.code()).collect();
    assert_eq!(codes, ["ConditionalCheckFailed", "None"]);
    let chunk = client.get_item().table_name("events");
    let chunk = chunk.key("pk", text("p")).key("sk", text("chunk#00000005")).consistent_read(true);
    assert!(chunk.send().await.unwrap().item.is_none());
    table.shutdown().await;
}

#[tokio::test]
async fn a_transaction_can_check_an_item_it_does_not_write() {
    let (_folder, table, client) = started().await;
    let check = ConditionCheck::builder()
        .table_name("events")
        .key("pk", text("missing"))
        .key("sk", text("x"))
        .condition_expression("attribute_exists(pk)")
        .build()
        .unwrap();
    let mut items = advance(0, 10);
    items.push(TransactWriteItem::builder().condition_check(check).build());
    let result = client.transact_write_items().set_transact_items(Some(items)).send().await;
    assert!(result.is_err());
    let all = client.scan().table_name("events").send().await.unwrap();
    assert_eq!(all.count, 0);
    table.shutdown().await;
}

#[tokio::test]
async fn a_query_finds_the_newest_item_at_or_below_a_key() {
    let (_folder, table, client) = started().await;
    for from in [0, 10, 20] {
        let items = advance(from, from + 10);
        client.transact_write_items().set_transact_items(Some(items)).send().await.unwrap();
    }
    let found = client
        .query()
        .table_name("events")
        .key_condition_expression("pk = :pk AND sk BETWEEN :first AND :at")
        .expression_attribute_values(":pk", text("p"))
        .expression_attribute_values(":first", text("chunk#"))
        .expression_attribute_values(":at", text("chunk#00000015"))
        .scan_index_forward(false)
        .limit(1)
        .consistent_read(true)
        .send()
        .await
        .unwrap();
    let items = found.items();
    assert_eq!(items.len(), 1);
    assert_eq!(items[0]["until"], number(20));
    table.shutdown().await;
}

#[tokio::test]
async fn an_update_adds_and_returns_the_new_item() {
    let (_folder, table, client) = started().await;
    let add = || {
        client
            .update_item()
            .table_name("events")
            .key("pk", text("counter"))
            .key("sk", text("x"))
            .update_expression("ADD attempts :one SET seen = if_not_exists(seen, :one)")
            .expression_attribute_values(":one", number(1))
            .return_values(ReturnValue::AllNew)
            .send()
    };
    add().await.unwrap();
    let attributes = add().await.unwrap().attributes.unwrap();
    assert_eq!(attributes["attempts"], number(2));
    assert_eq!(attributes["seen"], number(1));
    table.shutdown().await;
}

#[tokio::test]
async fn a_batch_is_written_and_scanned_page_by_page() {
    let (_folder, table, client) = started().await;
    let requests = (0..25).map(|n| {
        let put = PutRequest::builder()
            .item("pk", text(&format!("k{n}")))
            .item("sk", text("x"))
            .build()
            .unwrap();
        WriteRequest::builder().put_request(put).build()
    });
    let written =
        client.batch_write_item().request_items("events", requests.collect()).send().await.unwrap();
    assert!(written.unprocessed_items.is_none_or(|items| items.is_empty()));
    let mut pages = client.scan().table_name("events").limit(10).into_paginator().items().send();
    let mut items = 0;
    while let Some(item) = pages.next().await {
        item.unwrap();
        items += 1;
    }
    assert_eq!(items, 25);
    table.shutdown().await;
}
