//! `POST /order`: writes an order to Kafka and answers with its receipt once Kafka has it;
//! `GET /order/{order_id}`: what became of it.

mod answer;
mod config;
mod handler;
mod route;

use std::{convert::Infallible, process::ExitCode, sync::Arc};

use lambda_http::{Request, service_fn};
use orders::RESERVE;
use progress::{Consumer, StatusTable};
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
    let Config { settings, publish, stream, table } = config;
    let publisher = Publisher::new(&publish)?;
    let keys = settings.ring.for_stream(&stream);
    let table = StatusTable::connect(table, Consumer::new(RESERVE), stream).await;
    let handler = Arc::new(Handler::new(publisher, keys, table, publish.topic));
    lambda_http::run_concurrent(service_fn(move |request: Request| {
        let handler = Arc::clone(&handler);
        async move { Ok::<_, Infallible>(handler.handle(&request).await) }
    }))
    .await
}
