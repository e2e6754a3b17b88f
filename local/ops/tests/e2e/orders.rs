//! The order pipeline as its users meet it: placed, decided, counted, restocked; and its ledger.

use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::cloud::{Cloud, LOOK, PATIENCE, text};
use crate::loading::Loading;

async fn place(cloud: &Cloud, item: &str, quantity: u32) -> String {
    let body = json!({"user_id": "u1", "item": item, "quantity": quantity}).to_string();
    let placed = cloud.post("/order", &body).await;
    assert_eq!((placed.status.as_u16(), &placed.body["status"]), (202, &json!("placed")));
    placed.body["order_id"].as_str().expect("an id").to_owned()
}

/// The order once it is decided.
async fn decided(cloud: &Cloud, order_id: &str) -> Value {
    until(async || {
        let answer = cloud.get(&format!("/order/{order_id}")).await;
        assert_eq!(answer.status, 200, "{:?}", answer.body);
        (answer.body["status"] != "placed").then_some(answer.body)
    })
    .await
}

async fn until<T>(look: impl AsyncFn() -> Option<T>) -> T {
    let give_up = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(Instant::now() < give_up, "it did not come");
        sleep(LOOK).await;
    }
}

#[tokio::test]
async fn orders_are_reserved_until_nothing_is_left_and_counted() {
    let cloud = Cloud::start_with(&["InitialStock=pizza=3"]);
    let first = place(&cloud, "pizza", 2).await;
    assert_eq!(decided(&cloud, &first).await["status"], "reserved");
    let second = place(&cloud, "pizza", 2).await;
    let failed = decided(&cloud, &second).await;
    assert_eq!((&failed["status"], &failed["reason"]), (&json!("failed"), &json!("out of stock")));
    let unknown = place(&cloud, "unicorn", 1).await;
    assert_eq!(decided(&cloud, &unknown).await["reason"], "unknown item");

    let path = "/inventory/pizza/restocks/monday";
    for repeated in [false, true] {
        let restocked = cloud.put(path, r#"{"quantity":5}"#).await;
        assert_eq!(restocked.status, 200, "{:?}", restocked.body);
        assert_eq!(
            (&restocked.body["available"], &restocked.body["repeated"]),
            (&json!(6), &json!(repeated))
        );
    }
    assert_eq!(decided(&cloud, &second).await["status"], "failed", "once and for all");
    let third = place(&cloud, "pizza", 2).await;
    assert_eq!(decided(&cloud, &third).await["status"], "reserved");
    let pizza = cloud.get("/inventory/pizza").await.body;
    let expected =
        json!({"item": "pizza", "available": 4, "initial": 3, "restocked": 5, "reserved": 4});
    assert_eq!(pizza, expected);
    assert_eq!(cloud.get("/inventory").await.body["items"], json!([expected]));

    let figures = until(async || {
        let figures = cloud.get("/analytics").await.body;
        (figures["total_orders"] == 4).then_some(figures)
    })
    .await;
    assert_eq!((&figures["reserved"], &figures["failed"]), (&json!(2), &json!(2)), "{figures}");
    assert_eq!(figures["failure_rate"], 50.0);
    assert_eq!(figures["items"]["pizza"]["total_orders"], 3);
    assert_eq!(figures["lag"], json!({"undecided": 0, "uncounted": 0}));
}

#[tokio::test]
async fn what_is_no_order_is_refused_with_every_field() {
    let cloud = Cloud::start();
    let refused = cloud.post("/order", r#"{"item":"","quantity":-1}"#).await;
    assert_eq!(refused.status, 400);
    let fields = refused.body["error"]["fields"].as_object().expect("fields").len();
    assert_eq!(fields, 3, "{:?}", refused.body);
    let missing = cloud.get("/order/8f14e45f-ceea-867f-9c3d-0123456789ab").await;
    assert_eq!(missing.status, 404);
}

/// An environment of each function dies each time this many more were accepted.
const ACCEPTED_BETWEEN_KILLS: u64 = 300;

/// How often.
const KILLS: u64 = 5;

#[tokio::test(flavor = "multi_thread")]
async fn orders_survive_whatever_is_killed() {
    let mut cloud = Cloud::start_with(&["InitialStock=pizza=900,burger=900,salad=900,coffee=900"]);
    let mut load = Loading::endless_of("orders", &cloud);
    for _ in 0..KILLS {
        load.accepted(ACCEPTED_BETWEEN_KILLS).await;
        for function in ["place_order", "reserve_inventory", "order_analytics"] {
            cloud.kill_environment(function).await;
        }
    }
    cloud.kill();
    load.stop().await;
    cloud.up();
    let ledger = accounted(&cloud);
    assert!(ledger["processed"].as_u64() > Some(0), "{ledger}");
}

/// The ledger of the latest load, of which nothing may be missing.
pub(crate) fn accounted(cloud: &Cloud) -> Value {
    let output = cloud.ops(&["ledger", "--json"]);
    let ledger: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", text(&output)));
    for name in ["lost", "twice", "pending", "outcomes_missing", "outcomes_twice"] {
        assert_eq!(ledger[name], 0, "{name}: {ledger}");
    }
    assert_eq!(ledger["stock_adds_up"], true, "{ledger}");
    assert_eq!(ledger["counted"], ledger["decided"], "{ledger}");
    assert!(output.status.success(), "{}", text(&output));
    ledger
}

#[tokio::test]
async fn a_load_of_orders_is_accounted_for() {
    let cloud = Cloud::start();
    let load =
        ["load", "--scenario", "orders", "--requests", "2000", "--connections", "32", "--json"];
    let load = cloud.millrace(&load);
    let report: Value = serde_json::from_slice(&load.stdout).expect("`load --json` is JSON");
    assert_eq!(report["accepted"], 2000, "{report}");
    let ledger = accounted(&cloud);
    let count = |name: &str| ledger[name].as_u64().unwrap_or_else(|| panic!("{name}: {ledger}"));
    assert_eq!(count("processed") + count("failed"), 2000, "{ledger}");
    assert_eq!(count("counted"), 2000, "{ledger}");
}
