//! `POST /register_event`: writes an event to Kafka and answers with its receipt once Kafka has it.

mod answer;
mod config;
mod handler;
mod request;

use std::{convert::Infallible, process::ExitCode, sync::Arc};

use lambda_http::{Request, service_fn};
use publish::Publisher;

use crate::{config::Config, handler::Handler};

/// Everything happens on one thread: waiting for Kafka takes no time, and waking other threads does.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let config = Config::read(&vars::Environment);
    telemetry::supervise(config, |config| config.settings.log_level, serve).await
}

/// One invocation at a time, or `AWS_LAMBDA_MAX_CONCURRENCY` many.
async fn serve(config: Config) -> Result<(), lambda_http::Error> {
    let publisher = Publisher::new(&config.publish)?;
    let keys = config.settings.ring.for_stream(&config.stream);
    let handler = Arc::new(Handler::new(publisher, keys, config.stream.topic));
    lambda_http::run_concurrent(service_fn(move |request: Request| {
        let handler = Arc::clone(&handler);
        async move { Ok::<_, Infallible>(handler.handle(&request).await) }
    }))
    .await
}
