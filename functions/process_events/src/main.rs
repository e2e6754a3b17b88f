//! Applies the events of the topic, once each: archives JSON objects, dead-letters everything else.

mod config;
mod dead_letter;
mod handler;
mod verdict;
mod work;

use std::{process::ExitCode, sync::Arc};

use jiff::Timestamp;
use lambda_runtime::{LambdaEvent, service_fn};
use progress::{Edge, Ledger, connect, store::DynamoDb};
use publish::Publisher;
use serde_json::value::RawValue;

use crate::{
    config::Config,
    dead_letter::DeadLetters,
    handler::{Handler, limits},
};

/// Everything happens on one thread: the work is waiting, for the table and for Kafka.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let config = Config::read(&vars::Environment);
    telemetry::supervise(config, |config| config.log_level, serve).await
}

/// One invocation at a time, or `AWS_LAMBDA_MAX_CONCURRENCY` many.
async fn serve(config: Config) -> Result<(), lambda_runtime::Error> {
    let publisher = Publisher::new(&config.publish)?;
    let table = DynamoDb::new(connect(&progress::Connection::Environment).await, config.table);
    let ledger = Ledger::new(table, config.policy, Edge::system());
    let letters = DeadLetters::new(publisher, config.publish.topic);
    let handler = Arc::new(Handler::new(ledger, letters, config.settings));
    lambda_runtime::run_concurrent(service_fn(move |event: LambdaEvent<Box<RawValue>>| {
        let handler = Arc::clone(&handler);
        async move {
            let now_ms = u64::try_from(Timestamp::now().as_millisecond()).unwrap_or(0);
            let limits = limits(event.context.deadline, now_ms);
            handler.handle(event.payload.get().as_bytes(), limits).await
        }
    }))
    .await
}
