//! JSON lines on standard output. Knows no variable and no function.

use tracing::{Subscriber, level_filters::LevelFilter};
use tracing_subscriber::{
    filter::Targets,
    fmt::{self, MakeWriter},
    layer::SubscriberExt,
    registry,
    util::SubscriberInitExt,
};

/// Libraries that below `info` tell of every connection, and at `trace` also show bodies and signed requests. Theirs is
/// shown from `info` on, whatever is asked for. A name stands for all that begin with it.
const TALKATIVE: [&str; 5] = ["aws_", "h2", "hyper", "lambda_", "rustls"];

/// How much is logged: the values of `AWS_LAMBDA_LOG_LEVEL`
/// ("Setting log level filtering", AWS Lambda developer guide, "Using Lambda advanced logging controls").
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Level {
    /// Everything of ours; of the libraries that handle requests no more than at `Info`.
    Trace,
    /// Once per record.
    Debug,
    /// Once per invocation or batch.
    #[default]
    Info,
    /// Degraded, but handled.
    Warn,
    /// Somebody must act.
    Error,
    /// Shown as errors: the program has no worse ones.
    Fatal,
}

impl Level {
    /// The spellings AWS uses.
    pub const SPELLINGS: &[(&str, Self)] = &[
        ("TRACE", Self::Trace),
        ("DEBUG", Self::Debug),
        ("INFO", Self::Info),
        ("WARN", Self::Warn),
        ("ERROR", Self::Error),
        ("FATAL", Self::Fatal),
    ];

    fn filter(self) -> LevelFilter {
        match self {
            Self::Trace => LevelFilter::TRACE,
            Self::Debug => LevelFilter::DEBUG,
            Self::Info => LevelFilter::INFO,
            Self::Warn => LevelFilter::WARN,
            Self::Error | Self::Fatal => LevelFilter::ERROR,
        }
    }
}

/// Logs everything from now on, in the whole process. Fails when something else already does.
pub fn init(level: Level) -> Result<(), LogsInitError> {
    logs(level, std::io::stdout)
        .try_init()
        .map_err(|source| LogsInitError { source: source.into() })
}

/// Logs could not be set up.
#[derive(Debug, thiserror::Error)]
#[error("failed to set up logs")]
pub struct LogsInitError {
    source: Box<dyn std::error::Error + Send + Sync>,
}

fn logs(
    level: Level,
    writer: impl for<'w> MakeWriter<'w> + Send + Sync + 'static,
) -> impl Subscriber + Send + Sync {
    let lines = fmt::layer()
        .json()
        .flatten_event(true)
        .with_current_span(true)
        .with_span_list(false)
        .with_writer(writer);
    registry().with(lines).with(targets(level))
}

fn targets(level: Level) -> Targets {
    let all = Targets::new().with_default(level.filter());
    match level {
        Level::Trace | Level::Debug => {
            all.with_targets(TALKATIVE.map(|library| (library, LevelFilter::INFO)))
        }
        Level::Info | Level::Warn | Level::Error | Level::Fatal => all,
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::{self, Write},
        sync::{Arc, Mutex},
    };

    use serde_json::Value;

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(level: Level, act: impl FnOnce()) -> Vec<Value> {
        let lines = Lines::default();
        let writer = lines.clone();
        tracing::subscriber::with_default(logs(level, move || writer.clone()), act);
        let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn a_line_is_an_object_with_dotted_fields() {
        let lines = logged(Level::Info, || {
            let span = tracing::info_span!("invocation", request.id = "r-1");
            let _entered = span.enter();
            tracing::info!(kafka.partition = 3, "Event registered");
        });
        let [line] = &lines[..] else { panic!("{lines:?}") };
        assert_eq!(line["message"], "Event registered");
        assert_eq!(line["level"], "INFO");
        assert_eq!(line["kafka.partition"], 3);
        assert_eq!(line["span"]["request.id"], "r-1");
        assert!(line["timestamp"].is_string(), "{line}");
    }

    #[test]
    fn what_is_below_the_level_is_not_logged() {
        let act = || {
            tracing::debug!("a");
            tracing::info!("b");
            tracing::warn!("c");
            tracing::error!("d");
        };
        assert_eq!(logged(Level::Debug, act).len(), 4);
        assert_eq!(logged(Level::Info, act).len(), 3);
        assert_eq!(logged(Level::Warn, act).len(), 2);
        assert_eq!(logged(Level::Fatal, act).len(), 1);
    }

    #[test]
    fn libraries_never_show_what_passes_through_them() {
        let act = || {
            tracing::trace!(target: "lambda_runtime::layers::trace", body = "secret", "raw event");
            tracing::trace!(target: "aws_sigv4::http_request::sign", token = "secret", "signing");
            tracing::debug!(target: "hyper_util::client", "pooling");
            tracing::info!(target: "hyper_util::client", "news");
            tracing::trace!("ours");
        };
        assert_eq!(logged(Level::Trace, act).len(), 2);
        assert_eq!(logged(Level::Debug, act).len(), 1);
        assert_eq!(logged(Level::Warn, act).len(), 0);
    }
}
