//! Copies what a process writes into its function's log, line by line.

use std::sync::Arc;

use rustix::io::ioctl_fionread;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};
use tokio::process::{ChildStderr, ChildStdout};
use tokio::sync::{mpsc, oneshot};

use crate::ids::EnvironmentId;
use crate::logs::LogSink;

/// Longer lines are cut into several, as `CloudWatch` does with events over 256 KB.
const LINE_BYTES_MAX: usize = 256 * 1024;

/// Whoever is told when everything that a process has written so far is in its log.
pub(crate) type CaughtUp = oneshot::Sender<()>;

/// Something that a process writes to.
pub(super) trait Source: AsyncRead + Unpin {
    /// Whether something is written and not read.
    fn has_more(&self) -> bool;
}

impl Source for ChildStdout {
    fn has_more(&self) -> bool {
        ioctl_fionread(self).is_ok_and(|bytes| bytes > 0)
    }
}

impl Source for ChildStderr {
    fn has_more(&self) -> bool {
        ioctl_fionread(self).is_ok_and(|bytes| bytes > 0)
    }
}

/// Reads to the end, and tells those who ask when it has caught up. Bytes that are not UTF-8 are
/// replaced.
pub(super) async fn copy(
    source: impl Source,
    environment: EnvironmentId,
    logs: Arc<LogSink>,
    mut questions: mpsc::Receiver<CaughtUp>,
) {
    let mut reader = BufReader::new(source);
    let mut line = Vec::new();
    let mut waiting: Vec<CaughtUp> = Vec::new();
    let write = |line: &mut Vec<u8>| {
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        logs.write(environment, String::from_utf8_lossy(line).into_owned());
        line.clear();
    };
    loop {
        if !waiting.is_empty() && reader.buffer().is_empty() && !reader.get_ref().has_more() {
            for caught_up in waiting.drain(..) {
                // Whoever asked may not wait any more.
                let _gone = caught_up.send(());
            }
        }
        let chunk = tokio::select! {
            chunk = reader.fill_buf() => chunk,
            Some(question) = questions.recv() => {
                waiting.push(question);
                continue;
            }
        };
        // A pipe that cannot be read has ended.
        let Some(chunk) = chunk.ok().filter(|chunk| !chunk.is_empty()) else { break };
        let room = LINE_BYTES_MAX - line.len();
        let within = &chunk[..chunk.len().min(room)];
        let end = within.iter().position(|byte| *byte == b'\n');
        let taken = end.unwrap_or(within.len());
        line.extend_from_slice(&within[..taken]);
        reader.consume(taken + usize::from(end.is_some()));
        if end.is_some() || line.len() == LINE_BYTES_MAX {
            write(&mut line);
        }
    }
    if !line.is_empty() {
        write(&mut line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Logging;

    impl Source for &[u8] {
        fn has_more(&self) -> bool {
            !self.is_empty()
        }
    }

    async fn lines_of(written: &[u8]) -> Vec<String> {
        let (sender, mut reader) = mpsc::channel(64);
        let sink = Arc::new(LogSink::new(Arc::from("f"), &Logging::default(), sender));
        copy(written, EnvironmentId(1), sink, mpsc::channel(1).1).await;
        std::iter::from_fn(|| reader.try_recv().ok()).map(|line| line.text).collect()
    }

    #[tokio::test]
    async fn lines_lose_their_ends_and_the_last_needs_none() {
        assert_eq!(lines_of(b"one\r\n\ntwo\nthree").await, ["one", "", "two", "three"]);
    }

    #[tokio::test]
    async fn a_line_without_end_is_cut() {
        let lines = lines_of(&vec![b'x'; LINE_BYTES_MAX + 1]).await;
        assert_eq!(lines.iter().map(String::len).collect::<Vec<_>>(), [LINE_BYTES_MAX, 1]);
    }

    #[tokio::test]
    async fn bytes_that_are_not_text_are_replaced() {
        assert_eq!(lines_of(b"a\xffb\n").await, ["a\u{fffd}b"]);
    }
}
