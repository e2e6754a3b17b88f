//! JSON over HTTP to the stack's gateway.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::{Method, Request, StatusCode};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;
use tokio::time::timeout;

use crate::failure::OpsFailure;

/// Longer than any answer of an HTTP API (30 s).
const TIMEOUT: Duration = Duration::from_secs(35);

/// A client of one gateway, which keeps its connection.
#[derive(Debug)]
pub(crate) struct Gateway {
    base: String,
    client: Client<HttpConnector, Full<Bytes>>,
}

impl Gateway {
    /// The gateway at `base`, `http://127.0.0.1:PORT`.
    pub(crate) fn new(base: &str) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let client = Client::builder(TokioExecutor::new()).build(connector);
        Self { base: base.to_owned(), client }
    }

    /// `POST`s JSON.
    pub(crate) async fn post(
        &self,
        path: &str,
        body: &Value,
    ) -> Result<(StatusCode, Value), OpsFailure> {
        self.send(Method::POST, path, body.to_string()).await
    }

    /// `GET`s.
    pub(crate) async fn get(&self, path: &str) -> Result<(StatusCode, Value), OpsFailure> {
        self.send(Method::GET, path, String::new()).await
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        body: String,
    ) -> Result<(StatusCode, Value), OpsFailure> {
        let url = format!("{}{path}", self.base);
        let failed = |source| OpsFailure::Gateway { url: url.clone(), source };
        let request = Request::builder()
            .method(method)
            .uri(&url)
            .header("content-type", "application/json")
            .body(Full::new(Bytes::from(body)))
            .map_err(|error| failed(error.into()))?;
        let exchange = async {
            let response = self.client.request(request).await?;
            let status = response.status();
            let body = response.into_body().collect().await?.to_bytes();
            Ok::<_, Box<dyn std::error::Error + Send + Sync>>((status, body))
        };
        let exchanged = timeout(TIMEOUT, exchange).await;
        let exchanged = exchanged.map_err(|elapsed| failed(elapsed.into()))?;
        let (status, body) = exchanged.map_err(failed)?;
        Ok((status, serde_json::from_slice(&body).unwrap_or(Value::Null)))
    }
}
