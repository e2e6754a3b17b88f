//! `load`: sends events and reports; Ctrl-C or SIGTERM ends it early, with a report all the same.

mod faults;
mod page;
mod plan;

use std::time::Duration;

use load::{LoadConfig, LoadError, Mark, Report, Snapshot};

use crate::args::{Load, Place};
use crate::data_folder;
use crate::failure::CommandError;
use crate::faults::Running;
use crate::interrupt::Interrupts;
use crate::terminal::{self, Waiting};
use crate::{locate, running, tables};
use faults::WithFaults;

/// Waits for a connection that are worth a line.
const WAIT_MS_SHOWN: f64 = 10.0;

/// The rate that is shown is that of so long.
const RATE_SPAN: Duration = Duration::from_secs(1);

pub(super) async fn run(place: &Place, options: Load) -> Result<(), CommandError> {
    let mut interrupts = Interrupts::listen().map_err(CommandError::Runtime)?;
    let layout = locate::data(place)?;
    let prepared = tokio::select! {
        prepared = faults::prepare(&layout, &options.faults, options.url.as_ref()) => prepared?,
        () = interrupts.next() => return Err(CommandError::Forced),
    };
    let config = plan::config(&layout, &options).await?;
    data_folder::make_ours(layout.root())?;
    let (url, outcomes) = (config.url.clone(), load::OutcomeFile::path(&layout.load(), config.run));
    let html = match options.html {
        Some(path) => {
            let ours = options.url.is_none().then(|| running::find(&layout)).transpose()?;
            Some((path, page::About::start(&config, ours.map(|ours| ours.control()))))
        }
        None => None,
    };
    let broken = faults::start(prepared, &config).await?;
    let report = send(config, broken.as_ref(), &mut interrupts).await;
    // Also where there is no report: nothing may stay broken.
    let (faults, done) = faults::finish(broken).await;
    let report = report?;
    let with_faults = WithFaults { report: &report, faults: faults.as_ref() };
    terminal::out(if options.json { tables::json(&with_faults) } else { text(&report) })?;
    terminal::note(format!("outcomes are in {}", outcomes.display()));
    if let Some((path, about)) = html {
        let marks = faults.iter().flat_map(faults::marks).map(|(at, label)| Mark { at, label });
        about.write(&path, &report, &marks.collect::<Vec<_>>()).await?;
        terminal::note(format!("charts are in {}", path.display()));
    }
    done?;
    if report.sent == 0 && report.failed > 0 {
        return Err(CommandError::NothingSent { url: url.to_string() });
    }
    Ok(())
}

async fn send(
    config: LoadConfig,
    broken: Option<&Running>,
    interrupts: &mut Interrupts,
) -> Result<Report, LoadError> {
    let cancel = config.cancel.clone();
    let waiting = Waiting::start("sending");
    let mut pace = Pace::default();
    let running = load::run(config, |snapshot| {
        show(&waiting, snapshot, pace.at(snapshot));
        if let Some(broken) = broken {
            broken.sent(snapshot.sent);
        }
    });
    tokio::pin!(running);
    tokio::select! {
        report = &mut running => report,
        () = interrupts.next() => {
            cancel.cancel();
            running.await
        }
    }
}

/// The rate of late, from one snapshot to another.
#[derive(Debug, Default)]
struct Pace {
    since: Duration,
    sent: u64,
    rate: Option<f64>,
}

impl Pace {
    #[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
    fn at(&mut self, snapshot: &Snapshot) -> f64 {
        let span = snapshot.elapsed.saturating_sub(self.since);
        if span >= RATE_SPAN {
            self.rate = Some((snapshot.sent - self.sent) as f64 / span.as_secs_f64());
            (self.since, self.sent) = (snapshot.elapsed, snapshot.sent);
        }
        self.rate.unwrap_or(snapshot.rate)
    }
}

fn show(waiting: &Waiting, snapshot: &Snapshot, rate: f64) {
    let done = snapshot.sent + snapshot.failed;
    if let Some(requests) = snapshot.requests {
        waiting.progress(done, requests);
    }
    waiting.say(line(snapshot, rate));
}

/// How far a load is, in one line.
fn line(snapshot: &Snapshot, rate: f64) -> String {
    let Snapshot { in_flight, waiting, p50_ms, p99_ms, .. } = snapshot;
    let queue = if *waiting > 0 { format!(" and {waiting} waiting") } else { String::new() };
    let now = format!("{rate:.0}/s, {in_flight} in flight{queue}");
    let latency = format!("p50 {p50_ms:.1} ms, p99 {p99_ms:.1} ms");
    let errors = snapshot.errors.iter().flatten();
    let errors = errors.map(|(fault, count)| format!("{count} x {fault}"));
    [now, latency].into_iter().chain(errors).collect::<Vec<_>>().join(", ")
}

/// The report for people.
fn text(report: &Report) -> String {
    let latency = &report.latency_ms;
    let mut rows = vec![
        tables::row(["sent", &report.sent.to_string()]),
        tables::row(["accepted", &report.accepted.to_string()]),
        tables::row(["refused", &report.refused.to_string()]),
        tables::row(["ambiguous", &report.ambiguous.to_string()]),
        tables::row(["failed", &report.failed.to_string()]),
        tables::row(["duration", &format!("{:.2} s", report.duration_s)]),
        tables::row(["rate", &format!("{:.0}/s", report.rate)]),
        tables::row([
            "latency",
            &format!(
                "p50 {:.1}  p90 {:.1}  p99 {:.1}  p99.9 {:.1}  max {:.1} ms",
                latency.p50, latency.p90, latency.p99, latency.p999, latency.max
            ),
        ]),
    ];
    let wait = &report.wait_ms;
    if wait.max >= WAIT_MS_SHOWN {
        let wait =
            format!("p50 {:.1}  p99 {:.1}  max {:.1} ms of it", wait.p50, wait.p99, wait.max);
        rows.push(tables::row(["waiting", &wait]));
    }
    rows.extend(
        report
            .errors
            .iter()
            .map(|(reason, count)| tables::row(["not accepted", &format!("{count} x {reason}")])),
    );
    tables::aligned(&rows)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use load::{Fault, Latencies, RunId};

    use super::*;

    #[test]
    fn the_report_names_every_outcome() {
        let report = Report {
            sent: 10,
            accepted: 8,
            refused: 1,
            ambiguous: 1,
            failed: 0,
            duration_s: 0.5,
            rate: 20.0,
            latency_ms: Latencies { p50: 1.0, p90: 2.0, p99: 3.0, p999: 4.0, max: 5.25 },
            run: "0000000a".parse::<RunId>().unwrap(),
            errors: BTreeMap::from([("status 400".to_owned(), 1)]),
            wait_ms: Latencies { max: 12.0, ..Latencies::default() },
            ..Report::default()
        };
        insta::assert_snapshot!(text(&report), @r"
        sent          10
        accepted      8
        refused       1
        ambiguous     1
        failed        0
        duration      0.50 s
        rate          20/s
        latency       p50 1.0  p90 2.0  p99 3.0  p99.9 4.0  max 5.2 ms
        waiting       p50 0.0  p99 0.0  max 12.0 ms of it
        not accepted  1 x status 400
        ");
    }

    #[test]
    fn the_line_of_a_load_tells_what_is_wrong_with_it() {
        let mut snapshot = Snapshot {
            elapsed: Duration::from_secs(2),
            requests: None,
            sent: 300,
            accepted: 290,
            refused: 10,
            ambiguous: 0,
            failed: 0,
            in_flight: 7,
            waiting: 0,
            rate: 150.0,
            p50_ms: 1.0,
            p99_ms: 2.25,
            errors: [Some((Fault::Status(429), 10)), None, None],
        };
        let mut pace = Pace::default();
        assert_eq!(
            line(&snapshot, pace.at(&snapshot)),
            "150/s, 7 in flight, p50 1.0 ms, p99 2.2 ms, 10 x status 429"
        );
        (snapshot.elapsed, snapshot.sent, snapshot.waiting) = (Duration::from_secs(3), 800, 5);
        assert!(
            line(&snapshot, pace.at(&snapshot)).starts_with("500/s, 7 in flight and 5 waiting")
        );
    }
}
