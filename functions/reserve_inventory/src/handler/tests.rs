//! Batches of orders from end to end, on a real table and with a topic that is only remembered.

use std::sync::{Arc, Mutex};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use consume::{Answers, Terms, limits};
use event::Coordinates;
use orders::{InitialStock, OrderTable, Outcome};
use progress::{Edge, Policy, Status, StatusTable, Statuses as _};
use publish::{Message, PublishError};
use serde_json::{Value, json};
use test_table::TestTable;
use tokio::time::Instant;

use super::*;

const NOW_MS: u64 = 1_763_740_000_000;
const ARN: &str = "arn:aws:kafka:us-east-1:000000000000:cluster/local/x-1";

/// A topic that tests look into.
#[derive(Clone)]
struct Topic(Arc<Mutex<Log>>);

struct Log {
    /// With the partition of each.
    outcomes: Vec<(i32, Outcome)>,
    /// How many more it takes before it is away.
    takes: usize,
}

impl Publish for Topic {
    async fn publish(
        &self,
        message: Message<'_>,
        _deadline: Instant,
    ) -> Result<Coordinates, PublishError> {
        assert_eq!(message.topic, "inventory-events");
        let partition = message.partition.unwrap();
        let headers =
            message.headers.iter().map(|header| (header.name, header.value.unwrap_or_default()));
        let (_, outcome) = Outcome::decode(headers, message.value.unwrap()).unwrap();
        let mut topic = self.0.lock().unwrap();
        if topic.takes == 0 {
            return Err(PublishError::Away);
        }
        topic.takes -= 1;
        topic.outcomes.push((partition, outcome));
        let offset = i64::try_from(topic.outcomes.len()).unwrap();
        Ok(Coordinates::new(partition, offset).unwrap())
    }
}

struct World {
    table: TestTable,
    topic: Topic,
    handler: Handler<Topic>,
}

impl World {
    async fn start() -> Self {
        Self::at(Pace { delay: Duration::ZERO, unit: Duration::ZERO }, 500).await
    }

    async fn at(pace: Pace, records_max: usize) -> Self {
        let table = TestTable::start().await;
        let topic = Topic(Arc::new(Mutex::new(Log { outcomes: Vec::new(), takes: usize::MAX })));
        let handler = Self::environment(&table, &topic, pace, records_max);
        Self { table, topic, handler }
    }

    /// An environment of its own on the same table.
    fn environment(
        table: &TestTable,
        topic: &Topic,
        pace: Pace,
        records_max: usize,
    ) -> Handler<Topic> {
        let orders = OrderTable::of(&table.store());
        let initial = InitialStock::parse("pizza=5,tea=2").unwrap();
        let policy = Policy { records_max, ..Policy::default() };
        let ledger = Ledger::new(table.store(), policy, Edge::system());
        let ring = KeyRing::parse("k1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=").unwrap();
        let inventory = Inventory::new(orders.clone(), initial);
        let outbox = Outbox::new(orders, topic.clone(), "inventory-events".to_owned());
        Handler::new(ledger, inventory, outbox, ring, pace)
    }

    /// Goes on in another environment; returns the one before.
    fn change_environment(&mut self) -> Handler<Topic> {
        let pace = Pace { delay: Duration::ZERO, unit: Duration::ZERO };
        let other = Self::environment(&self.table, &self.topic, pace, 500);
        std::mem::replace(&mut self.handler, other)
    }

    fn numbers(&self) -> Vec<u64> {
        self.published().iter().map(|(_, number, ..)| *number).collect()
    }

    /// How many entries the outbox of a partition holds.
    async fn entries(&self, partition: i32) -> usize {
        let stream = Stream { cluster: ARN.to_owned(), topic: "order-events".to_owned(), epoch: 1 };
        let source = Consumer::new(RESERVE).partition(&stream, partition);
        OrderTable::of(&self.table.store()).outbox(&source).await.unwrap().1.len()
    }

    async fn handle(&self, payload: &[u8]) -> Result<(), String> {
        self.handle_within(payload, 600_000).await
    }

    async fn handle_within(&self, payload: &[u8], left_ms: u64) -> Result<(), String> {
        let terms = Terms {
            cluster: None,
            topic: settings::Topic::Orders,
            epoch: 1,
            answers: Answers::Fail,
        };
        let limits = limits(NOW_MS + left_ms, NOW_MS, self.handler.unit());
        let handled = consume::handle(&terms, &self.handler, payload, limits).await;
        handled.map(drop).map_err(|error| telemetry::chain(&error).to_string())
    }

    /// The outcomes that lie in the topic, by number, item and reason.
    fn published(&self) -> Vec<(i32, u64, String, Option<String>)> {
        let topic = self.topic.0.lock().unwrap();
        let tell = |(partition, outcome): &(i32, Outcome)| {
            let reason = outcome.decision.reason().map(str::to_owned);
            (*partition, outcome.number, outcome.item.clone(), reason)
        };
        topic.outcomes.iter().map(tell).collect()
    }

    async fn available(&self, item: &str) -> Option<u64> {
        self.handler.inventory.item(item).await.unwrap().map(|stock| stock.available)
    }

    async fn status(&self, partition: i32, offset: i64) -> Status {
        let stream = Stream { cluster: ARN.to_owned(), topic: "order-events".to_owned(), epoch: 1 };
        let table = StatusTable::of(self.table.store(), Consumer::new(RESERVE), stream);
        table.status(Coordinates::new(partition, offset).unwrap()).await.unwrap()
    }

    fn takes(&self, outcomes: usize) {
        self.topic.0.lock().unwrap().takes = outcomes;
    }
}

fn order(item: &str, quantity: u32) -> Value {
    json!({"user_id": "u", "item": item, "quantity": quantity})
}

fn batch(partition: i32, first: i64, values: &[Value]) -> Vec<u8> {
    let records: Vec<Value> = (first..)
        .zip(values)
        .map(|(offset, value)| {
            let value = (!value.is_null()).then(|| STANDARD.encode(value.to_string()));
            json!({
                "topic": "order-events", "partition": partition, "offset": offset,
                "timestamp": 5, "value": value, "headers": [],
            })
        })
        .collect();
    let records = json!({format!("order-events-{partition}"): records});
    let event = json!({"eventSource": "aws:kafka", "eventSourceArn": ARN, "records": records});
    serde_json::to_vec(&event).unwrap()
}

fn reserved(partition: i32, number: u64, item: &str) -> (i32, u64, String, Option<String>) {
    (partition, number, item.to_owned(), None)
}

fn failed(
    partition: i32,
    number: u64,
    item: &str,
    why: &str,
) -> (i32, u64, String, Option<String>) {
    (partition, number, item.to_owned(), Some(why.to_owned()))
}

#[tokio::test]
async fn every_kind_of_record_ends_in_its_state_and_every_order_has_an_outcome() {
    let world = World::start().await;
    let orders = [
        order("pizza", 3),
        order("pizza", 3),
        order("soup", 1),
        Value::Null,
        json!([1]),
        order("tea", 2),
    ];
    let payload = batch(2, 10, &orders);
    world.handle(&payload).await.unwrap();
    let expected = [
        reserved(2, 0, "pizza"),
        failed(2, 1, "pizza", "out of stock"),
        failed(2, 2, "soup", "unknown item"),
        reserved(2, 3, "tea"),
    ];
    assert_eq!(world.published(), expected);
    assert_eq!((world.available("pizza").await, world.available("tea").await), (Some(2), Some(0)));
    assert!(matches!(world.status(2, 10).await, Status::Processed { .. }));
    for (offset, expected) in [(11, "out of stock"), (12, "unknown item")] {
        let Status::Failed { reason, .. } = world.status(2, offset).await else {
            panic!("{offset}")
        };
        assert_eq!(reason, expected);
    }
    assert!(matches!(world.status(2, 13).await, Status::Skipped { .. }));
    let Status::Failed { reason, .. } = world.status(2, 14).await else { panic!("no order") };
    assert!(reason.starts_with("not an order"), "{reason}");

    world.handle(&payload).await.unwrap();
    assert_eq!(world.published(), expected, "again, and nothing more");
    assert_eq!(world.available("pizza").await, Some(2));
}

#[tokio::test]
async fn what_could_not_be_published_fails_the_batch_and_comes_before_what_follows() {
    let world = World::start().await;
    world.takes(1);
    let payload = batch(0, 0, &[order("pizza", 1), order("pizza", 1)]);
    let error = world.handle(&payload).await.unwrap_err();
    assert!(error.contains("an outcome was not published"), "{error}");
    assert_eq!(world.available("pizza").await, Some(3), "decided all the same");
    assert_eq!(world.published(), [reserved(0, 0, "pizza")]);

    world.takes(usize::MAX);
    world.handle(&batch(0, 2, &[order("pizza", 1)])).await.unwrap();
    assert_eq!(world.numbers(), [0, 0, 1, 2], "its entry from its start, then the next");
}

#[tokio::test]
async fn what_another_environment_left_is_published_first_though_this_one_left_nothing() {
    let mut world = World::start().await;
    let order = [order("tea", 1)];
    world.handle(&batch(0, 0, &order)).await.unwrap();
    let first = world.change_environment();
    world.takes(0);
    world.handle(&batch(0, 1, &order)).await.unwrap_err();

    world.takes(usize::MAX);
    let second = std::mem::replace(&mut world.handler, first);
    world.handle(&batch(0, 2, &order)).await.unwrap();
    assert_eq!(world.numbers(), [0, 1, 2], "a batch behind it");

    let first = std::mem::replace(&mut world.handler, second);
    world.takes(0);
    world.handle(&batch(0, 3, &order)).await.unwrap_err();
    world.takes(usize::MAX);
    world.handler = first;
    world.handle(&batch(0, 3, &order)).await.unwrap();
    assert_eq!(world.numbers(), [0, 1, 2, 3], "the same batch");
}

#[tokio::test]
async fn the_last_entry_leaves_the_outbox_with_the_next_or_with_the_next_environment() {
    let mut world = World::start().await;
    for offset in 0..3 {
        world.handle(&batch(0, offset, &[order("tea", 1)])).await.unwrap();
        world.handle(&batch(1, offset, &[Value::Null])).await.unwrap();
        assert_eq!((world.entries(0).await, world.entries(1).await), (1, 0));
    }
    world.change_environment();
    world.handle(&batch(0, 3, &[Value::Null])).await.unwrap();
    assert_eq!((world.entries(0).await, world.numbers()), (0, vec![0, 1, 2]));
}

#[tokio::test]
async fn a_batch_of_more_items_than_a_transaction_takes_is_decided_in_several() {
    let world = World::start().await;
    let orders: Vec<Value> = (0..150).map(|item| order(&format!("item-{item}"), 1)).collect();
    world.handle(&batch(0, 0, &orders)).await.unwrap();
    assert_eq!(world.numbers(), (0..150).collect::<Vec<_>>());
    let few = vec![order("tea", 1); 150];
    world.handle(&batch(1, 0, &few)).await.unwrap();
    assert_eq!(world.published().len(), 300);
    assert_eq!(world.available("tea").await, Some(0));
}

#[tokio::test]
async fn two_environments_never_sell_more_than_there_is() {
    let world = World::start().await;
    let orders = vec![order("pizza", 1); 4];
    // Partitions were added: the item's orders lie in two of them.
    let (old, new) = (batch(0, 0, &orders), batch(1, 0, &orders));
    let (first, second) = tokio::join!(world.handle(&old), world.handle(&new));
    first.unwrap();
    second.unwrap();
    let published = world.published();
    assert_eq!(published.len(), 8);
    let sold = published.iter().filter(|(.., reason)| reason.is_none()).count();
    assert_eq!((sold, world.available("pizza").await), (5, Some(0)));
}

#[tokio::test]
async fn a_batch_that_would_outlive_its_timeout_is_returned_in_part() {
    let pace = Pace { delay: Duration::from_millis(300), unit: Duration::from_millis(300) };
    let world = World::at(pace, 1).await;
    let payload = batch(0, 0, &[order("tea", 1), order("tea", 1), order("tea", 1)]);
    let mut rounds = 0;
    while world.handle_within(&payload, 1_600).await.is_err() {
        rounds += 1;
        let decided = world.published().len();
        assert!((1..3).contains(&decided), "some of it is done: {decided}");
    }
    assert!(rounds > 0, "it took one invocation");
    let expected =
        [reserved(0, 0, "tea"), reserved(0, 1, "tea"), failed(0, 2, "tea", "out of stock")];
    assert_eq!(world.published(), expected);
}
