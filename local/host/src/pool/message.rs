//! What the pool is told and what it tells.

use crate::failure::{Exit, Failure};
use crate::ids::{EnvironmentId, InvocationId};

/// What happened.
#[derive(Clone, Debug)]
pub(crate) enum Input {
    /// A caller wants this run.
    InvocationArrived { invocation: InvocationId, payload_bytes: usize },
    /// The environment's runtime asks for an invocation (`/next`); the first time, it is ready.
    PollOpened(EnvironmentId),
    /// A runtime that was waiting for an invocation went away.
    PollClosed(EnvironmentId),
    /// The runtime went away before this dispatch reached it.
    DispatchFailed { environment: EnvironmentId, invocation: InvocationId },
    /// Nobody wants this dispatch any more; the runtime still waits for one.
    DispatchDropped { environment: EnvironmentId, invocation: InvocationId },
    /// The runtime posted a response or an error.
    InvocationAnswered { environment: EnvironmentId, invocation: InvocationId },
    /// The runtime posted `init/error`.
    InitFailed { environment: EnvironmentId, failure: Failure },
    /// The process is gone.
    EnvironmentExited { environment: EnvironmentId, exit: Exit },
    /// Environments that start from now on run other code than those that exist.
    CodeReplaced,
    /// Finish what is under way and end.
    ShutdownAsked,
    /// The time of [`Pool::next_wakeup`](crate::pool::Pool::next_wakeup) has come.
    Tick,
}

/// What is to be done, in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// Start a process.
    Start(EnvironmentId),
    /// Hand this invocation to the environment's oldest open `/next`.
    Dispatch { environment: EnvironmentId, invocation: InvocationId },
    /// Answer the caller, for the function will not.
    Fail { invocation: InvocationId, failure: Failure },
    /// The answer just posted is the invocation's: pass it to the caller.
    AcceptAnswer,
    /// The answer just posted counts for nothing.
    RefuseAnswer(Refusal),
    /// The init error just posted ends the environment.
    AcceptInitError,
    /// The init error just posted comes too late.
    RefuseInitError,
    /// Tell the log that an environment did not become ready, and in which phase.
    ReportInit { environment: EnvironmentId, failure: Failure, phase: InitPhase },
    /// The `/next` just opened is one too many.
    RefusePoll,
    /// Ask the process to end.
    Stop(EnvironmentId),
    /// End the process at once.
    Kill(EnvironmentId),
}

/// What an init is a part of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum InitPhase {
    /// Nothing else.
    Init,
    /// The invocation that waits for it: an init before it has failed.
    Invoke,
}

/// Why an answer is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Its invocation timed out.
    Late,
    /// It was answered before.
    Repeated,
    /// The environment never had such an invocation.
    Unknown,
}
