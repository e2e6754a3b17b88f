//! Asks the table and Kafka what a request wants to know. Statuses and JSON are another file's business.

use std::time::Duration;

use backlog::{Backlog, Span, in_time};
use event::{Receipt, StreamKeys};
use lambda_http::{Body, Request, Response};
use progress::Statuses;
use tokio::time::Instant;

use crate::{
    answer::{self, Answer, Lag, System},
    route::{Route, route},
};

/// How long the table may take to answer everything. It answers in milliseconds, or not soon.
const TABLE_TIMEOUT: Duration = Duration::from_millis(2_500);

/// Answers questions about one stream.
pub(crate) struct Handler<T, K> {
    keys: StreamKeys,
    table: T,
    topic: K,
    patience: Duration,
}

impl<T: Statuses, K: Backlog> Handler<T, K> {
    pub(crate) fn new(keys: StreamKeys, table: T, topic: K) -> Self {
        Self { keys, table, topic, patience: TABLE_TIMEOUT }
    }

    /// Answers one request.
    pub(crate) async fn handle(&self, request: &Request) -> Response<Body> {
        let answer = match route(request.uri().path()) {
            Some(Route::Event(event_id)) => self.event(event_id).await,
            Some(Route::System) => Answer::System(self.system().await),
            Some(Route::Health) => Answer::Up,
            None => Answer::NoSuchPath,
        };
        answer::respond(&answer)
    }

    /// A receipt that does not open was never given out, which is known without asking anybody.
    async fn event(&self, event_id: &str) -> Answer {
        let Ok(receipt) = event_id.parse::<Receipt>() else { return Answer::NoSuchEvent };
        let Some(place) = self.keys.open(receipt) else { return Answer::NoSuchEvent };
        match in_time(self.table.status(place), Instant::now() + self.patience).await {
            Ok(status) => Answer::Event { receipt, status },
            Err(error) => {
                tracing::warn!(error = %telemetry::chain(&error), "Status not read");
                Answer::StatusUnavailable
            }
        }
    }

    async fn system(&self) -> System {
        let deadline = Instant::now() + self.patience;
        let (spans, first_next) =
            tokio::join!(self.topic.spans(), in_time(self.table.next(0), deadline));
        if let Err(error) = &spans {
            tracing::warn!(error = %telemetry::chain(error), "Kafka not reached");
        }
        if let Err(error) = &first_next {
            tracing::warn!(error = %telemetry::chain(error), "Table not reached");
        }
        let lag = match (&spans, &first_next) {
            (Ok(spans), Ok(_)) => self.lag(spans, deadline).await,
            _ => Lag::Unknown,
        };
        System { kafka_reachable: spans.is_ok(), table_reachable: first_next.is_ok(), lag }
    }

    /// The records that lie behind the consumer's fences.
    async fn lag(&self, spans: &[Span], deadline: Instant) -> Lag {
        match backlog::lag(spans, &self.table, deadline).await {
            Ok(records) => Lag::Records(records),
            Err(error) => {
                tracing::warn!(error = %telemetry::chain(&error), "Lag not read");
                Lag::Unknown
            }
        }
    }
}

#[cfg(test)]
mod tests;
