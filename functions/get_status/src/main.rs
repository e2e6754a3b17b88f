//! `GET /get_status/{event_id}`: what became of an event; `GET /get_status`: how the system is; `GET /health`.

mod answer;
mod config;
mod handler;
mod route;

use std::{convert::Infallible, process::ExitCode, sync::Arc};

use backlog::Topic;
use lambda_http::{Request, service_fn};
use progress::{Consumer, StatusTable};

use crate::{config::Config, handler::Handler};

/// The consumer that processes events, as `process_events` calls itself.
const CONSUMER: &str = "process_events";

/// One thread: the function waits for the table most of the time.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let config = Config::read(&vars::Environment);
    telemetry::supervise(config, |config| config.settings.log_level, serve).await
}

/// One invocation at a time, or `AWS_LAMBDA_MAX_CONCURRENCY` many.
async fn serve(config: Config) -> Result<(), lambda_http::Error> {
    let Config { settings, stream, table } = config;
    let keys = settings.ring.for_stream(&stream);
    let topic = Topic::new(&settings.connection, &settings.client_id, &stream.topic);
    let table = StatusTable::connect(table, Consumer::new(CONSUMER), stream).await;
    let handler = Arc::new(Handler::new(keys, table, topic));
    lambda_http::run_concurrent(service_fn(move |request: Request| {
        let handler = Arc::clone(&handler);
        async move { Ok::<_, Infallible>(handler.handle(&request).await) }
    }))
    .await
}
