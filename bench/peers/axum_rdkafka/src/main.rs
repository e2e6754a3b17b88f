//! `axum_rdkafka PORT BOOTSTRAP LINGER_MS`: `POST /register_event` answers 202 when all in-sync
//! replicas have the event. What the same work costs in one process that is not a Lambda.

use std::time::Duration;

use axum::{
    Json, Router, body::Bytes, extract::State, http::StatusCode, response::IntoResponse,
    routing::post,
};
use rdkafka::{
    ClientConfig,
    producer::{FutureProducer, FutureRecord},
};
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use uuid::Uuid;

const TOPIC: &str = "events";

/// How long an event may wait for room in the producer's queue.
const QUEUE_WAIT: Duration = Duration::from_secs(10);

/// What is read of an event; the whole body must be a JSON object all the same.
#[derive(Deserialize)]
struct Event {
    user_id: Option<String>,
}

#[derive(Serialize)]
struct Accepted {
    event_id: Uuid,
    status: &'static str,
    message: &'static str,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [port, bootstrap, linger_ms] = arguments.as_slice() else {
        return Err("usage: axum_rdkafka PORT BOOTSTRAP LINGER_MS".into());
    };
    let producer: FutureProducer = ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .set("acks", "all")
        .set("enable.idempotence", "true")
        .set("partitioner", "murmur2_random")
        .set("linger.ms", linger_ms)
        .set("socket.nagle.disable", "true")
        .create()?;
    let app = Router::new().route("/register_event", post(register)).with_state(producer);
    let listener = TcpListener::bind(("127.0.0.1", port.parse()?)).await?;
    axum::serve(listener, app).await?;
    Ok(())
}

async fn register(State(producer): State<FutureProducer>, body: Bytes) -> impl IntoResponse {
    let Ok(event) = serde_json::from_slice::<Event>(&body) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let mut record = FutureRecord::<str, [u8]>::to(TOPIC).payload(&body);
    if let Some(user_id) = &event.user_id {
        record = record.key(user_id);
    }
    if producer.send(record, QUEUE_WAIT).await.is_err() {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let accepted = Accepted {
        event_id: Uuid::new_v4(),
        status: "pending",
        message: "Event registered successfully",
    };
    (StatusCode::ACCEPTED, Json(accepted)).into_response()
}
