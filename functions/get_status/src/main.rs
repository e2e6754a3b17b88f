//! `GET /get_status/{event_id}`: what became of an event; `GET /get_status`: how the system is; `GET /health`.

mod answer;
mod backlog;
mod config;
mod handler;
mod route;
mod statuses;

use std::{convert::Infallible, process::ExitCode, sync::Arc};

use lambda_http::{Request, service_fn};

use crate::{backlog::Topic, config::Config, handler::Handler, statuses::Table};

/// One thread: the function waits for the table most of the time.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let config = Config::read(&vars::Environment);
    telemetry::supervise(config, |config| config.log_level, serve).await
}

/// One invocation at a time, or `AWS_LAMBDA_MAX_CONCURRENCY` many.
async fn serve(config: Config) -> Result<(), lambda_http::Error> {
    let keys = config.ring.for_stream(&config.stream);
    let topic = Topic::new(&config.connection, &config.client_id, &config.stream.topic);
    let table = Table::connect(config.table, config.stream).await;
    let handler = Arc::new(Handler::new(keys, table, topic));
    lambda_http::run_concurrent(service_fn(move |request: Request| {
        let handler = Arc::clone(&handler);
        async move { Ok::<_, Infallible>(handler.handle(&request).await) }
    }))
    .await
}
