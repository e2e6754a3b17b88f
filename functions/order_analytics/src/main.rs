//! Counts the outcomes of orders, once each, and reports the figures now and then.

mod config;
mod handler;

use std::process::ExitCode;

use orders::OrderTable;
use progress::{Edge, Ledger, connect, store::DynamoDb};

use crate::{config::Config, handler::Handler};

/// Everything happens on one thread: the work is waiting for the table.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let config = Config::read(&vars::Environment);
    telemetry::supervise(config, |config| config.settings.log_level, serve).await
}

/// One invocation at a time, or `AWS_LAMBDA_MAX_CONCURRENCY` many.
async fn serve(config: Config) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let table = DynamoDb::new(connect(&progress::Connection::Environment).await, config.table);
    let orders = OrderTable::of(&table);
    let ledger = Ledger::new(table, config.policy, Edge::system());
    consume::serve(config.terms, Handler::new(ledger, orders, config.report_interval)).await
}
