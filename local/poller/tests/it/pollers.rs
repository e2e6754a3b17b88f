//! Several pollers of one mapping.

use std::sync::Arc;
use std::time::Duration;

use poller::{MappingConfig, Poller, Pollers};
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use tokio::task::spawn_blocking;
use tokio::time::{interval, timeout};
use tokio_util::task::TaskTracker;

use crate::support::{Kafka, PATIENCE, function, until};

/// How many members the group has.
async fn members(kafka: &Kafka, group: &'static str) -> usize {
    let mut client = ClientConfig::new();
    client.set("bootstrap.servers", kafka.address());
    let asking = spawn_blocking(move || {
        let consumer: BaseConsumer = client.create().expect("a client");
        let groups = consumer.fetch_group_list(Some(group), PATIENCE).expect("Kafka answers");
        groups.groups().iter().map(|group| group.members().len()).sum()
    });
    asking.await.expect("asking does not panic")
}

async fn until_members(kafka: &Kafka, group: &'static str, wanted: usize) {
    let mut turns = interval(Duration::from_millis(200));
    let asking = async {
        while members(kafka, group).await != wanted {
            turns.tick().await;
        }
    };
    timeout(PATIENCE, asking).await.expect("the group becomes what it should");
}

#[tokio::test]
async fn several_pollers_process_every_record_once_and_count_together() {
    let kafka = Kafka::with_partitions(4).await;
    let (invoke, mut invocations) = function();
    let pollers = Pollers { least: 3, most: 8, limited: true };
    let config = MappingConfig { pollers, batch_size: 7, ..kafka.mapping("g") };
    let poller = Poller::start(config, Arc::clone(&invoke)).unwrap();
    let answering = TaskTracker::new().spawn(async move {
        let mut values = Vec::new();
        while let Some(invocation) = invocations.try_next().await {
            values.extend(invocation.values().into_values().flatten());
            invocation.succeed();
        }
        values
    });
    // Records come while pollers do.
    for number in 0..400 {
        kafka.produce(number % 4, &number.to_string()).await;
    }
    until_members(&kafka, "g", 3).await;
    assert_eq!(poller.status().await.pollers, 3);
    for number in 400..800 {
        kafka.produce(number % 4, &number.to_string()).await;
    }
    // The lag may be a second old, the counts are not.
    until(&poller, |status| status.counts.committed == 800 && status.lag == Some(0)).await;
    assert_eq!(poller.status().await.counts.invoked, 800);
    poller.pause().await;
    until_members(&kafka, "g", 0).await;
    until(&poller, |status| status.pollers == 0).await;
    poller.resume().await;
    until_members(&kafka, "g", 3).await;
    poller.shutdown().await;
    until_members(&kafka, "g", 0).await;
    drop(invoke);
    let mut values: Vec<i32> =
        answering.await.unwrap().iter().map(|value| value.parse().unwrap()).collect();
    values.sort_unstable();
    assert_eq!(values, (0..800).collect::<Vec<_>>());
}
