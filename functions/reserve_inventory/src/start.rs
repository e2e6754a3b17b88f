//! What is looked at once, at the start: outcomes go to the partition that has the number of the orders' partition.

use backlog::{Backlog, BacklogError, Topic};
use settings::Settings;

/// The topics do not fit each other.
#[derive(Debug, thiserror::Error)]
#[error(
    "topic `{inventory}` has {inventory_partitions} partitions and `{orders}` has {orders_partitions}: \
     add partitions to `{inventory}`, for outcomes keep the partition number of their orders"
)]
pub(crate) struct TopicsDiffer {
    orders: String,
    orders_partitions: usize,
    inventory: String,
    inventory_partitions: usize,
}

/// Fails where an order may lie in a partition that outcomes do not have.
///
/// A Kafka that does not answer now does not keep the function from starting: nothing is published to a partition
/// that is not there.
pub(crate) async fn compare_topics(
    settings: &Settings,
    orders: &str,
    inventory: &str,
) -> Result<(), TopicsDiffer> {
    let partitions = async |topic: &str| {
        let topic = Topic::new(&settings.connection, &settings.client_id, topic);
        Ok::<_, BacklogError>(topic.spans().await?.len())
    };
    let counts = tokio::try_join!(partitions(orders), partitions(inventory));
    compare((orders, inventory), counts)
}

fn compare(
    (orders, inventory): (&str, &str),
    counts: Result<(usize, usize), BacklogError>,
) -> Result<(), TopicsDiffer> {
    match counts {
        Ok((orders_partitions, inventory_partitions))
            if orders_partitions > inventory_partitions =>
        {
            let (orders, inventory) = (orders.to_owned(), inventory.to_owned());
            Err(TopicsDiffer { orders, orders_partitions, inventory, inventory_partitions })
        }
        Ok(_) => Ok(()),
        Err(error) => {
            tracing::warn!(error = %telemetry::chain(&error), "Partitions not compared");
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_need_a_partition_for_every_partition_of_orders() {
        let names = ("order-events", "inventory-events");
        let missing = || BacklogError::NoTopic { topic: "order-events".into() };
        for counts in [Ok((4, 4)), Ok((4, 6)), Err(missing())] {
            assert!(compare(names, counts).is_ok());
        }
        let error = compare(names, Ok((5, 4))).unwrap_err().to_string();
        assert!(error.starts_with("topic `inventory-events` has 4 partitions and"), "{error}");
    }
}
