//! How Lambda words its own lines, as text and as JSON. It writes nothing.
//!
//! Sources: <https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-loglevel.html>,
//! <https://docs.aws.amazon.com/lambda/latest/dg/telemetry-schema-reference.html>

use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use crate::config::{LogFormat, Logging, SystemLogLevel};
use crate::failure::Failure;
use crate::ids::RequestId;
use crate::pool::InitPhase;

/// What a REPORT line tells.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) duration: Duration,
    pub(crate) memory_mb: u32,
    /// The most the environment ever had, where the system tells.
    pub(crate) used_mb: Option<u32>,
    /// On the first invocation of an environment.
    pub(crate) init: Option<Duration>,
    /// AWS's error type, where the function did not answer itself.
    pub(crate) error_type: Option<&'static str>,
}

/// What an `INIT_REPORT` line tells of an environment that did not become ready.
#[derive(Debug)]
pub(crate) struct InitReport {
    pub(crate) duration: Duration,
    pub(crate) phase: InitPhase,
    pub(crate) failure: Failure,
}

/// A function's wording, and which lines are worth writing.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wording {
    format: LogFormat,
    level: SystemLogLevel,
}

/// A JSON line of Lambda's.
#[derive(Serialize)]
struct Line<'a, R> {
    time: String,
    r#type: &'a str,
    record: R,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Record<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    initialization_type: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    phase: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metrics: Option<Metrics>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_type: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Metrics {
    duration_ms: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    billed_duration_ms: Option<u64>,
    #[serde(rename = "memorySizeMB", skip_serializing_if = "Option::is_none")]
    memory_size_mb: Option<u32>,
    #[serde(rename = "maxMemoryUsedMB", skip_serializing_if = "Option::is_none")]
    max_memory_used_mb: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    init_duration_ms: Option<f64>,
}

impl Wording {
    pub(super) fn of(logging: &Logging) -> Self {
        // Levels are for JSON only; text has every line.
        let level = match logging.format {
            LogFormat::Text => SystemLogLevel::Debug,
            LogFormat::Json => logging.system_level,
        };
        Self { format: logging.format, level }
    }

    pub(super) fn start(self, request: RequestId) -> Option<String> {
        self.at(SystemLogLevel::Info, || match self.format {
            LogFormat::Text => format!("START RequestId: {request} Version: $LATEST"),
            LogFormat::Json => {
                let version = Some("$LATEST");
                json("platform.start", Record { version, ..Record::about(request) })
            }
        })
    }

    pub(super) fn end(self, request: RequestId, report: &Report) -> Option<String> {
        self.at(report.level(SystemLogLevel::Debug), || match self.format {
            LogFormat::Text => format!("END RequestId: {request}"),
            LogFormat::Json => {
                let metrics = Metrics::of(report.duration);
                let record = Record { metrics: Some(metrics), ..report.record(request) };
                json("platform.runtimeDone", record)
            }
        })
    }

    pub(super) fn report(self, request: RequestId, report: &Report) -> Option<String> {
        self.at(report.level(SystemLogLevel::Info), || match self.format {
            LogFormat::Text => report.text(request),
            LogFormat::Json => {
                let metrics = Metrics {
                    billed_duration_ms: Some(report.billed_ms()),
                    memory_size_mb: Some(report.memory_mb),
                    max_memory_used_mb: report.used_mb,
                    init_duration_ms: report.init.map(ms),
                    ..Metrics::of(report.duration)
                };
                let record = Record { metrics: Some(metrics), ..report.record(request) };
                json("platform.report", record)
            }
        })
    }

    /// As text, how the process ended stands in a line of its own.
    pub(super) fn init_failed(self, report: &InitReport) -> Vec<String> {
        let phase = match report.phase {
            InitPhase::Init => "init",
            InitPhase::Invoke => "invoke",
        };
        let status = Status::of(Some(report.failure.error_type()));
        match self.format {
            LogFormat::Text => {
                let line = format!(
                    "INIT_REPORT Init Duration: {:.2} ms\tPhase: {phase}{}",
                    ms(report.duration),
                    status.text()
                );
                let exit = match &report.failure {
                    Failure::Exited(exit) => Some(format!("Error: {}", exit.reason())),
                    _ => None,
                };
                exit.into_iter().chain([line]).collect()
            }
            LogFormat::Json => {
                let record = Record {
                    initialization_type: Some("on-demand"),
                    phase: Some(phase),
                    metrics: Some(Metrics::of(report.duration)),
                    status: Some(status.name),
                    error_type: status.error_type,
                    ..Record::EMPTY
                };
                vec![json("platform.initReport", record)]
            }
        }
    }

    fn at(self, level: SystemLogLevel, line: impl FnOnce() -> String) -> Option<String> {
        (level >= self.level).then(line)
    }
}

impl Record<'_> {
    const EMPTY: Self = Record {
        request_id: None,
        version: None,
        initialization_type: None,
        phase: None,
        metrics: None,
        status: None,
        error_type: None,
    };

    fn about(request: RequestId) -> Self {
        Record { request_id: Some(request.to_string()), ..Record::EMPTY }
    }
}

impl Metrics {
    fn of(duration: Duration) -> Self {
        Self {
            duration_ms: ms(duration),
            billed_duration_ms: None,
            memory_size_mb: None,
            max_memory_used_mb: None,
            init_duration_ms: None,
        }
    }
}

/// How something ended.
#[derive(Clone, Copy, Debug)]
struct Status {
    name: &'static str,
    /// Where its name does not say it all.
    error_type: Option<&'static str>,
}

impl Status {
    fn of(error_type: Option<&'static str>) -> Self {
        match error_type {
            None => Self { name: "success", error_type },
            Some("Sandbox.Timedout") => Self { name: "timeout", error_type: None },
            Some(_) => Self { name: "error", error_type },
        }
    }

    /// The end of a line; nothing for a success.
    fn text(self) -> String {
        match self {
            Self { name: "success", .. } => String::new(),
            Self { name, error_type: None } => format!("\tStatus: {name}"),
            Self { name, error_type: Some(error_type) } => {
                format!("\tStatus: {name}\tError Type: {error_type}")
            }
        }
    }
}

impl Report {
    /// Failures are warnings.
    fn level(&self, success: SystemLogLevel) -> SystemLogLevel {
        if self.error_type.is_some() { SystemLogLevel::Warn } else { success }
    }

    fn billed_ms(&self) -> u64 {
        let billed = (self.duration + self.init.unwrap_or_default()).as_micros().div_ceil(1_000);
        u64::try_from(billed).unwrap_or(u64::MAX)
    }

    fn record(&self, request: RequestId) -> Record<'_> {
        let Status { name, error_type } = Status::of(self.error_type);
        Record { status: Some(name), error_type, ..Record::about(request) }
    }

    /// Tab-separated, as in `CloudWatch`.
    fn text(&self, request: RequestId) -> String {
        let used =
            self.used_mb.map_or_else(String::new, |mb| format!("\tMax Memory Used: {mb} MB"));
        let init = self
            .init
            .map_or_else(String::new, |init| format!("\tInit Duration: {:.2} ms", ms(init)));
        let status = Status::of(self.error_type).text();
        format!(
            "REPORT RequestId: {request}\tDuration: {:.2} ms\tBilled Duration: {} ms\t\
             Memory Size: {} MB{used}{init}{status}",
            ms(self.duration),
            self.billed_ms(),
            self.memory_mb
        )
    }
}

fn json(kind: &str, record: Record<'_>) -> String {
    let line = Line { time: format!("{:.3}", Timestamp::now()), r#type: kind, record };
    serde_json::to_string(&line).expect("texts and numbers are always JSON")
}

/// To the microsecond.
fn ms(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::failure::Exit;

    const REQUEST: &str = "6f1e8f1c-7a5b-4c0e-8f0a-1f2e3d4c5b6a";

    fn request() -> RequestId {
        RequestId::parse(REQUEST).unwrap()
    }

    fn wording(format: LogFormat, system_level: SystemLogLevel) -> Wording {
        Wording::of(&Logging { format, system_level, group: None })
    }

    fn report(error_type: Option<&'static str>) -> Report {
        Report {
            duration: Duration::from_micros(1_200),
            memory_mb: 128,
            used_mb: Some(20),
            init: Some(Duration::from_millis(10)),
            error_type,
        }
    }

    /// The type and the record of a JSON line.
    fn read(line: Option<String>) -> (String, Value) {
        let mut line: Value = serde_json::from_str(&line.unwrap()).unwrap();
        line["time"].as_str().unwrap().parse::<Timestamp>().unwrap();
        (line["type"].as_str().unwrap().to_owned(), line["record"].take())
    }

    #[test]
    fn a_report_counts_the_init_as_billed() {
        let text = wording(LogFormat::Text, SystemLogLevel::Warn);
        assert_eq!(
            text.report(request(), &report(Some("Runtime.ExitError"))).unwrap(),
            format!(
                "REPORT RequestId: {REQUEST}\tDuration: 1.20 ms\tBilled Duration: 12 ms\t\
                 Memory Size: 128 MB\tMax Memory Used: 20 MB\tInit Duration: 10.00 ms\t\
                 Status: error\tError Type: Runtime.ExitError"
            )
        );
        let line = text.report(request(), &report(Some("Sandbox.Timedout"))).unwrap();
        assert!(line.ends_with("\tStatus: timeout"), "{line}");
    }

    #[test]
    fn json_lines_are_platform_events() {
        let json = wording(LogFormat::Json, SystemLogLevel::Debug);
        assert_eq!(
            read(json.start(request())),
            ("platform.start".to_owned(), json!({ "requestId": REQUEST, "version": "$LATEST" }))
        );
        let (kind, record) = read(json.end(request(), &report(None)));
        assert_eq!(kind, "platform.runtimeDone");
        let metrics = json!({ "durationMs": 1.2 });
        assert_eq!(
            record,
            json!({ "requestId": REQUEST, "metrics": metrics, "status": "success" })
        );
        let (kind, record) = read(json.report(request(), &report(Some("Runtime.ExitError"))));
        assert_eq!(kind, "platform.report");
        let metrics = json!({
            "durationMs": 1.2, "billedDurationMs": 12, "memorySizeMB": 128,
            "maxMemoryUsedMB": 20, "initDurationMs": 10.0,
        });
        assert_eq!(
            record,
            json!({
                "requestId": REQUEST, "metrics": metrics,
                "status": "error", "errorType": "Runtime.ExitError",
            })
        );
    }

    #[test]
    fn the_system_level_decides_which_json_lines_are_written() {
        let info = wording(LogFormat::Json, SystemLogLevel::Info);
        assert!(info.start(request()).is_some());
        assert!(info.end(request(), &report(None)).is_none());
        let warn = wording(LogFormat::Json, SystemLogLevel::Warn);
        assert!(warn.start(request()).is_none());
        assert!(warn.report(request(), &report(None)).is_none());
        assert!(warn.report(request(), &report(Some("Sandbox.Timedout"))).is_some());
    }

    #[test]
    fn a_failed_init_is_told_with_its_reason() {
        let fail = |format, failure, phase| {
            let report = InitReport { duration: Duration::from_millis(2), phase, failure };
            wording(format, SystemLogLevel::Info).init_failed(&report)
        };
        let exited = || Failure::Exited(Exit::Status(64));
        assert_eq!(
            fail(LogFormat::Text, exited(), InitPhase::Init),
            [
                "Error: Runtime exited with error: exit status 64",
                "INIT_REPORT Init Duration: 2.00 ms\tPhase: init\tStatus: error\t\
                 Error Type: Runtime.ExitError",
            ]
        );
        let late = || Failure::InitTimedOut(Duration::from_millis(2));
        assert_eq!(
            fail(LogFormat::Text, late(), InitPhase::Invoke),
            ["INIT_REPORT Init Duration: 2.00 ms\tPhase: invoke\tStatus: timeout"]
        );
        let (kind, record) = read(fail(LogFormat::Json, exited(), InitPhase::Init).pop());
        assert_eq!((kind.as_str(), &record["status"]), ("platform.initReport", &json!("error")));
        let (_, record) = read(fail(LogFormat::Json, late(), InitPhase::Invoke).pop());
        assert_eq!((&record["status"], &record["phase"]), (&json!("timeout"), &json!("invoke")));
        assert_eq!(record.get("errorType"), None);
    }
}
