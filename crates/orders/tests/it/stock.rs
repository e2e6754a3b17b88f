//! Stock: read with what there is at first, written on condition, restocked once.

use std::sync::Arc;

use aws_sdk_dynamodb::types::AttributeValue;
use orders::{Changed, InitialStock, Inventory, OrderTable, Restock, RestockError, Stock};
use test_table::TestTable;

fn inventory(table: &TestTable) -> Inventory {
    let initial = InitialStock::parse("pizza=10,tea=5").unwrap();
    Inventory::new(OrderTable::of(&table.store()), initial)
}

async fn write(table: &TestTable, changed: &Changed) -> bool {
    let effect = OrderTable::of(&table.store()).stock_effect(changed);
    let store = table.store();
    let request = store.client().transact_write_items().transact_items(effect);
    request.send().await.is_ok()
}

#[tokio::test]
async fn stock_that_was_never_written_is_what_there_is_at_first() {
    let table = TestTable::start().await;
    let inventory = inventory(&table);
    assert_eq!(inventory.item("pizza").await.unwrap(), Some(Stock::of(10)));
    assert_eq!(inventory.item("soup").await.unwrap(), None);
    let sold = Stock { available: 0, reserved: 10, version: 1, ..Stock::of(10) };
    assert!(write(&table, &Changed { item: "pizza".into(), read: 0, stock: sold }).await);
    let items = inventory.items().await.unwrap();
    assert_eq!(items, [("pizza".to_owned(), sold), ("tea".to_owned(), Stock::of(5))]);
    drop(inventory);
    table.stop().await;
}

#[tokio::test]
async fn a_write_on_a_version_that_is_gone_is_refused() {
    let table = TestTable::start().await;
    let at = |read, version| Changed {
        item: "pizza".into(),
        read,
        stock: Stock { version, ..Stock::of(1) },
    };
    for (read, version, written) in
        [(0, 1, true), (0, 1, false), (1, 2, true), (1, 2, false), (2, 3, true), (7, 8, false)]
    {
        assert_eq!(write(&table, &at(read, version)).await, written, "{read}");
    }
    table.stop().await;
}

#[tokio::test]
async fn a_restock_counts_once_however_often_it_is_told() {
    let table = TestTable::start().await;
    let inventory = Arc::new(inventory(&table));
    let restock = Restock { item: "pizza", id: "r1", quantity: 7 };
    let first = inventory.restock(restock).await.unwrap();
    assert_eq!((first.stock.available, first.repeated), (17, false));
    let again = inventory.restock(restock).await.unwrap();
    assert_eq!((again.stock.available, again.repeated), (17, true));
    let other = Restock { quantity: 8, ..restock };
    let error = inventory.restock(other).await.unwrap_err();
    assert!(matches!(error, RestockError::Different { quantity: 7, .. }), "{error:?}");
    let new = inventory.restock(Restock { item: "soup", id: "r1", quantity: 3 }).await.unwrap();
    assert_eq!((new.stock.available, new.stock.initial, new.stock.restocked), (3, 0, 3));
    drop(inventory);
    table.stop().await;
}

#[tokio::test]
async fn the_id_of_a_restock_is_kept_for_ninety_days() {
    let table = TestTable::start().await;
    let inventory = inventory(&table);
    inventory.restock(Restock { item: "pizza", id: "r1", quantity: 7 }).await.unwrap();
    let key = [("pk", "restock/pizza"), ("sk", "r1")];
    let key = key.map(|(name, text)| (name.to_owned(), AttributeValue::S(text.to_owned())));
    let store = table.store();
    let get = store.client().get_item().table_name(store.table()).set_key(Some(key.into()));
    let item = get.send().await.unwrap().item.unwrap();
    let expires_at: i64 = item["expires_at"].as_n().unwrap().parse().unwrap();
    let left = expires_at - jiff::Timestamp::now().as_second();
    assert_eq!((left + 43_200) / 86_400, 90, "days");
    drop((inventory, store));
    table.stop().await;
}

#[tokio::test]
async fn restocks_at_the_same_time_all_count() {
    let table = TestTable::start().await;
    let inventory = inventory(&table);
    let restock = |id| inventory.restock(Restock { item: "soup", id, quantity: 2 });
    let done = tokio::join!(restock("a"), restock("b"), restock("c"), restock("a"));
    for result in [done.0, done.1, done.2, done.3] {
        assert!(result.is_ok(), "{result:?}");
    }
    let stock = inventory.item("soup").await.unwrap().unwrap();
    assert_eq!((stock.available, stock.restocked), (6, 6));
    assert!(stock.adds_up());
    drop(inventory);
    table.stop().await;
}
