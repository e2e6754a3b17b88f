//! `load`: sends events and reports; Ctrl-C ends it early, with a report all the same.

use std::num::NonZeroU32;

use jiff::Timestamp;
use load::{Amount, LoadConfig, LoadError, Pace, Report, Scenario, Snapshot};
use tokio_util::sync::CancellationToken;

use crate::args::{Load, Place};
use crate::data_folder::{self, Layout};
use crate::failure::CommandError;
use crate::terminal::{self, Waiting};
use crate::{locate, running, tables};

/// What is sent unless an amount is given.
const REQUESTS_DEFAULT: u64 = 1_000;

pub(super) async fn run(place: &Place, options: Load) -> Result<(), CommandError> {
    let layout = locate::data(place)?;
    let json = options.json;
    let config = config(&layout, options)?;
    data_folder::make_ours(layout.root())?;
    let (url, outcomes) = (config.url.clone(), load::OutcomeFile::path(&layout.load(), config.run));
    let report = send(config).await?;
    terminal::out(if json { tables::json(&report) } else { text(&report) })?;
    terminal::note(format!("outcomes are in {}", outcomes.display()));
    if report.sent == 0 && report.failed > 0 {
        return Err(CommandError::NothingSent { url: url.to_string() });
    }
    Ok(())
}

async fn send(config: LoadConfig) -> Result<Report, LoadError> {
    let cancel = config.cancel.clone();
    let waiting = Waiting::start("sending");
    let running = load::run(config, |snapshot| show(&waiting, snapshot));
    tokio::pin!(running);
    tokio::select! {
        report = &mut running => report,
        _ = tokio::signal::ctrl_c() => {
            cancel.cancel();
            running.await
        }
    }
}

fn config(layout: &Layout, options: Load) -> Result<LoadConfig, CommandError> {
    let url = if let Some(url) = options.url {
        url
    } else {
        let gateway = running::find(layout)?.gateway;
        gateway.parse().map_err(|source| CommandError::Address { address: gateway, source })?
    };
    let scenario = Scenario::built_in(&options.scenario).expect("the parser takes no other");
    let amount = match options.duration {
        Some(duration) => Amount::Duration(duration),
        None => Amount::Requests(options.requests.unwrap_or(REQUESTS_DEFAULT)),
    };
    let connections = NonZeroU32::new(options.connections).expect("the parser takes 1 or more");
    Ok(LoadConfig {
        amount,
        pace: Pace::Closed { connections },
        started_ms: Timestamp::now().as_millisecond(),
        cancel: CancellationToken::new(),
        ..LoadConfig::new(url, scenario, layout.load())
    })
}

fn show(waiting: &Waiting, snapshot: &Snapshot) {
    let done = snapshot.sent + snapshot.failed;
    if let Some(requests) = snapshot.requests {
        waiting.progress(done, requests);
    }
    let troubles = snapshot.refused + snapshot.ambiguous + snapshot.failed;
    waiting.say(format!(
        "{done} sent, {:.0}/s, p50 {:.1} ms, p99 {:.1} ms, {troubles} not accepted",
        snapshot.rate, snapshot.p50_ms, snapshot.p99_ms
    ));
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

    use load::{Latencies, RunId};

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
        not accepted  1 x status 400
        ");
    }
}
