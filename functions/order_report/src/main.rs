//! `GET /analytics`: the figures of orders, with lag; `GET /inventory`, `GET /inventory/{item}`: the stock;
//! `PUT /inventory/{item}/restocks/{restock_id}`: more of it.

mod answer;
mod config;
mod handler;
mod route;
mod state;

use std::{convert::Infallible, process::ExitCode, sync::Arc};

use backlog::Topic;
use lambda_http::{Request, service_fn};
use orders::{Inventory, OrderTable};
use progress::{connect, store::DynamoDb};

use crate::{config::Config, handler::Handler, state::State};

/// One thread: the function waits for the table most of the time.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let config = Config::read(&vars::Environment);
    telemetry::supervise(config, |config| config.settings.log_level, serve).await
}

/// One invocation at a time, or `AWS_LAMBDA_MAX_CONCURRENCY` many.
async fn serve(config: Config) -> Result<(), lambda_http::Error> {
    let Config { settings, orders, table, initial_stock } = config;
    let topic = Topic::new(&settings.connection, &settings.client_id, &orders.topic);
    let table = DynamoDb::new(connect(&progress::Connection::Environment).await, table);
    let inventory = Inventory::new(OrderTable::of(&table), initial_stock);
    let state = State::new(table, inventory, orders);
    let handler = Arc::new(Handler::new(state, topic));
    lambda_http::run_concurrent(service_fn(move |request: Request| {
        let handler = Arc::clone(&handler);
        async move { Ok::<_, Infallible>(handler.handle(&request).await) }
    }))
    .await
}
