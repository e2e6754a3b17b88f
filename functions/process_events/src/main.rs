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
use telemetry::Level;

use crate::{
    config::Config,
    dead_letter::DeadLetters,
    handler::{Handler, limits},
};

/// `EX_USAGE` of BSD's `sysexits.h`: the configuration is wrong.
const EXIT_CONFIGURATION: u8 = 64;

/// Everything happens on one thread: the work is waiting, for the table and for Kafka.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let config = Config::read(&vars::Environment);
    let level = config.as_ref().map_or(Level::default(), |config| config.log_level);
    if telemetry::init(level).is_err() {
        return ExitCode::FAILURE; // There is nowhere to say why.
    }
    let config = match config {
        Ok(config) => config,
        Err(error) => {
            tracing::error!(error = %telemetry::chain(&error), "Configuration cannot be used");
            return ExitCode::from(EXIT_CONFIGURATION);
        }
    };
    let publisher = match Publisher::new(&config.publish) {
        Ok(publisher) => publisher,
        Err(error) => {
            tracing::error!(error = %telemetry::chain(&error), "Publisher could not start");
            return ExitCode::FAILURE;
        }
    };
    let table = DynamoDb::new(connect(&progress::Connection::Environment).await, config.table);
    let ledger = Ledger::new(table, config.policy, Edge::system());
    let letters = DeadLetters::new(publisher, config.publish.topic);
    match serve(Handler::new(ledger, letters, config.settings)).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(error = %telemetry::chain(&*error), "Lambda runtime stopped");
            ExitCode::FAILURE
        }
    }
}

/// One invocation at a time, or `AWS_LAMBDA_MAX_CONCURRENCY` many.
async fn serve(handler: Handler<DynamoDb, Publisher>) -> Result<(), lambda_runtime::Error> {
    let handler = Arc::new(handler);
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
