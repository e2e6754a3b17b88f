//! Where output goes: the functions' own lines and Lambda's lines about them.
//!
//! Logging never waits: a reader that is too slow loses lines, and is told how many.

mod lines;
mod tail;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::mpsc;

use self::lines::Wording;
pub(crate) use self::lines::{InitReport, Report};
use self::tail::Tails;
use crate::config::{LogLine, Logging};
use crate::ids::{EnvironmentId, RequestId};

/// The log of one function.
#[derive(Debug)]
pub(crate) struct LogSink {
    function: Arc<str>,
    wording: Wording,
    lines: mpsc::Sender<LogLine>,
    dropped: AtomicU64,
    tails: Tails,
}

impl LogSink {
    pub(crate) fn new(function: Arc<str>, logging: &Logging, lines: mpsc::Sender<LogLine>) -> Self {
        let (dropped, tails) = (AtomicU64::new(0), Tails::default());
        Self { function, wording: Wording::of(logging), lines, dropped, tails }
    }

    /// Passes a line on, or counts it as dropped.
    pub(crate) fn write(&self, environment: EnvironmentId, text: String) {
        self.tails.push(environment, &text);
        // Nearly always none: a look is cheaper than an exchange.
        if self.dropped.load(Ordering::Relaxed) > 0 {
            let dropped = self.dropped.swap(0, Ordering::Relaxed);
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
        if let Some(line) = self.wording.start(request) {
            self.write(environment, line);
        }
    }

    pub(crate) fn end(&self, environment: EnvironmentId, request: RequestId, report: &Report) {
        let lines = [self.wording.end(request, report), self.wording.report(request, report)];
        for line in lines.into_iter().flatten() {
            self.write(environment, line);
        }
    }

    /// Tells of an environment that did not become ready: nobody else would say so.
    pub(crate) fn init_failed(&self, environment: EnvironmentId, report: &InitReport) {
        for line in self.wording.init_failed(report) {
            self.write(environment, line);
        }
    }

    /// From now on the environment's lines are kept for [`LogSink::end_tail`].
    pub(crate) fn begin_tail(&self, environment: EnvironmentId, request: RequestId) {
        self.tails.begin(environment, request);
    }

    /// The last 4 KB since [`LogSink::begin_tail`].
    pub(crate) fn end_tail(&self, environment: EnvironmentId, request: RequestId) -> String {
        self.tails.end(environment, request)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENVIRONMENT: EnvironmentId = EnvironmentId(1);

    #[test]
    fn a_full_log_drops_lines_and_says_how_many() {
        let (lines, mut reader) = mpsc::channel(2);
        let sink = LogSink::new(Arc::from("f"), &Logging::default(), lines);
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
}
