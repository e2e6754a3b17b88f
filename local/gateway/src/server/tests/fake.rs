//! A function that does what a test needs, and a gateway in front of it.

use std::collections::BTreeMap;
use std::sync::Mutex;

use futures_util::future::BoxFuture;
use invoke::{InvokeError, Outcome};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::client::Raw;
use super::*;
use crate::config::RouteConfig;

/// What the fake function does.
#[derive(Clone, Copy, Debug)]
pub(super) enum Answer {
    /// Returns the event as the body.
    Echo,
    /// Returns the length of the event.
    Length,
    /// Returns CORS headers of its own.
    OwnCors,
    FunctionError,
    Malformed,
    Unknown,
    Throttled,
    Never,
    WhenReleased,
}

#[derive(Debug)]
pub(super) struct Fake {
    answer: Answer,
    functions: Mutex<Vec<String>>,
    traces: Mutex<Vec<String>>,
    invoked: Semaphore,
    released: Semaphore,
}

impl Fake {
    pub(super) fn new(answer: Answer) -> Arc<Self> {
        Arc::new(Self {
            answer,
            functions: Mutex::default(),
            traces: Mutex::default(),
            invoked: Semaphore::new(0),
            released: Semaphore::new(0),
        })
    }

    /// The functions invoked so far.
    pub(super) fn functions(&self) -> Vec<String> {
        self.functions.lock().unwrap().clone()
    }

    /// The traces that they were part of.
    pub(super) fn traces(&self) -> Vec<String> {
        self.traces.lock().unwrap().clone()
    }

    /// Waits for one more invocation than before.
    pub(super) async fn wait_for_invocation(&self) {
        timeout(SOON, self.invoked.acquire()).await.unwrap().unwrap().forget();
    }

    pub(super) fn release(&self) {
        self.released.add_permits(1);
    }
}

impl Invoke for Fake {
    fn invoke<'a>(
        &'a self,
        function: &'a str,
        payload: Bytes,
        trace: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Outcome, InvokeError>> {
        let (function, trace) = (function.to_owned(), trace.map(str::to_owned));
        Box::pin(async move {
            self.traces.lock().unwrap().extend(trace);
            self.functions.lock().unwrap().push(function.clone());
            self.invoked.add_permits(1);
            let text =
                |text: &'static str| Ok(Outcome::Succeeded(Bytes::from_static(text.as_bytes())));
            match self.answer {
                Answer::Echo => Ok(Outcome::Succeeded(payload)),
                Answer::Length => Ok(Outcome::Succeeded(payload.len().to_string().into())),
                Answer::OwnCors => text(
                    r#"{"statusCode":200,"headers":{"access-control-allow-origin":"*","access-control-max-age":"1"}}"#,
                ),
                Answer::FunctionError => Ok(Outcome::FunctionError(Bytes::new())),
                Answer::Malformed => text(r#"{"statusCode":"200"}"#),
                Answer::Unknown => Err(InvokeError::UnknownFunction { function }),
                Answer::Throttled => Err(InvokeError::Throttled { function }),
                Answer::Never => std::future::pending().await,
                Answer::WhenReleased => {
                    self.released.acquire().await.unwrap().forget();
                    text("{}")
                }
            }
        })
    }
}

/// An API with routes of method, path and function.
pub(super) fn api(logical_id: &str, routes: &[(&str, &str, &str)]) -> ApiConfig {
    ApiConfig {
        logical_id: logical_id.to_owned(),
        stage: "$default".to_owned(),
        stage_variables: BTreeMap::new(),
        cors: None,
        routes: routes
            .iter()
            .map(|(method, path, function)| RouteConfig {
                method: (*method != "ANY").then(|| (*method).to_owned()),
                path: (*path).to_owned(),
                function: (*function).to_owned(),
                timeout: SOON,
            })
            .collect(),
    }
}

/// A gateway on a port of its own.
pub(super) struct Served {
    port: u16,
    gateway: Gateway,
}

pub(super) async fn serve(fake: &Arc<Fake>, apis: Vec<ApiConfig>) -> Served {
    serve_with(fake, apis, Limits::default()).await
}

pub(super) async fn serve_with(fake: &Arc<Fake>, apis: Vec<ApiConfig>, limits: Limits) -> Served {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let invoke: Arc<dyn Invoke> = Arc::<Fake>::clone(fake);
    Served { port, gateway: Gateway::start_with(listener, apis, invoke, limits).unwrap() }
}

impl Served {
    pub(super) fn port(&self) -> u16 {
        self.port
    }

    pub(super) async fn client(&self) -> Client {
        Client::http1(self.port).await
    }

    pub(super) async fn client_http2(&self) -> Client {
        Client::http2(self.port).await
    }

    pub(super) async fn raw(&self) -> Raw {
        Raw::connect(self.port).await
    }

    pub(super) async fn stop(self) {
        timeout(SOON, self.gateway.shutdown()).await.unwrap();
    }
}
