//! `POST /register_event`: writes an event to Kafka and answers with its receipt once Kafka has it.

mod answer;
mod config;
mod handler;
mod request;

use std::{convert::Infallible, process::ExitCode, sync::Arc};

use event::StreamKeys;
use lambda_http::{Request, service_fn};
use publish::Publisher;
use telemetry::Level;

use crate::{config::Config, handler::Handler};

/// `EX_USAGE` of BSD's `sysexits.h`: the configuration is wrong.
const EXIT_CONFIGURATION: u8 = 64;

/// Everything happens on one thread: waiting for Kafka takes no time, and waking other threads does.
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
    match serve(Handler::new(publisher, keys(&config), config.stream.topic)).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(error = %telemetry::chain(&*error), "Lambda runtime stopped");
            ExitCode::FAILURE
        }
    }
}

fn keys(config: &Config) -> StreamKeys {
    config.ring.for_stream(&config.stream)
}

/// One invocation at a time, or `AWS_LAMBDA_MAX_CONCURRENCY` many.
async fn serve(handler: Handler<Publisher>) -> Result<(), lambda_http::Error> {
    let handler = Arc::new(handler);
    lambda_http::run_concurrent(service_fn(move |request: Request| {
        let handler = Arc::clone(&handler);
        async move { Ok::<_, Infallible>(handler.handle(&request).await) }
    }))
    .await
}
