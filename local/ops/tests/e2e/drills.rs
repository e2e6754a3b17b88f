//! Every drill passes on a cloud that works, and says so to people and to scripts.

use serde_json::Value;

use crate::cloud::{Cloud, everywhere, text};

/// Runs a drill, which must pass, with so many orders.
fn passes(cloud: &Cloud, name: &str, orders: &str) -> Value {
    let output = cloud.ops(&["drill", name, "--orders", orders, "--json"]);
    let verdict: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{name}: {error}: {}", text(&output)));
    assert_eq!(verdict["holds"], true, "{name}: {verdict:#}");
    assert!(output.status.success(), "{name}: {}", text(&output));
    verdict["figures"].clone()
}

#[test]
fn latency_throughput_and_replay_drills_pass() {
    let cloud = Cloud::start();
    let baseline = passes(&cloud, "baseline", "20");
    let ms = |name: &str| baseline[name].as_f64().expect("a time");
    assert!(ms("receipt_min_ms") <= ms("receipt_p50_ms"), "{baseline}");
    assert!(ms("outcome_p50_ms") <= ms("outcome_max_ms"), "{baseline}");
    let many = passes(&cloud, "ten-thousand", "1000");
    assert_eq!(many["accepted"], 1_000, "{many}");
    assert!(many["failed"].as_u64() > Some(0), "one in eight finds nothing any more: {many}");

    let replay = passes(&cloud, "replay", "400");
    assert!(replay["records_counted_again"].as_u64() >= Some(1_400), "{replay}");
    let again = cloud.ops(&["replay", "--json"]);
    let again: Value = serde_json::from_slice(&again.stdout).expect("one JSON object");
    assert_eq!(again["differences"], Value::Array(Vec::new()), "{again:#}");
    assert_eq!(again["from"], replay["to_generation"], "{again:#}");
}

#[test]
fn a_consumer_that_stops_and_a_kafka_that_stops_lose_nothing() {
    let cloud = Cloud::start();
    let stop = passes(&cloud, "consumer-stop", "200");
    assert!(stop["queued_while_stopped"].as_u64() >= Some(200), "{stop}");
    // Only the embedded broker can be stopped by a command.
    if !everywhere().contains("--kafka ") {
        let outage = passes(&cloud, "kafka-stop", "800");
        assert!(outage["accepted"].as_u64() > Some(0), "{outage}");
    }
}

#[test]
fn lag_grows_and_drains_where_the_consumer_is_throttled() {
    let cloud = Cloud::start_with(&["ProcessingDelay=0.02"]);
    let lag = passes(&cloud, "lag", "300");
    assert!(lag["highest_lag"].as_u64() > Some(75), "{lag}");
    let drawn = cloud.ops(&["drill", "lag", "--orders", "40"]);
    assert!(text(&drawn).contains("orders that wait"), "{}", text(&drawn));
}

#[test]
fn a_lag_drill_without_a_throttle_says_how_to_get_one() {
    let cloud = Cloud::start();
    let refused = cloud.ops(&["drill", "lag"]);
    assert_eq!(refused.status.code(), Some(64), "{}", text(&refused));
    assert!(text(&refused).contains("ProcessingDelay=0.05"), "{}", text(&refused));
}

#[test]
fn stock_is_added_once_for_each_delivery() {
    let cloud = Cloud::start_with(&["InitialStock=pizza=1"]);
    for _ in 0..2 {
        let stock = cloud.ops(&["stock", "--add", "pizza=10,tea=5", "--id", "monday"]);
        assert!(stock.status.success(), "{}", text(&stock));
        let lines: Vec<Vec<String>> = text(&stock)
            .lines()
            .map(|line| line.split_whitespace().map(str::to_owned).collect())
            .collect();
        assert_eq!(lines[0][..3], ["pizza", "11", "available"], "{}", text(&stock));
        assert_eq!(lines[1][..3], ["tea", "5", "available"], "{}", text(&stock));
    }
}
