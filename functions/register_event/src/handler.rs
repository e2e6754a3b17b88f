//! Parse, wrap, publish, answer. Statuses and JSON are other files' business.

use std::borrow::Cow;

use event::{Envelope, StreamKeys};
use jiff::Timestamp;
use lambda_http::{Body, Request, Response, http::HeaderMap};
use publish::{Header, Message, Publish};
use tokio::time::Instant;
use uuid::Uuid;

use crate::{
    answer::{self, Failure, Outcome},
    request,
};

/// Registers events of one stream.
pub(crate) struct Handler<P> {
    publisher: P,
    keys: StreamKeys,
    topic: String,
}

/// What only the edge can know.
struct Arrival {
    at: Timestamp,
    /// For an event whose caller did not name it.
    id: Uuid,
    deadline: Instant,
}

impl<P: Publish> Handler<P> {
    pub(crate) fn new(publisher: P, keys: StreamKeys, topic: String) -> Self {
        Self { publisher, keys, topic }
    }

    /// Answers one request. A failure is an answer too: Lambda's own error would be a 500 without a word.
    pub(crate) async fn handle(&self, request: &Request) -> Response<Body> {
        let arrival = arrival(request);
        let outcome = self.register(request.headers(), request.body(), arrival).await;
        log(&outcome);
        answer::respond(&outcome)
    }

    async fn register(&self, headers: &HeaderMap, body: &[u8], arrival: Arrival) -> Outcome {
        let submission = request::parse(headers, body).map_err(Failure::Refused)?;
        let time = arrival.at.to_string();
        let id = submission.id.map_or_else(|| Cow::Owned(arrival.id.to_string()), Cow::Borrowed);
        let envelope = Envelope {
            id: &id,
            source: submission.source,
            event_type: &submission.event_type,
            time: Some(&time),
            subject: submission.subject,
            receipt_key: Some(self.keys.current_key_id()),
            content_type: Some(submission.content_type),
            traceparent: submission.traceparent,
        };
        let headers = envelope.encode().map_err(request::Refusal::Attribute)?;
        let message = Message {
            topic: &self.topic,
            partition: None,
            key: submission.key.as_deref(),
            headers: headers
                .into_iter()
                .map(|(name, value)| Header { name, value: Some(value.as_bytes()) })
                .collect(),
            value: Some(submission.body),
        };
        let place = self.publisher.publish(message, arrival.deadline).await?;
        Ok(self.keys.mint(place))
    }
}

fn arrival(request: &Request) -> Arrival {
    let at = Timestamp::now();
    let deadline = json_http::deadline(request, at.as_millisecond());
    Arrival { at, id: Uuid::now_v7(), deadline }
}

/// Once per event, so only what went wrong on our side is told by default.
fn log(outcome: &Outcome) {
    match outcome {
        Ok(receipt) => tracing::debug!(event.id = %receipt, "Event registered"),
        Err(failure @ Failure::Refused(_)) => {
            tracing::debug!(error = %telemetry::chain(failure), "Event refused");
        }
        Err(failure @ Failure::Publish(_)) => {
            tracing::warn!(error = %telemetry::chain(failure), "Event not registered");
        }
    }
}

#[cfg(test)]
mod tests;
