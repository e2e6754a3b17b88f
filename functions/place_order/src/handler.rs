//! Parse, wrap, publish, answer; or look up, answer. Statuses and JSON are other files' business.

use std::time::Duration;

use event::{Envelope, Receipt, StreamKeys, header};
use jiff::Timestamp;
use lambda_http::{
    Body, Request, Response,
    http::{HeaderMap, Method},
};
use orders::{ORDER_BYTES_MAX, ORDER_PLACED, Order, OrderError};
use progress::Statuses;
use publish::{Header, Message, Publish};
use tokio::time::{Instant, timeout};
use uuid::Uuid;

use crate::{
    answer::{self, Answer, Problem, Success},
    route::{Route, route},
};

/// How long the table may take. It answers in milliseconds, or not soon.
const TABLE_TIMEOUT: Duration = Duration::from_millis(2_500);

/// CloudEvents' source of an order.
const SOURCE: &str = "/order";

/// Places orders of one stream, and tells what became of them.
pub(crate) struct Handler<P, T> {
    publisher: P,
    keys: StreamKeys,
    table: T,
    topic: String,
}

/// What only the edge can know.
struct Arrival {
    at: Timestamp,
    id: Uuid,
    deadline: Instant,
}

impl<P: Publish, T: Statuses> Handler<P, T> {
    pub(crate) fn new(publisher: P, keys: StreamKeys, table: T, topic: String) -> Self {
        Self { publisher, keys, table, topic }
    }

    /// Answers one request. A failure is an answer too: Lambda's own error would be a 500 without a word.
    pub(crate) async fn handle(&self, request: &Request) -> Response<Body> {
        let answer = match (request.method(), route(request.uri().path())) {
            (&Method::POST, Some(Route::Place)) => {
                let at = Timestamp::now();
                let deadline = json_http::deadline(request, at.as_millisecond());
                let arrival = Arrival { at, id: Uuid::now_v7(), deadline };
                self.place(request.headers(), request.body(), arrival).await
            }
            (&Method::GET, Some(Route::Order(order_id))) => self.order(order_id).await,
            _ => Err(Problem::NoSuchPath),
        };
        log(&answer);
        answer::respond(&answer)
    }

    async fn place(&self, headers: &HeaderMap, body: &[u8], arrival: Arrival) -> Answer {
        let content_type = json_http::content_type(headers)?;
        json_http::sized(body, ORDER_BYTES_MAX)?;
        let order =
            Order::parse(json_http::text(body)?.as_bytes()).map_err(|error| match error {
                OrderError::Json(error) => Problem::Request(json_http::not_json(&error)),
                OrderError::Fields { problems } => Problem::Fields(problems),
            })?;
        let (id, time) = (arrival.id.to_string(), arrival.at.to_string());
        let traceparent = headers.get(header::TRACEPARENT).and_then(|value| value.to_str().ok());
        let envelope = Envelope {
            id: &id,
            source: SOURCE,
            event_type: ORDER_PLACED,
            time: Some(&time),
            subject: None,
            receipt_key: Some(self.keys.current_key_id()),
            content_type: event::checked(header::CONTENT_TYPE, content_type).ok(),
            traceparent: traceparent
                .filter(|trace| event::checked(header::TRACEPARENT, trace).is_ok()),
        };
        let headers = envelope.encode().expect("all of it was made here, or checked");
        let message = Message {
            topic: &self.topic,
            partition: None,
            key: Some(order.item.as_bytes()),
            headers: headers
                .into_iter()
                .map(|(name, value)| Header { name, value: Some(value.as_bytes()) })
                .collect(),
            value: Some(body),
        };
        let place = self.publisher.publish(message, arrival.deadline).await?;
        Ok(Success::Placed(self.keys.mint(place)))
    }

    /// A receipt that does not open was never given out, which is known without asking anybody.
    async fn order(&self, order_id: &str) -> Answer {
        let receipt: Receipt = order_id.parse().ok().ok_or(Problem::NoSuchOrder)?;
        let place = self.keys.open(receipt).ok_or(Problem::NoSuchOrder)?;
        match timeout(TABLE_TIMEOUT, self.table.status(place)).await {
            Ok(Ok(status)) => Ok(Success::Order { receipt, status }),
            Ok(Err(error)) => {
                tracing::warn!(error = %telemetry::chain(&error), "Status not read");
                Err(Problem::StatusUnavailable)
            }
            Err(_elapsed) => {
                tracing::warn!("Status not read in time");
                Err(Problem::StatusUnavailable)
            }
        }
    }
}

/// Once per order, so only what went wrong on our side is told by default.
fn log(answer: &Answer) {
    match answer {
        Ok(Success::Placed(receipt)) => tracing::debug!(order.id = %receipt, "Order placed"),
        Err(problem @ Problem::Publish(_)) => {
            tracing::warn!(error = %telemetry::chain(problem), "Order not placed");
        }
        Err(problem) => tracing::debug!(error = %telemetry::chain(problem), "Request refused"),
        Ok(Success::Order { .. }) => {}
    }
}

#[cfg(test)]
mod tests;
