//! Asks the table and Kafka what a request wants to know. Statuses and JSON are another file's business.

use std::time::Duration;

use event::{Receipt, StreamKeys};
use futures_util::{StreamExt, TryStreamExt, stream};
use lambda_http::{Body, Request, Response};
use progress::ReadError;
use tokio::time::{Instant, timeout_at};

use crate::{
    answer::{self, Answer, Lag, System},
    backlog::{Backlog, Span},
    route::{Route, route},
    statuses::Statuses,
};

/// How long the table may take to answer everything. It answers in milliseconds, or not soon.
const TABLE_TIMEOUT: Duration = Duration::from_millis(2_500);

/// Fences read at a time: enough for a topic of any usual size to be read in a few round trips.
const FENCES_AT_ONCE: usize = 16;

/// Answers questions about one stream.
pub(crate) struct Handler<T, K> {
    keys: StreamKeys,
    table: T,
    topic: K,
    patience: Duration,
}

/// A table that did not tell.
#[derive(Debug, thiserror::Error)]
enum TableError {
    #[error("the table did not answer in time")]
    Timeout,
    #[error(transparent)]
    Read(#[from] ReadError),
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
        let records = stream::iter(spans.to_vec())
            .map(|span| async move {
                let next = in_time(self.table.next(span.partition), deadline).await?;
                Ok::<i64, TableError>(records_left(span, next))
            })
            .buffer_unordered(FENCES_AT_ONCE)
            .try_fold(0, |sum, records| async move { Ok(sum + records) })
            .await;
        match records {
            Ok(records) => Lag::Records(records),
            Err(error) => {
                tracing::warn!(error = %telemetry::chain(&error), "Lag not read");
                Lag::Unknown
            }
        }
    }
}

/// Records that retention has removed are nobody's work any more.
fn records_left(span: Span, next: Option<i64>) -> i64 {
    let from = next.map_or(span.low, |next| next.max(span.low));
    (span.end - from).max(0)
}

async fn in_time<V>(
    read: impl Future<Output = Result<V, ReadError>>,
    deadline: Instant,
) -> Result<V, TableError> {
    match timeout_at(deadline, read).await {
        Ok(read) => Ok(read?),
        Err(_elapsed) => Err(TableError::Timeout),
    }
}

#[cfg(test)]
mod tests;
