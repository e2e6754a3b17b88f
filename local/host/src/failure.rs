//! How an invocation fails without the function's own words, and the document AWS answers then.
//!
//! Texts as observed on AWS in November 2025; nothing here decides when they apply.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde::Serialize;

use crate::ids::RequestId;

/// A response may have this many bytes: 6 MiB and 100 bytes.
///
/// Source: <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>
pub(crate) const RESPONSE_BYTES_MAX: usize = 6 * 1024 * 1024 + 100;

/// How a process ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// With this status.
    Status(i32),
    /// Through this signal.
    Signal(i32),
    /// It took more memory than it may, and was killed.
    OutOfMemory,
    /// It never ran; what the operating system said, with the program's path.
    NotStarted(Arc<str>),
}

/// Why an invocation was not answered by its function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// It ran longer than the function's timeout.
    TimedOut,
    /// Its environment ended before it answered.
    Exited(Exit),
    /// No environment became ready: the runtime posted this to `init/error`.
    InitReported(Bytes),
    /// No environment became ready within this time.
    InitTimedOut(Duration),
    /// There was no room, or none became free in time.
    Throttled,
    /// The host is shutting down.
    ShuttingDown,
}

impl Failure {
    /// AWS's error type, for the document and the REPORT line.
    pub(crate) fn error_type(&self) -> &'static str {
        match self {
            Self::TimedOut | Self::InitTimedOut(_) => "Sandbox.Timedout",
            Self::Exited(Exit::NotStarted(_)) => "Runtime.InvalidEntrypoint",
            Self::Exited(Exit::OutOfMemory) => "Runtime.OutOfMemory",
            Self::Exited(Exit::Status(_) | Exit::Signal(_)) => "Runtime.ExitError",
            Self::InitReported(_) => "Runtime.InitError",
            Self::Throttled => "TooManyRequestsException",
            Self::ShuttingDown => "ServiceException",
        }
    }

    /// The JSON that the caller gets in place of a response.
    pub(crate) fn document(&self, request: RequestId, timeout: Duration) -> Bytes {
        let reason = match self {
            Self::TimedOut => timed_out(timeout),
            Self::InitTimedOut(limit) => timed_out(*limit),
            Self::Exited(exit) => exit.reason(),
            Self::InitReported(document) => return document.clone(),
            Self::Throttled => "Rate Exceeded.".to_owned(),
            Self::ShuttingDown => "The host is shutting down".to_owned(),
        };
        error_document(self.error_type(), &format!("RequestId: {request} Error: {reason}"))
    }
}

impl Exit {
    /// What AWS says of it.
    pub(crate) fn reason(&self) -> String {
        match self {
            Self::Status(0) => "Runtime exited without providing a reason".to_owned(),
            Self::Status(status) => format!("Runtime exited with error: exit status {status}"),
            Self::Signal(signal) => {
                format!("Runtime exited with error: signal: {}", signal_name(*signal))
            }
            Self::OutOfMemory => "Runtime exited with error: signal: killed".to_owned(),
            Self::NotStarted(reason) => format!("fork/exec {reason}"),
        }
    }
}

fn timed_out(after: Duration) -> String {
    format!("Task timed out after {:.2} seconds", after.as_secs_f64())
}

/// The names that Go, in which Lambda's own supervisor is written, gives to signals. The numbers
/// are the same on Linux and macOS, but for the bus error.
fn signal_name(signal: i32) -> String {
    let name = match signal {
        1 => "hangup",
        2 => "interrupt",
        3 => "quit",
        4 => "illegal instruction",
        6 => "aborted",
        8 => "floating point exception",
        9 => "killed",
        11 => "segmentation fault",
        13 => "broken pipe",
        15 => "terminated",
        _ => return format!("signal {signal}"),
    };
    name.to_owned()
}

/// What the caller gets for a response over [`RESPONSE_BYTES_MAX`].
pub(crate) fn response_too_large() -> Bytes {
    error_document(
        "Function.ResponseSizeTooLarge",
        &format!(
            "Response payload size exceeded maximum allowed payload size ({RESPONSE_BYTES_MAX} bytes)."
        ),
    )
}

/// Lambda's error document.
pub(crate) fn error_document(error_type: &str, error_message: &str) -> Bytes {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Document<'a> {
        error_type: &'a str,
        error_message: &'a str,
    }

    let document = Document { error_type, error_message };
    Bytes::from(serde_json::to_vec(&document).expect("two strings are always JSON"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(failure: &Failure, expected: &str) {
        let request = RequestId::parse("6f1e8f1c-7a5b-4c0e-8f0a-1f2e3d4c5b6a").unwrap();
        let document = failure.document(request, Duration::from_secs(1));
        assert_eq!(document, expected.as_bytes(), "{}", String::from_utf8_lossy(&document));
    }

    #[test]
    fn failures_are_worded_as_aws_words_them() {
        let id = "RequestId: 6f1e8f1c-7a5b-4c0e-8f0a-1f2e3d4c5b6a Error:";
        check(
            &Failure::TimedOut,
            &format!(
                r#"{{"errorType":"Sandbox.Timedout","errorMessage":"{id} Task timed out after 1.00 seconds"}}"#
            ),
        );
        for (exit, reason) in [
            (Exit::Status(0), "Runtime exited without providing a reason"),
            (Exit::Status(127), "Runtime exited with error: exit status 127"),
            (Exit::Signal(9), "Runtime exited with error: signal: killed"),
        ] {
            check(
                &Failure::Exited(exit),
                &format!(r#"{{"errorType":"Runtime.ExitError","errorMessage":"{id} {reason}"}}"#),
            );
        }
    }

    #[test]
    fn a_reported_init_error_is_passed_on_verbatim() {
        check(&Failure::InitReported(Bytes::from_static(b"{\"a\":1}")), "{\"a\":1}");
    }
}
