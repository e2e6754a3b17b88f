//! Asks the table and Kafka what a request wants to know. Statuses and JSON are another file's business.

use std::time::Duration;

use backlog::{Backlog, lag};
use lambda_http::{Body, Request, Response};
use orders::{QUANTITY_MAX, Restock, check_item};
use serde::Deserialize;
use tokio::time::{Instant, timeout};

use crate::{
    answer::{self, Analytics, Answer, Lag, Problem, Shelf},
    route::{Route, route},
    state::State,
};

/// How long table and Kafka may take. They answer in milliseconds, or not soon.
const PATIENCE: Duration = Duration::from_millis(2_500);

/// The longest body of a restock, in bytes.
const RESTOCK_BYTES_MAX: usize = 1_024;

/// The longest id of a restock, in bytes.
const RESTOCK_ID_BYTES_MAX: usize = 128;

/// Answers questions about orders.
pub(crate) struct Handler<K> {
    state: State,
    orders: K,
}

/// The body of a restock.
#[derive(Deserialize)]
struct Delivery {
    quantity: u32,
}

impl<K: Backlog> Handler<K> {
    pub(crate) fn new(state: State, orders: K) -> Self {
        Self { state, orders }
    }

    /// Answers one request.
    pub(crate) async fn handle(&self, request: &Request) -> Response<Body> {
        let answering = async {
            match route(request) {
                Some(Route::Analytics) => self.analytics().await,
                Some(Route::Inventory) => self.inventory().await,
                Some(Route::Item(item)) => self.item(&item).await,
                Some(Route::Restock { item, id }) => self.restock(request, &item, &id).await,
                None => Err(Problem::NoSuchPath),
            }
        };
        let answer = match timeout(PATIENCE * 2, answering).await {
            Ok(answer) => answer,
            Err(_elapsed) => Err(Problem::Late),
        };
        if let Err(problem @ (Problem::Store(_) | Problem::Late)) = &answer {
            tracing::warn!(error = %telemetry::chain(problem), "Request not answered");
        }
        answer::respond(&answer)
    }

    async fn analytics(&self) -> Answer {
        let (generation, summary) = self.state.figures().await?;
        let lag = self.lag(generation).await.unwrap_or_default();
        Ok(answer::Success::Analytics(Analytics::new(generation, summary, lag)))
    }

    /// What is missing from the figures; `None` while Kafka does not tell what there is.
    async fn lag(&self, generation: u32) -> Option<Lag> {
        let deadline = Instant::now() + PATIENCE;
        let spans = self.orders.spans().await.inspect_err(|error| {
            tracing::warn!(error = %telemetry::chain(error), "Kafka not reached");
        });
        let spans = spans.ok()?;
        let undecided = lag(&spans, &self.state.decided(), deadline).await.inspect_err(|error| {
            tracing::warn!(error = %telemetry::chain(error), "Lag not read");
        });
        let uncounted = self.state.uncounted(generation, &spans).await.inspect_err(|error| {
            tracing::warn!(error = %telemetry::chain(error), "Lag not read");
        });
        Some(Lag { undecided: undecided.ok(), uncounted: uncounted.ok() })
    }

    async fn inventory(&self) -> Answer {
        let items = self.state.items().await?.into_iter();
        Ok(answer::Success::Inventory(items.map(|(item, stock)| Shelf::new(item, stock)).collect()))
    }

    async fn item(&self, item: &str) -> Answer {
        let stock = self.state.item(item).await?.ok_or(Problem::NoSuchItem)?;
        Ok(answer::Success::Item(Shelf::new(item.to_owned(), stock)))
    }

    async fn restock(&self, request: &Request, item: &str, id: &str) -> Answer {
        json_http::content_type(request.headers())?;
        json_http::sized(request.body(), RESTOCK_BYTES_MAX)?;
        let text = json_http::text(request.body())?;
        let delivery = serde_json::from_str::<serde_json::Map<_, _>>(text)
            .map_err(|error| json_http::not_json(&error))?;
        let delivery = Delivery::deserialize(serde_json::Value::Object(delivery)).ok();
        let quantity = delivery.map(|delivery| delivery.quantity);
        let quantity = quantity.filter(|quantity| (1..=QUANTITY_MAX * 100).contains(quantity));
        let quantity = quantity.ok_or(Problem::Quantity { most: QUANTITY_MAX * 100 })?;
        if let Some(problem) = check_item(item) {
            return Err(Problem::Name { what: "item", problem });
        }
        if id.is_empty() || id.len() > RESTOCK_ID_BYTES_MAX || id.chars().any(char::is_control) {
            let problem = format!("has not 1 to {RESTOCK_ID_BYTES_MAX} bytes of text");
            return Err(Problem::Name { what: "restock id", problem });
        }
        let restocked = self.state.restock(Restock { item, id, quantity }).await?;
        Ok(answer::Success::Restocked {
            item: Shelf::new(item.to_owned(), restocked.stock),
            repeated: restocked.repeated,
        })
    }
}

#[cfg(test)]
mod tests;
