//! Decides the orders of the topic, once each: reserves stock for them, and publishes the outcomes.

mod book;
mod config;
mod handler;
mod outbox;
mod start;
mod work;

use std::process::ExitCode;

use orders::{Inventory, OrderTable};
use progress::{Edge, Ledger, connect, store::DynamoDb};
use publish::Publisher;

use crate::{config::Config, handler::Handler, outbox::Outbox};

/// Everything happens on one thread: the work is waiting, for the table and for Kafka.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let config = Config::read(&vars::Environment);
    telemetry::supervise(config, |config| config.settings.log_level, serve).await
}

/// One invocation at a time, or `AWS_LAMBDA_MAX_CONCURRENCY` many.
async fn serve(config: Config) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let Config { settings, orders_topic, publish, table, initial_stock, pace, policy, terms } =
        config;
    let publisher = Publisher::new(&publish)?;
    start::compare_topics(&settings, &orders_topic, &publish.topic).await?;
    let table = DynamoDb::new(connect(&progress::Connection::Environment).await, table);
    let outbox = Outbox::new(OrderTable::of(&table), publisher, publish.topic);
    let inventory = Inventory::new(OrderTable::of(&table), initial_stock);
    let ledger = Ledger::new(table, policy, Edge::system());
    let handler = Handler::new(ledger, inventory, outbox, settings.ring, pace);
    consume::serve(terms, handler).await
}
