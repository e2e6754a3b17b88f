//! The other side of the control endpoint: what commands ask a running `up`.

use std::time::Duration;

use broker::FaultRule;
use bytes::Bytes;
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::status::{KafkaFaults, Mappings, Status};

/// Asking for lag may ask Kafka, moving a poller finishes what it does.
const TIMEOUT: Duration = Duration::from_secs(45);

/// A status of a thousand mappings fits in a hundredth of it.
const ANSWER_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Why the control endpoint did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// Nobody answers there.
    #[error("nothing answers at `{url}`")]
    Unreachable {
        /// What was asked.
        url: String,
        /// What the transport said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// It said no.
    #[error("{message}")]
    Refused {
        /// Why.
        message: String,
    },
    /// It took too long.
    #[error("`{url}` did not answer within {seconds} s")]
    TimedOut {
        /// What was asked.
        url: String,
        /// How long it was waited for.
        seconds: u64,
    },
    /// Somebody else answered.
    #[error("`{url}` is not a control endpoint")]
    Malformed {
        /// What was asked.
        url: String,
        /// What does not fit.
        #[source]
        source: serde_json::Error,
    },
}

/// A process that something happened to.
#[derive(Debug, Deserialize)]
struct Killed {
    pid: u32,
}

#[derive(Debug, Deserialize)]
struct Injected {
    id: u64,
}

#[derive(Debug, Deserialize)]
struct Lifted {
    lifted: u64,
}

/// A client of one running `up`.
#[derive(Debug)]
pub(crate) struct ControlClient {
    base: String,
}

impl ControlClient {
    /// A client of the endpoint at `base`, `http://127.0.0.1:PORT`.
    pub(crate) fn new(base: String) -> Self {
        Self { base }
    }

    pub(crate) async fn status(&self) -> Result<Status, ControlError> {
        self.call(Method::GET, "/status").await
    }

    pub(crate) async fn mappings(&self) -> Result<Mappings, ControlError> {
        self.call(Method::GET, "/mappings").await
    }

    pub(crate) async fn pause(&self, mapping: &str) -> Result<(), ControlError> {
        self.call::<Value>(Method::POST, &format!("/mappings/{mapping}/pause")).await.map(drop)
    }

    pub(crate) async fn resume(&self, mapping: &str) -> Result<(), ControlError> {
        self.call::<Value>(Method::POST, &format!("/mappings/{mapping}/resume")).await.map(drop)
    }

    /// The process that was killed.
    pub(crate) async fn kill_environment(&self, function: &str) -> Result<u32, ControlError> {
        let path = format!("/functions/{function}/kill-environment");
        self.call::<Killed>(Method::POST, &path).await.map(|killed| killed.pid)
    }

    /// The process in which the poller is from now on.
    pub(crate) async fn move_apart(&self, mapping: &str) -> Result<u32, ControlError> {
        let path = format!("/mappings/{mapping}/move-apart");
        self.call::<Killed>(Method::POST, &path).await.map(|moved| moved.pid)
    }

    /// The process that was killed.
    pub(crate) async fn kill_poller(&self, mapping: &str) -> Result<u32, ControlError> {
        let path = format!("/mappings/{mapping}/kill-poller");
        self.call::<Killed>(Method::POST, &path).await.map(|killed| killed.pid)
    }

    pub(crate) async fn stop_kafka(&self, down: Duration) -> Result<(), ControlError> {
        let path = format!("/kafka/stop?for_ms={}", down.as_millis());
        self.call::<Value>(Method::POST, &path).await.map(drop)
    }

    pub(crate) async fn start_kafka(&self) -> Result<(), ControlError> {
        self.call::<Value>(Method::POST, "/kafka/start").await.map(drop)
    }

    /// The fault's id.
    pub(crate) async fn break_kafka(&self, rule: &FaultRule) -> Result<u64, ControlError> {
        let mut path = format!("/kafka/faults?fault={}", rule.fault);
        let times = rule.times.map(|times| times.to_string());
        let restrictions = [
            ("api", &rule.api),
            ("topic", &rule.topic),
            ("client_id", &rule.client_id),
            ("times", &times),
        ];
        for (name, value) in restrictions {
            if let Some(value) = value {
                path.extend(["&", name, "=", value]);
            }
        }
        self.call::<Injected>(Method::POST, &path).await.map(|injected| injected.id)
    }

    pub(crate) async fn kafka_faults(&self) -> Result<KafkaFaults, ControlError> {
        self.call(Method::GET, "/kafka/faults").await
    }

    /// How many faults were lifted.
    pub(crate) async fn mend_kafka(&self, id: Option<u64>) -> Result<u64, ControlError> {
        let path = id.map_or_else(|| "/kafka/mend".to_owned(), |id| format!("/kafka/mend?id={id}"));
        self.call::<Lifted>(Method::POST, &path).await.map(|answer| answer.lifted)
    }

    pub(crate) async fn slow_table(
        &self,
        delay: Duration,
        lasting: Duration,
    ) -> Result<(), ControlError> {
        let (delay, lasting) = (delay.as_millis(), lasting.as_millis());
        let path = format!("/table/slow?delay_ms={delay}&for_ms={lasting}");
        self.call::<Value>(Method::POST, &path).await.map(drop)
    }

    pub(crate) async fn shut_down(&self) -> Result<(), ControlError> {
        self.call::<Value>(Method::POST, "/shutdown").await.map(drop)
    }

    async fn call<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
    ) -> Result<T, ControlError> {
        let url = format!("{}{path}", self.base);
        let exchange = tokio::time::timeout(TIMEOUT, exchange(method, &url)).await;
        let (status, body) = exchange
            .map_err(|_elapsed| ControlError::TimedOut {
                url: url.clone(),
                seconds: TIMEOUT.as_secs(),
            })?
            .map_err(|source| ControlError::Unreachable { url: url.clone(), source })?;
        let malformed = |source| ControlError::Malformed { url: url.clone(), source };
        if status.is_success() {
            return serde_json::from_slice(&body).map_err(malformed);
        }
        let refusal: Value = serde_json::from_slice(&body).map_err(malformed)?;
        let message = refusal["message"].as_str().map_or_else(|| status.to_string(), str::to_owned);
        Err(ControlError::Refused { message })
    }
}

async fn exchange(
    method: Method,
    url: &str,
) -> Result<(StatusCode, Bytes), Box<dyn std::error::Error + Send + Sync>> {
    let request = Request::builder().method(method).uri(url).body(Full::<Bytes>::default())?;
    let response = Client::builder(TokioExecutor::new()).build_http().request(request).await?;
    let status = response.status();
    let body = Limited::new(response.into_body(), ANSWER_BYTES_MAX).collect().await?;
    Ok((status, body.to_bytes()))
}
