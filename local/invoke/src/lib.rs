//! What it means to invoke a function: the request, the outcome, and the trait behind which the
//! host, an HTTP endpoint or a fake stands.
//!
//! The gateway and the poller ask for an [`Invoke`] and do not know which one they got.

mod client;

use std::fmt;

use bytes::Bytes;
use futures_util::future::BoxFuture;

pub use client::Client;

/// A synchronous invocation's payload or response may have this many bytes.
///
/// Source: <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>
pub const PAYLOAD_BYTES_MAX: usize = 6 * 1024 * 1024;

/// How an invocation that reached the function ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The function answered; this is its response.
    Succeeded(Bytes),
    /// The function failed, crashed or ran out of time: `X-Amz-Function-Error` would be set.
    /// The bytes are Lambda's error document, `{"errorType", "errorMessage"}`.
    FunctionError(Bytes),
}

/// Why an invocation did not reach the function.
#[derive(Debug, thiserror::Error)]
pub enum InvokeError {
    /// No function has this name.
    #[error("function `{function}` does not exist")]
    UnknownFunction {
        /// The name asked for.
        function: String,
    },
    /// Every environment is busy and no further one may start, or the queue is full.
    #[error("too many invocations of `{function}` are under way")]
    Throttled {
        /// The function asked for.
        function: String,
    },
    /// The payload exceeds [`PAYLOAD_BYTES_MAX`].
    #[error("a payload of {size_bytes} bytes exceeds the {limit_bytes} byte limit")]
    TooLarge {
        /// Size of the payload.
        size_bytes: usize,
        /// The limit.
        limit_bytes: usize,
    },
    /// The endpoint answered something other than an invocation's outcome.
    #[error("the Lambda endpoint answered {status}: {message}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// What the endpoint said.
        message: String,
    },
    /// The endpoint cannot be reached, or went away before it answered.
    #[error("failed to reach the Lambda endpoint")]
    Unreachable {
        /// What the transport said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// Something that can invoke functions by name and wait for the outcome.
pub trait Invoke: fmt::Debug + Send + Sync + 'static {
    /// Invokes `function` synchronously (`RequestResponse`) with `payload`, a JSON document, as a
    /// part of the trace that `trace` names, the value of an `X-Amzn-Trace-Id` header; without one
    /// it begins a trace of its own.
    ///
    /// Dropping the future abandons the answer, not the invocation: that runs all the same, unless
    /// it has waited so long for its turn that AWS would have refused it.
    ///
    /// Source: <https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader>
    fn invoke<'a>(
        &'a self,
        function: &'a str,
        payload: Bytes,
        trace: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Outcome, InvokeError>>;
}
