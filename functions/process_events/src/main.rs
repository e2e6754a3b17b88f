//! Applies the events of the topic, once each: archives JSON objects, dead-letters everything else.

mod config;
mod dead_letter;
mod handler;
mod verdict;
mod work;

use std::process::ExitCode;

use progress::{Edge, Ledger, connect, store::DynamoDb};
use publish::Publisher;

use crate::{config::Config, dead_letter::DeadLetters, handler::Handler};

/// Everything happens on one thread: the work is waiting, for the table and for Kafka.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let config = Config::read(&vars::Environment);
    telemetry::supervise(config, |config| config.settings.log_level, serve).await
}

async fn serve(config: Config) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let publisher = Publisher::new(&config.publish)?;
    let table = DynamoDb::new(connect(&progress::Connection::Environment).await, config.table);
    let ledger = Ledger::new(table, config.policy, Edge::system());
    let letters = DeadLetters::new(publisher, config.publish.topic);
    consume::serve(config.terms, Handler::new(ledger, letters, config.settings.ring)).await
}
