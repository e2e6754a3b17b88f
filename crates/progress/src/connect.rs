//! The DynamoDB client, built the same way wherever one is needed.

use std::time::Duration;

use aws_config::{BehaviorVersion, Region, retry::RetryConfig, timeout::TimeoutConfig};
use aws_sdk_dynamodb::{Client, config::Credentials};
use aws_smithy_http_client::{
    Builder,
    tls::{Provider, rustls_provider::CryptoMode},
};

/// How long one try of a call may take. DynamoDB answers in milliseconds; a try that takes longer
/// than this is lost.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(3);

/// How long a call may take with all its tries, well within the shortest Lambda timeout in use.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);

/// Tries of one call, the first included.
const TRIES: u32 = 4;

/// How to reach DynamoDB.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Connection {
    /// By the SDK's own variables: `AWS_REGION`, credentials, `AWS_ENDPOINT_URL_DYNAMODB`.
    Environment,
    /// A local table, which takes any credentials.
    Local {
        /// Its address, as `http://127.0.0.1:8000`.
        endpoint: String,
        /// The region that the local cloud plays.
        region: String,
    },
}

/// Builds a client. Does not connect yet.
pub async fn connect(connection: &Connection) -> Client {
    let http = Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
    let timeouts = TimeoutConfig::builder()
        .operation_attempt_timeout(ATTEMPT_TIMEOUT)
        .operation_timeout(CALL_TIMEOUT)
        .build();
    let loader = aws_config::defaults(BehaviorVersion::v2026_01_12())
        .http_client(http)
        .retry_config(RetryConfig::standard().with_max_attempts(TRIES))
        .timeout_config(timeouts);
    let loader = match connection {
        Connection::Environment => loader,
        Connection::Local { endpoint, region } => loader
            .endpoint_url(endpoint)
            .region(Region::new(region.clone()))
            .credentials_provider(Credentials::new("local", "local", None, None, "local")),
    };
    Client::new(&loader.load().await)
}
