//! Requests in, responses out, on a real table and with Kafka played by values.

use std::collections::HashMap;

use backlog::{BacklogError, Span};
use event::Stream;
use lambda_http::{RequestExt, http};
use orders::{Decision, Head, InitialStock, Inventory, OrderTable, Outcome, RESERVE};
use progress::Consumer;
use serde_json::{Value, json};
use test_table::TestTable;

use super::*;

struct FakeTopic(Option<i64>);

impl Backlog for FakeTopic {
    async fn spans(&self) -> Result<Vec<Span>, BacklogError> {
        let end = self.0.ok_or_else(|| BacklogError::NoTopic { topic: "any".into() })?;
        Ok(vec![Span { partition: 0, low: 0, end }])
    }
}

fn orders() -> Stream {
    Stream { cluster: "dev".into(), topic: "orders".into(), epoch: 1 }
}

fn handler(table: &TestTable, placed: Option<i64>) -> Handler<FakeTopic> {
    let initial = InitialStock::parse("pizza=5").unwrap();
    let inventory = Inventory::new(OrderTable::of(&table.store()), initial);
    let state = State::new(table.store(), inventory, orders());
    Handler::new(state, FakeTopic(placed))
}

async fn respond(
    handler: &Handler<FakeTopic>,
    (method, path): (&str, &str),
    body: &str,
) -> (u16, Value) {
    let segments: Vec<&str> = path.split('/').collect();
    let parameters: HashMap<String, Vec<String>> = match segments[..] {
        ["", "inventory", item] => HashMap::from([("item".into(), vec![item.into()])]),
        ["", "inventory", item, "restocks", id] => HashMap::from([
            ("item".into(), vec![item.into()]),
            ("restock_id".into(), vec![id.into()]),
        ]),
        _ => HashMap::new(),
    };
    let request = http::Request::builder().method(method).uri(path).body(Body::from(body)).unwrap();
    let request = request.with_path_parameters(parameters);
    let (parts, body) = handler.handle(&request).await.into_parts();
    (parts.status.as_u16(), serde_json::from_slice(&body).unwrap())
}

fn pizza(available: u64, restocked: u64) -> Value {
    json!({
        "item": "pizza", "available": available, "initial": 5, "restocked": restocked,
        "reserved": 0,
    })
}

/// Decides so many orders, whose outcomes nobody has counted.
async fn decide(table: &TestTable, many: u64) {
    let outcome = |number| Outcome {
        number,
        offset: 0,
        order_id: "id".into(),
        user_id: "u".into(),
        item: "pizza".into(),
        quantity: 1,
        placed_at_ms: 5,
        decision: Decision::Reserved,
    };
    let outcomes: Vec<Outcome> = (0..many).map(outcome).collect();
    let (store, partition) = (table.store(), Consumer::new(RESERVE).partition(&orders(), 0));
    let effects =
        OrderTable::of(&store).entry_effects(&partition, Head::default(), &outcomes, None);
    let request = store.client().transact_write_items().set_transact_items(Some(effects));
    request.send().await.unwrap();
}

#[tokio::test]
async fn figures_come_with_what_is_missing_from_them() {
    let table = TestTable::start().await;
    decide(&table, 3).await;
    let with_kafka = handler(&table, Some(7));
    let (status, body) = respond(&with_kafka, ("GET", "/analytics"), "").await;
    assert_eq!(status, 200);
    assert_eq!(body["lag"], json!({"undecided": 7, "uncounted": 3}));
    assert_eq!((&body["generation"], &body["total_orders"]), (&json!(1), &json!(0)));
    assert_eq!((&body["failure_rate"], &body["items"]), (&json!(0.0), &json!({})));
    let (status, body) = respond(&handler(&table, None), ("GET", "/prod/analytics"), "").await;
    let unknown = json!({"undecided": null, "uncounted": null});
    assert_eq!((status, &body["lag"]), (200, &unknown), "without Kafka");
}

#[tokio::test]
async fn stock_is_read_and_restocked_once() {
    let table = TestTable::start().await;
    let handler = handler(&table, None);
    assert_eq!(respond(&handler, ("GET", "/inventory/pizza"), "").await, (200, pizza(5, 0)));
    let path = ("PUT", "/inventory/pizza/restocks/r1");
    for repeated in [false, true] {
        let (status, mut body) = respond(&handler, path, r#"{"quantity":3}"#).await;
        assert_eq!(body.as_object_mut().unwrap().remove("repeated"), Some(json!(repeated)));
        assert_eq!((status, body), (200, pizza(8, 3)));
    }
    let (status, body) = respond(&handler, path, r#"{"quantity":4}"#).await;
    assert_eq!((status, &body["error"]["code"]), (409, &json!("restock_id_used")));
    let (_, body) = respond(&handler, ("GET", "/inventory"), "").await;
    assert_eq!(body, json!({"items": [pizza(8, 3)]}));
}

#[tokio::test]
async fn what_is_no_question_and_no_restock_is_refused() {
    let table = TestTable::start().await;
    let handler = handler(&table, None);
    let long = format!("/inventory/pizza/restocks/{}", "r".repeat(129));
    for (request, body, expected) in [
        (("GET", "/inventory/soup"), "", 404),
        (("GET", "/other"), "", 404),
        (("POST", "/inventory"), "", 404),
        (("PUT", "/inventory/pizza/restocks/r"), "", 400),
        (("PUT", "/inventory/pizza/restocks/r"), "[3]", 400),
        (("PUT", "/inventory/pizza/restocks/r"), r#"{"quantity":0}"#, 400),
        (("PUT", "/inventory/pizza/restocks/r"), r#"{"quantity":1.5}"#, 400),
        (("PUT", "/inventory/pizza/restocks/r"), r#"{"quantity":1000001}"#, 400),
        (("PUT", &long), r#"{"quantity":1}"#, 400),
    ] {
        let (status, answer) = respond(&handler, request, body).await;
        assert_eq!(status, expected, "{request:?} {body} {answer}");
    }
    assert_eq!(respond(&handler, ("GET", "/inventory/pizza"), "").await.1, pizza(5, 0));
}
