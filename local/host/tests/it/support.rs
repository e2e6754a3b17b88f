//! A host with one fake function, and bounded waits.

use std::collections::BTreeMap;
use std::future::Future;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use host::{EventConfig, FunctionConfig, Host, HostConfig, LogLine, Logging};
use invoke::{Invoke, InvokeError, Outcome};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

/// Far more than anything here takes, on any machine.
const PATIENCE: Duration = Duration::from_mins(1);

pub(crate) const NAME: &str = "fake";

pub(crate) struct Rig {
    pub(crate) host: Arc<Host>,
    pub(crate) address: SocketAddr,
    pub(crate) logs: mpsc::Receiver<LogLine>,
    invoker: Arc<dyn Invoke>,
}

/// A function with room for everything but what the test is about.
pub(crate) fn function() -> FunctionConfig {
    FunctionConfig {
        name: NAME.to_owned(),
        executable: executable(),
        arguments: Vec::new(),
        directory: PathBuf::from(env!("CARGO_MANIFEST_DIR")),
        handler: "bootstrap".to_owned(),
        timeout: PATIENCE * 2,
        memory_mb: 128,
        environment: BTreeMap::new(),
        environments_max: 4,
        environment_concurrency: 1,
        reserved_concurrency: None,
        logging: Logging::default(),
        events: EventConfig::default(),
        aliases: Vec::new(),
    }
}

/// Cargo builds examples for its tests, beside the tests' own folder.
fn executable() -> PathBuf {
    let test = std::env::current_exe().expect("a test knows its own path");
    let profile = test.parent().and_then(Path::parent).expect("a test is in `deps` of its profile");
    profile.join("examples").join("fake_function")
}

impl Rig {
    pub(crate) async fn start(function: FunctionConfig) -> Self {
        Self::start_all(vec![function], None).await
    }

    /// A host with several functions and, perhaps, a limit for all of them.
    pub(crate) async fn start_all(
        functions: Vec<FunctionConfig>,
        account_concurrency: Option<u32>,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("a bound listener has an address");
        let (lines, logs) = mpsc::channel(10_000);
        let config = HostConfig {
            region: "us-east-1".to_owned(),
            account_id: "000000000000".to_owned(),
            functions,
            shared_environment: BTreeMap::from([("SHARED".to_owned(), "yes".to_owned())]),
            account_concurrency,
            logs: lines,
        };
        let host = Host::start(listener, config);
        let invoker = host.invoker();
        Self { host: Arc::new(host), address, logs, invoker }
    }

    pub(crate) async fn invoke(&self, payload: Value) -> Result<Outcome, InvokeError> {
        self.in_background(payload).await
    }

    /// The future owns what it needs.
    pub(crate) fn in_background(
        &self,
        payload: Value,
    ) -> impl Future<Output = Result<Outcome, InvokeError>> + use<> {
        let invoker = Arc::clone(&self.invoker);
        async move {
            let payload = Bytes::from(payload.to_string());
            bounded(async move { invoker.invoke(NAME, payload, None).await }).await
        }
    }

    /// The response of an invocation that succeeds.
    pub(crate) async fn response(&self, payload: Value) -> Value {
        match self.invoke(payload).await {
            Ok(Outcome::Succeeded(response)) => parse(&response),
            other => panic!("the invocation did not succeed: {other:?}"),
        }
    }

    /// The error document of an invocation whose function fails.
    pub(crate) async fn error(&self, payload: Value) -> Value {
        error_of(self.invoke(payload).await)
    }

    /// The next line that is wanted.
    pub(crate) async fn line(&mut self, is_wanted: impl Fn(&str) -> bool) -> LogLine {
        bounded(async {
            loop {
                let line = self.logs.recv().await.expect("the host keeps its log");
                if is_wanted(&line.text) {
                    return line;
                }
            }
        })
        .await
    }

    /// Waits until the function is as wanted.
    pub(crate) async fn until(&self, is_wanted: impl Fn(&host::FunctionStatus) -> bool) {
        bounded(async {
            while !self.host.status().await.iter().any(&is_wanted) {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }

    pub(crate) async fn shutdown(self) {
        bounded(self.host.shutdown()).await;
    }
}

pub(crate) fn error_of(outcome: Result<Outcome, InvokeError>) -> Value {
    match outcome {
        Ok(Outcome::FunctionError(document)) => parse(&document),
        other => panic!("the function did not fail: {other:?}"),
    }
}

pub(crate) fn parse(json: &[u8]) -> Value {
    serde_json::from_slice(json).expect("JSON")
}

pub(crate) async fn bounded<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.expect("it should have ended long ago")
}
