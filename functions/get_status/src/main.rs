//! `GET /get_status/{event_id}`: what became of an event; `GET /get_status`: how the system is; `GET /health`.

mod answer;
mod backlog;
mod config;
mod handler;
mod route;
mod statuses;

use std::{convert::Infallible, process::ExitCode, sync::Arc};

use lambda_http::{Request, service_fn};
use telemetry::Level;

use crate::{backlog::Topic, config::Config, handler::Handler, statuses::Table};

/// `EX_USAGE` of BSD's `sysexits.h`: the configuration is wrong.
const EXIT_CONFIGURATION: u8 = 64;

/// One thread: the function waits for the table most of the time.
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
    let keys = config.ring.for_stream(&config.stream);
    let topic = Topic::new(&config.connection, &config.client_id, &config.stream.topic);
    let table = Table::connect(config.table, config.stream).await;
    match serve(Handler::new(keys, table, topic)).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(error = %telemetry::chain(&*error), "Lambda runtime stopped");
            ExitCode::FAILURE
        }
    }
}

/// One invocation at a time, or `AWS_LAMBDA_MAX_CONCURRENCY` many.
async fn serve(handler: Handler<Table, Topic>) -> Result<(), lambda_http::Error> {
    let handler = Arc::new(handler);
    lambda_http::run_concurrent(service_fn(move |request: Request| {
        let handler = Arc::clone(&handler);
        async move { Ok::<_, Infallible>(handler.handle(&request).await) }
    }))
    .await
}
