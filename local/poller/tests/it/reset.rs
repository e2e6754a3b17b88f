//! A group that is moved while nobody reads for it.

use std::collections::BTreeMap;

use poller::{MappingConfig, Poller, ResetError, ResetTo, reset};
use tokio::task::spawn_blocking;

use crate::support::{Kafka, function, until_caught_up};

async fn moved(config: &MappingConfig, to: ResetTo) -> Result<BTreeMap<i32, i64>, ResetError> {
    let config = config.clone();
    spawn_blocking(move || reset(&config, to)).await.expect("it does not panic")
}

#[tokio::test]
async fn a_mapping_goes_on_where_its_group_was_moved_to() {
    let kafka = Kafka::with_partitions(1).await;
    for value in ["a", "b", "c"] {
        kafka.produce(0, value).await;
    }
    let config = kafka.mapping("g");
    for (to, offset, expected) in [
        (ResetTo::Beginning, 0, vec!["a", "b", "c"]),
        (ResetTo::Offset(1), 1, vec!["b", "c"]),
        (ResetTo::Offset(99), 3, vec![]),
        (ResetTo::End, 3, vec![]),
        (ResetTo::Timestamp { timestamp_ms: 0 }, 0, vec!["a", "b", "c"]),
        (ResetTo::Timestamp { timestamp_ms: i64::MAX / 2 }, 3, vec![]),
    ] {
        assert_eq!(moved(&config, to).await.unwrap(), BTreeMap::from([(0, offset)]), "{to:?}");
        let (invoke, mut invocations) = function();
        let poller = Poller::start(config.clone(), invoke).unwrap();
        let found = invocations.values(expected.len()).await;
        assert_eq!(found.get("events-0").cloned().unwrap_or_default(), expected, "{to:?}");
        until_caught_up(&poller).await;
        poller.shutdown().await;
    }
}

#[tokio::test]
async fn a_group_that_is_read_for_is_not_moved() {
    let kafka = Kafka::with_partitions(1).await;
    kafka.produce(0, "a").await;
    let config = kafka.mapping("g");
    let (invoke, mut invocations) = function();
    let poller = Poller::start(config.clone(), invoke).unwrap();
    invocations.values(1).await;
    let refused = moved(&config, ResetTo::Beginning).await;
    assert!(matches!(refused, Err(ResetError::InUse { .. })), "{refused:?}");
    poller.shutdown().await;
    assert_eq!(moved(&config, ResetTo::Beginning).await.unwrap(), BTreeMap::from([(0, 0)]));
}

#[tokio::test]
async fn a_topic_that_is_not_there_is_named() {
    let kafka = Kafka::with_partitions(1).await;
    let config = MappingConfig { topic: "other".to_owned(), ..kafka.mapping("g") };
    let refused = moved(&config, ResetTo::End).await;
    assert!(matches!(refused, Err(ResetError::NoTopic { .. } | ResetError::Kafka { .. })));
}
