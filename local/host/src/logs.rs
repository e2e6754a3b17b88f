//! Where output goes: the functions' own lines and Lambda's lines about them.
//!
//! Logging never waits: a reader that is too slow loses lines, and is told how many.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::mpsc;

use crate::config::LogLine;
use crate::failure::{Exit, Failure};
use crate::ids::{EnvironmentId, RequestId};

/// The log of one function.
#[derive(Debug)]
pub(crate) struct LogSink {
    function: Arc<str>,
    lines: mpsc::Sender<LogLine>,
    dropped: AtomicU64,
}

/// What a REPORT line tells.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) duration: Duration,
    pub(crate) memory_mb: u32,
    /// On the first invocation of an environment.
    pub(crate) init: Option<Duration>,
    /// AWS's error type, where the function did not answer itself.
    pub(crate) error_type: Option<&'static str>,
}

impl LogSink {
    pub(crate) fn new(function: Arc<str>, lines: mpsc::Sender<LogLine>) -> Self {
        Self { function, lines, dropped: AtomicU64::new(0) }
    }

    /// Passes a line on, or counts it as dropped.
    pub(crate) fn write(&self, environment: EnvironmentId, text: String) {
        let dropped = self.dropped.swap(0, Ordering::Relaxed);
        if dropped > 0 {
            let note = format!("{dropped} log lines were dropped: the reader was too slow");
            if !self.try_send(environment, note) {
                self.dropped.fetch_add(dropped, Ordering::Relaxed);
            }
        }
        if !self.try_send(environment, text) {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn try_send(&self, environment: EnvironmentId, text: String) -> bool {
        let function = Arc::clone(&self.function);
        self.lines.try_send(LogLine { function, environment: environment.0, text }).is_ok()
    }

    pub(crate) fn start(&self, environment: EnvironmentId, request: RequestId) {
        self.write(environment, format!("START RequestId: {request} Version: $LATEST"));
    }

    pub(crate) fn end(&self, environment: EnvironmentId, request: RequestId, report: &Report) {
        self.write(environment, format!("END RequestId: {request}"));
        self.write(environment, report.line(request));
    }

    /// Tells of an environment that ended before it was ready: nobody else would say so.
    pub(crate) fn init_failed(&self, environment: EnvironmentId, after: Duration, exit: &Exit) {
        let error_type = Failure::Exited(exit.clone()).error_type();
        let after_ms = after.as_secs_f64() * 1_000.0;
        self.write(environment, format!("Error: {}", exit.reason()));
        self.write(
            environment,
            format!(
                "INIT_REPORT Init Duration: {after_ms:.2} ms\tPhase: init\tStatus: error\t\
                 Error Type: {error_type}"
            ),
        );
    }
}

impl Report {
    /// Tab-separated, as in `CloudWatch`. The memory used is not known here and left out.
    fn line(&self, request: RequestId) -> String {
        let duration_ms = self.duration.as_secs_f64() * 1_000.0;
        let billed_ms = (self.duration + self.init.unwrap_or_default()).as_micros().div_ceil(1_000);
        let init = self.init.map_or_else(String::new, |init| {
            format!("\tInit Duration: {:.2} ms", init.as_secs_f64() * 1_000.0)
        });
        let status = match self.error_type {
            Some("Sandbox.Timedout") => "\tStatus: timeout".to_owned(),
            Some(error_type) => format!("\tStatus: error\tError Type: {error_type}"),
            None => String::new(),
        };
        let memory_mb = self.memory_mb;
        format!(
            "REPORT RequestId: {request}\tDuration: {duration_ms:.2} ms\t\
             Billed Duration: {billed_ms} ms\tMemory Size: {memory_mb} MB{init}{status}"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENVIRONMENT: EnvironmentId = EnvironmentId(1);

    #[test]
    fn a_full_log_drops_lines_and_says_how_many() {
        let (lines, mut reader) = mpsc::channel(2);
        let sink = LogSink::new(Arc::from("f"), lines);
        for text in ["one", "two", "three", "four"] {
            sink.write(ENVIRONMENT, text.to_owned());
        }
        let mut read = || reader.try_recv().map(|line| line.text).ok();
        assert_eq!(
            (read().as_deref(), read().as_deref(), read()),
            (Some("one"), Some("two"), None)
        );

        sink.write(ENVIRONMENT, "five".to_owned());
        assert!(read().unwrap().starts_with("2 log lines were dropped"));
        assert_eq!(read().as_deref(), Some("five"));
    }

    #[test]
    fn a_failed_init_is_told_with_its_reason() {
        let (lines, mut reader) = mpsc::channel(2);
        let sink = LogSink::new(Arc::from("f"), lines);
        sink.init_failed(ENVIRONMENT, Duration::from_millis(2), &Exit::Status(64));
        let mut read = || reader.try_recv().unwrap().text;
        assert_eq!(read(), "Error: Runtime exited with error: exit status 64");
        assert_eq!(
            read(),
            "INIT_REPORT Init Duration: 2.00 ms\tPhase: init\tStatus: error\t\
             Error Type: Runtime.ExitError"
        );
    }

    #[test]
    fn a_report_counts_the_init_as_billed() {
        let report = Report {
            duration: Duration::from_micros(1_200),
            memory_mb: 128,
            init: Some(Duration::from_millis(10)),
            error_type: Some("Runtime.ExitError"),
        };
        let request = RequestId::parse("6f1e8f1c-7a5b-4c0e-8f0a-1f2e3d4c5b6a").unwrap();
        assert_eq!(
            report.line(request),
            "REPORT RequestId: 6f1e8f1c-7a5b-4c0e-8f0a-1f2e3d4c5b6a\tDuration: 1.20 ms\t\
             Billed Duration: 12 ms\tMemory Size: 128 MB\tInit Duration: 10.00 ms\t\
             Status: error\tError Type: Runtime.ExitError"
        );
    }
}
