//! The outbox: entries in order, noted as published, removed.

use event::Stream;
use orders::{Decision, Entry, Head, InitialStock, Inventory, OrderTable, Outcome, Publication};
use progress::{Consumer, PartitionKey};
use test_table::TestTable;

fn source() -> PartitionKey {
    let stream = Stream { cluster: "c".into(), topic: "order-events".into(), epoch: 1 };
    Consumer::new(orders::RESERVE).partition(&stream, 3)
}

fn outcomes(numbers: std::ops::Range<u64>) -> Vec<Outcome> {
    let outcome = |number| Outcome {
        number,
        offset: 5,
        order_id: "id".into(),
        user_id: "u".into(),
        item: "pizza".into(),
        quantity: 1,
        placed_at_ms: 7,
        decision: Decision::Reserved,
    };
    numbers.map(outcome).collect()
}

async fn put(table: &TestTable, head: Head, outcomes: &[Outcome], leaving: Option<u64>) -> bool {
    let store = table.store();
    let effects = OrderTable::of(&store).entry_effects(&source(), head, outcomes, leaving);
    let request = store.client().transact_write_items().set_transact_items(Some(effects));
    request.send().await.is_ok()
}

#[tokio::test]
async fn entries_follow_each_other_and_leave_when_they_are_published() {
    let test = TestTable::start().await;
    let table = OrderTable::of(&test.store());
    let head = |next, published| Head { next, published };
    assert_eq!(table.outbox(&source()).await.unwrap(), (Head::default(), Vec::new()));
    assert!(put(&test, head(0, 0), &outcomes(0..12), None).await);
    assert!(!put(&test, head(0, 0), &outcomes(0..2), None).await, "somebody was first");
    assert!(put(&test, head(12, 0), &outcomes(12..14), None).await);
    assert_eq!(table.head(&source()).await.unwrap(), head(14, 0));

    let inventory = Inventory::new(table.clone(), InitialStock::parse("tea=3").unwrap());
    let items = vec!["soup".to_owned(), "tea".to_owned()];
    let (read, stocks) = inventory.desk(&source(), items).await.unwrap();
    assert_eq!(read, head(14, 0));
    let available: Vec<_> = stocks.iter().map(|(_, stock)| stock.map(|s| s.available)).collect();
    assert_eq!(available, [None, Some(3)]);

    let (head_too, entries) = table.outbox(&source()).await.unwrap();
    assert_eq!(head_too, read);
    let publication = Publication::of(read, entries);
    let whole = |numbers| Entry { outcomes: outcomes(numbers) };
    assert_eq!(publication.due, [whole(0..12), whole(12..14)]);
    table.note_published(&source(), 12).await.unwrap();
    table.note_published(&source(), 3).await.unwrap();
    let (read, entries) = table.outbox(&source()).await.unwrap();
    assert_eq!(read, head(14, 12), "what was noted is not taken back");
    let publication = Publication::of(read, entries);
    assert_eq!((publication.done.len(), publication.due.len()), (1, 1));
    table.forget(&source(), &publication.done[0]).await.unwrap();
    assert_eq!(table.outbox(&source()).await.unwrap(), (read, vec![whole(12..14)]));
    table.note_published(&source(), 14).await.unwrap();
    assert!(put(&test, head(14, 14), &outcomes(14..15), Some(12)).await);
    let left = (head(15, 14), vec![whole(14..15)]);
    assert_eq!(table.outbox(&source()).await.unwrap(), left, "one entry comes and one leaves");
    drop((table, inventory));
    test.stop().await;
}

#[tokio::test]
async fn an_outbox_with_more_entries_than_are_read_at_once_is_read_from_its_oldest() {
    let test = TestTable::start().await;
    let table = OrderTable::of(&test.store());
    for number in 0..40 {
        let head = Head { next: number, published: 0 };
        assert!(put(&test, head, &outcomes(number..number + 1), None).await);
    }
    let (head, entries) = table.outbox(&source()).await.unwrap();
    assert_eq!(head, Head { next: 40, published: 0 });
    assert!((30..40).contains(&entries.len()), "{}", entries.len());
    assert!(entries.iter().map(Entry::first).eq(0..entries.len() as u64));
    drop(table);
    test.stop().await;
}
