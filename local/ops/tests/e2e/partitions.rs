//! Partitions added to topics in use: orders of one item then lie in an old and in a new partition and compete for its
//! stock. Nothing is lost, decided twice or sold twice, whichever topic has them first.

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewPartitions};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use tokio::time::{Instant, sleep};

use crate::cloud::{Cloud, LOOK, PATIENCE, text};
use crate::loading::Loading;
use crate::orders::accounted;

/// Partitions of both topics in the end. The template's have four: of the load's four items three then move.
const PARTITIONS: usize = 6;

/// So little that the last pieces are fought for.
const STOCK: &str = "InitialStock=pizza=200,burger=200,salad=200,coffee=200";

/// Orders accepted before each step.
const ACCEPTED: u64 = 200;

/// Gives a topic of the cloud its further partitions.
async fn add_partitions(cloud: &Cloud, topic: &str) {
    let admin: AdminClient<DefaultClientContext> = config(cloud).create().expect("a client");
    let topic = format!("{}-{topic}", cloud.topic());
    let more = [NewPartitions::new(&topic, PARTITIONS)];
    let added = admin.create_partitions(&more, &AdminOptions::new()).await.expect("Kafka answers");
    assert!(added.iter().all(Result::is_ok), "{added:?}");
}

fn config(cloud: &Cloud) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", cloud.address("kafka"));
    config
}

/// Waits until orders lie in a new partition.
async fn orders_in_new_partitions(cloud: &Cloud) {
    let consumer: BaseConsumer = config(cloud).create().expect("a consumer");
    let topic = format!("{}-orders", cloud.topic());
    let give_up = Instant::now() + PATIENCE;
    loop {
        let end = |partition| consumer.fetch_watermarks(&topic, partition, PATIENCE);
        if [4, 5].iter().any(|partition| end(*partition).is_ok_and(|(_, end)| end > 20)) {
            return;
        }
        assert!(Instant::now() < give_up, "no orders in new partitions");
        sleep(LOOK).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn partitions_added_to_topics_in_use_lose_nothing_and_sell_nothing_twice() {
    let cloud = Cloud::start_with(&[STOCK]);
    let mut load = Loading::endless_of("orders", &cloud);
    load.accepted(ACCEPTED).await;
    add_partitions(&cloud, "inventory").await;
    add_partitions(&cloud, "orders").await;
    orders_in_new_partitions(&cloud).await;
    load.accepted(ACCEPTED).await;
    load.stop().await;
    let ledger = accounted(&cloud);
    assert!(ledger["failed"].as_u64() > Some(0), "nothing was fought for: {ledger}");
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_in_partitions_that_outcomes_lack_wait_until_these_are_added() {
    let cloud = Cloud::start_with(&[STOCK]);
    let mut load = Loading::endless_of("orders", &cloud);
    load.accepted(ACCEPTED).await;
    add_partitions(&cloud, "orders").await;
    orders_in_new_partitions(&cloud).await;
    let give_up = Instant::now() + PATIENCE;
    // Whoever starts now ends at once, and says what to do: often there is nobody to kill.
    while !text(&cloud.millrace(&["logs", "reserve_inventory"])).contains("add partitions to") {
        assert!(Instant::now() < give_up, "nobody says that partitions are missing");
        cloud.control("/functions/reserve_inventory/kill-environment").await;
        sleep(LOOK).await;
    }
    load.stop().await;
    let waiting = cloud.get("/analytics").await.body;
    assert!(waiting["lag"]["undecided"].as_u64() > Some(0), "{waiting}");
    add_partitions(&cloud, "inventory").await;
    accounted(&cloud);
}
