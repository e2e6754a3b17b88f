//! The host as its owner sees it: start, ask, drill, shut down.

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use invoke::{Invoke, InvokeError, Outcome, PAYLOAD_BYTES_MAX};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::{FunctionConfig, FunctionStatus, HostConfig};
use crate::function::{Call, FunctionHandle, FunctionSpec, Program, Reply, Surroundings};
use crate::guard::Guard;
use crate::http_server::{self, Closing};
use crate::invoke_api::InvokeApi;
use crate::logs::LogSink;

/// Open connections of callers at each address; beyond, they wait to be accepted. Well above what a load test
/// opens and below what a Linux process may.
const CONNECTIONS_MAX: usize = 8_192;

/// At shutdown, everything together may take this long: the pools' drain, SIGTERM to SIGKILL, and
/// the answers' way to their callers.
const SHUTDOWN_MAX: Duration = Duration::from_secs(10);

/// A running host. Dropping it leaves it running until the runtime ends; its processes die with it.
#[derive(Debug)]
pub struct Host {
    functions: Arc<Functions>,
    tasks: TaskTracker,
    connections: TaskTracker,
    closing: Closing,
}

/// The functions by name; never changes.
pub(crate) type Functions = BTreeMap<String, FunctionHandle>;

impl Host {
    /// Serves the functions of `config`, with the Invoke API on `listener` and, where that listens
    /// on 127.0.0.1, on the same port of `::1` if it is free: `cargo lambda invoke` looks there. No
    /// process is started before a function's first invocation.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub fn start(listener: TcpListener, config: HostConfig) -> Self {
        let tasks = TaskTracker::new();
        let functions = Arc::new(start_functions(config, &tasks));
        let connections = TaskTracker::new();
        let closing = Closing { stop: CancellationToken::new(), cut: CancellationToken::new() };
        let api = InvokeApi::new(Arc::clone(&functions), connections.clone(), closing.stop.clone());
        let second = second_listener(&listener);
        let api = Arc::new(api);
        for listener in std::iter::once(listener).chain(second) {
            let (api, connections) = (Arc::clone(&api), connections.clone());
            let closing = closing.clone();
            tasks.spawn(async move {
                http_server::serve(&listener, api, connections, closing, CONNECTIONS_MAX).await;
            });
        }
        Self { functions, tasks, connections, closing }
    }

    /// Invokes the functions without HTTP.
    pub fn invoker(&self) -> Arc<dyn Invoke> {
        Arc::new(Invoker { functions: Arc::clone(&self.functions) })
    }

    /// A way to replace the functions' programs while they run.
    pub fn programs(&self) -> Programs {
        Programs { functions: Arc::clone(&self.functions) }
    }

    /// How every function is doing, by name. Without those that have shut down.
    pub async fn status(&self) -> Vec<FunctionStatus> {
        let mut status = Vec::with_capacity(self.functions.len());
        for function in self.functions.values() {
            status.extend(function.status().await);
        }
        status
    }

    /// Kills one running environment of a function with SIGKILL, one that works if there is one,
    /// and returns its process id. For fault drills.
    pub async fn kill_environment(&self, function: &str) -> Option<u32> {
        self.functions.get(function)?.kill_one().await
    }

    /// Takes no more invocations, lets those under way finish for a moment, and ends every process.
    /// Whoever still waits is told.
    pub async fn shutdown(&self) {
        self.closing.stop.cancel();
        for function in self.functions.values() {
            function.shut_down().await;
        }
        self.tasks.close();
        self.connections.close();
        let ended = async {
            self.tasks.wait().await;
            self.connections.wait().await;
        };
        if tokio::time::timeout(SHUTDOWN_MAX, ended).await.is_err() {
            tracing::warn!("The host did not shut down in time; what is left is dropped");
        }
        self.closing.cut.cancel();
    }
}

/// The same port on the other loopback address.
fn second_listener(first: &TcpListener) -> Option<TcpListener> {
    let address = first.local_addr().ok().filter(|address| address.ip() == Ipv4Addr::LOCALHOST)?;
    let bind = || {
        let listener = std::net::TcpListener::bind((Ipv6Addr::LOCALHOST, address.port()))?;
        listener.set_nonblocking(true)?;
        TcpListener::from_std(listener)
    };
    // No IPv6, or the port is another's there: then clients have to ask for 127.0.0.1.
    let refused = |source: &io::Error| tracing::debug!(error = %source, "Not listening on ::1");
    bind().inspect_err(refused).ok()
}

fn start_functions(config: HostConfig, tasks: &TaskTracker) -> Functions {
    let HostConfig { region, account_id, functions, shared_environment, account_concurrency, logs } =
        config;
    let shared_environment = Arc::new(shared_environment);
    let account = account_concurrency.map(|max| Arc::new(Semaphore::new(max as usize)));
    let guard = Guard::start(tasks);
    let start = |config: FunctionConfig| {
        let name = config.name.clone();
        let sink = LogSink::new(Arc::from(name.as_str()), &config.logging, logs.clone());
        let surroundings = Surroundings {
            logs: Arc::new(sink),
            guard: guard.clone(),
            tasks: tasks.clone(),
            account: account.clone(),
        };
        let spec = FunctionSpec {
            arn: format!("arn:aws:lambda:{region}:{account_id}:function:{name}"),
            config,
            region: region.clone(),
            shared_environment: Arc::clone(&shared_environment),
        };
        (name, FunctionHandle::start(spec, surroundings))
    };
    functions.into_iter().map(start).collect()
}

/// Replaces the programs of a host's functions; outlives nothing.
#[derive(Clone, Debug)]
pub struct Programs {
    functions: Arc<Functions>,
}

impl Programs {
    /// Lets `executable` take over from a function's program: environments that start from now on
    /// run it, in `directory`; the others finish what they hold and end. Of no effect on a function
    /// that does not exist.
    pub async fn replace(&self, function: &str, executable: PathBuf, directory: PathBuf) {
        if let Some(handle) = self.functions.get(function) {
            handle.replace(Program { executable, directory }).await;
        }
    }
}

#[derive(Debug)]
struct Invoker {
    functions: Arc<Functions>,
}

impl Invoker {
    async fn call(
        &self,
        function: &str,
        payload: Bytes,
        trace: Option<&str>,
    ) -> Result<Outcome, InvokeError> {
        let Some(handle) = self.functions.get(function) else {
            return Err(InvokeError::UnknownFunction { function: function.to_owned() });
        };
        if payload.len() > PAYLOAD_BYTES_MAX {
            let (size_bytes, limit_bytes) = (payload.len(), PAYLOAD_BYTES_MAX);
            return Err(InvokeError::TooLarge { size_bytes, limit_bytes });
        }
        let call = Call { trace: trace.map(Box::from), ..Call::new(payload) };
        match handle.invoke(call).await {
            Reply::Succeeded(response) => Ok(Outcome::Succeeded(response)),
            Reply::FunctionError(document) => Ok(Outcome::FunctionError(document)),
            Reply::Throttled => Err(InvokeError::Throttled { function: function.to_owned() }),
            Reply::ShuttingDown => Err(InvokeError::Refused {
                status: http::StatusCode::SERVICE_UNAVAILABLE.as_u16(),
                message: "the host is shutting down".to_owned(),
            }),
        }
    }
}

impl Invoke for Invoker {
    fn invoke<'a>(
        &'a self,
        function: &'a str,
        payload: Bytes,
        trace: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Outcome, InvokeError>> {
        self.call(function, payload, trace).boxed()
    }
}
