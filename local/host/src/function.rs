//! One function: the task that owns its pool, the callers that wait and its processes.
//!
//! It translates messages into the pool's inputs and carries out the pool's actions. What is to be
//! done is never decided here.

mod alarm;
mod flight;
mod owner;
mod process;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use http::HeaderValue;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio_util::task::TaskTracker;

use self::owner::Owner;
pub(crate) use self::process::OUTPUTS;
use crate::config::{FunctionConfig, FunctionStatus};
use crate::failure::Exit;
use crate::guard::Guard;
use crate::ids::{EnvironmentId, InvocationId, RequestId};
use crate::logs::LogSink;
use crate::pool::Refusal;

/// Messages to a function that are not yet taken; beyond, senders wait. Enough that a burst of
/// callers does not take turns with the runtimes' answers, little enough to bound memory.
const INBOX_MAX: usize = 1_024;

/// What never changes about a function.
#[derive(Debug)]
pub(crate) struct FunctionSpec {
    pub(crate) config: FunctionConfig,
    /// `arn:aws:lambda:<region>:<account>:function:<name>`.
    pub(crate) arn: String,
    pub(crate) region: String,
    pub(crate) shared_environment: Arc<BTreeMap<String, String>>,
}

impl FunctionSpec {
    /// The same function with another program.
    fn with_program(&self, program: Program) -> Self {
        let Program { executable, directory } = program;
        Self {
            config: FunctionConfig { executable, directory, ..self.config.clone() },
            arn: self.arn.clone(),
            region: self.region.clone(),
            shared_environment: Arc::clone(&self.shared_environment),
        }
    }
}

/// What a caller hands over.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) invocation: InvocationId,
    pub(crate) payload: Bytes,
    /// `X-Amzn-Trace-Id`, where the caller has one.
    pub(crate) trace: Option<Box<str>>,
    /// `X-Amz-Client-Context`, decoded.
    pub(crate) client_context: Option<HeaderValue>,
    /// Where the end of the log goes, just before the reply, for a caller that wants it.
    pub(crate) tail: Option<oneshot::Sender<String>>,
    /// Its place among all invocations of the account, while it is under way.
    pub(crate) place: Option<OwnedSemaphorePermit>,
}

impl Call {
    /// A first attempt under a new request id.
    pub(crate) fn new(payload: Bytes) -> Self {
        let invocation = InvocationId { request: RequestId::random(), attempt: 0 };
        Self { invocation, payload, trace: None, client_context: None, tail: None, place: None }
    }
}

/// What a caller gets back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reply {
    /// The function's response.
    Succeeded(Bytes),
    /// The function's error document, or Lambda's in its place.
    FunctionError(Bytes),
    Throttled,
    ShuttingDown,
}

/// What a runtime gets for `/next`.
#[derive(Debug)]
pub(crate) enum Polled {
    Work(Work),
    /// All its invocations must be answered first.
    Refused,
}

/// An invocation on its way to a runtime.
#[derive(Debug)]
pub(crate) struct Work {
    pub(crate) invocation: InvocationId,
    pub(crate) payload: Bytes,
    pub(crate) deadline_epoch_ms: i64,
    pub(crate) trace_id: HeaderValue,
    pub(crate) client_context: Option<HeaderValue>,
}

/// What a runtime posted for an invocation.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) request: RequestId,
    /// `Lambda-Runtime-Invocation-Id`, where the runtime echoes it.
    pub(crate) echoed: Option<HeaderValue>,
    /// For the caller.
    pub(crate) reply: Reply,
}

/// How an [`Answer`] was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Receipt {
    Accepted,
    Refused(Refusal),
}

/// Everything that happens to a function.
#[derive(Debug)]
pub(crate) enum Message {
    Invoke {
        call: Call,
        reply: oneshot::Sender<Reply>,
    },
    /// The process runs.
    Started {
        environment: EnvironmentId,
        pid: u32,
    },
    Next {
        environment: EnvironmentId,
        reply: oneshot::Sender<Polled>,
    },
    Answer {
        environment: EnvironmentId,
        answer: Answer,
        reply: oneshot::Sender<Receipt>,
    },
    /// The runtime posted `init/error`; the reply says whether it was in order.
    InitError {
        environment: EnvironmentId,
        document: Bytes,
        reply: oneshot::Sender<bool>,
    },
    /// The process is gone and everything it sent has been taken.
    Exited {
        environment: EnvironmentId,
        exit: Exit,
    },
    /// Its program is another from now on.
    Replace {
        program: Program,
    },
    Status {
        reply: oneshot::Sender<FunctionStatus>,
    },
    /// Kill one running process; the reply is its process id.
    KillOne {
        reply: oneshot::Sender<Option<u32>>,
    },
    Shutdown,
}

/// A program to run in place of another.
#[derive(Debug)]
pub(crate) struct Program {
    pub(crate) executable: PathBuf,
    pub(crate) directory: PathBuf,
}

/// What the host lends to a function.
#[derive(Clone, Debug)]
pub(crate) struct Surroundings {
    pub(crate) logs: Arc<LogSink>,
    pub(crate) guard: Guard,
    pub(crate) tasks: TaskTracker,
    /// The places of all invocations of functions without a reservation, where they are limited.
    pub(crate) account: Option<Arc<Semaphore>>,
}

/// The way to a function's task.
#[derive(Clone, Debug)]
pub(crate) struct FunctionHandle {
    /// As it was at the start: its program may be another by now.
    pub(crate) spec: Arc<FunctionSpec>,
    messages: mpsc::Sender<Message>,
    account: Option<Arc<Semaphore>>,
}

impl FunctionHandle {
    /// Starts the task; no process before the first invocation.
    pub(crate) fn start(spec: FunctionSpec, surroundings: Surroundings) -> Self {
        let spec = Arc::new(spec);
        let (messages, inbox) = mpsc::channel(INBOX_MAX);
        let tasks = surroundings.tasks.clone();
        // A reservation is taken out of what all share.
        let is_reserved = spec.config.reserved_concurrency.is_some();
        let account = surroundings.account.clone().filter(|_| !is_reserved);
        let owner = Owner::new(Arc::clone(&spec), (messages.clone(), inbox), surroundings);
        tasks.spawn(owner.run());
        Self { spec, messages, account }
    }

    /// Runs one invocation to its end.
    pub(crate) async fn invoke(&self, mut call: Call) -> Reply {
        if let Some(account) = &self.account {
            match Arc::clone(account).try_acquire_owned() {
                Ok(place) => call.place = Some(place),
                Err(_) => return Reply::Throttled,
            }
        }
        self.ask(|reply| Message::Invoke { call, reply }).await.unwrap_or(Reply::ShuttingDown)
    }

    /// AWS's name of the limit that throttles it.
    pub(crate) fn throttle_reason(&self) -> &'static str {
        match self.spec.config.reserved_concurrency {
            Some(_) => "ReservedFunctionConcurrentInvocationLimitExceeded",
            None => "ConcurrentInvocationLimitExceeded",
        }
    }

    /// `None` once the function has shut down.
    pub(crate) async fn status(&self) -> Option<FunctionStatus> {
        self.ask(|reply| Message::Status { reply }).await
    }

    /// The process id of the environment that was killed, if one was running.
    pub(crate) async fn kill_one(&self) -> Option<u32> {
        self.ask(|reply| Message::KillOne { reply }).await.flatten()
    }

    /// Lets `program` take over: new environments run it, the old ones end when they are done.
    pub(crate) async fn replace(&self, program: Program) {
        // A function that has shut down runs nothing any more.
        let _gone = self.messages.send(Message::Replace { program }).await;
    }

    /// Asks the task to finish what is under way and end.
    pub(crate) async fn shut_down(&self) {
        // A task that is gone has nothing left to shut down.
        let _gone = self.messages.send(Message::Shutdown).await;
    }

    async fn ask<T>(&self, message: impl FnOnce(oneshot::Sender<T>) -> Message) -> Option<T> {
        let (reply, answer) = oneshot::channel();
        self.messages.send(message(reply)).await.ok()?;
        answer.await.ok()
    }
}
