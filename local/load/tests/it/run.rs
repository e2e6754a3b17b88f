//! What a run reports, and that its outcome file says the same.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Duration;

use load::{Amount, LoadConfig, Outcome, OutcomeFile, Pace, Report, Scenario, Snapshot};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

use crate::server::{Act, Server};

/// A generous bound on everything that is waited for.
const SOON: Duration = Duration::from_secs(30);

const ACCEPTED: Act = Act::Answer(202, "{}");

fn config(url: http::Uri, directory: &Path, requests: u64, connections: u32) -> LoadConfig {
    LoadConfig {
        amount: Amount::Requests(requests),
        pace: Pace::Closed { connections: NonZeroU32::new(connections).unwrap() },
        started_ms: 1_700_000_000_000,
        ..LoadConfig::new(url, Scenario::built_in("events").unwrap(), directory.to_owned())
    }
}

async fn run(config: LoadConfig) -> (Report, OutcomeFile, Vec<Snapshot>) {
    let path = OutcomeFile::path(&config.directory, config.run);
    let mut snapshots = Vec::new();
    let run = load::run(config, |snapshot| snapshots.push(*snapshot));
    let report = timeout(SOON, run).await.expect("the run ends").unwrap();
    let file = OutcomeFile::open(&path).unwrap();
    check_file(&report, &file);
    (report, file, snapshots)
}

/// The file must tell the same story as the report.
#[track_caller]
fn check_file(report: &Report, file: &OutcomeFile) {
    let mut counts = BTreeMap::new();
    for outcome in file.outcomes() {
        *counts.entry(outcome).or_insert(0_u64) += 1;
    }
    let count = |outcome| counts.get(&outcome).copied().unwrap_or(0);
    assert_eq!(count(Outcome::Accepted), report.accepted);
    assert_eq!(count(Outcome::Refused), report.refused);
    assert_eq!(count(Outcome::Ambiguous), report.ambiguous);
    assert_eq!(count(Outcome::NotSent), report.failed);
    assert_eq!(report.sent, report.accepted + report.refused + report.ambiguous);
}

fn errors(report: &Report) -> Vec<(&str, u64)> {
    report.errors.iter().map(|(error, count)| (error.as_str(), *count)).collect()
}

#[tokio::test]
async fn every_request_is_sent_once_over_connections_that_stay_open() {
    let server = Server::start(|_| ACCEPTED).await;
    let folder = TempDir::new().unwrap();
    let (report, file, snapshots) = run(config(server.url(), folder.path(), 1_000, 8)).await;
    assert_eq!((report.sent, report.accepted, report.failed), (1_000, 1_000, 0));
    assert!(report.errors.is_empty());
    assert!(report.rate > 0.0 && report.latency_ms.max >= report.latency_ms.p50);
    assert_eq!(server.connections(), 8);

    let bodies: BTreeSet<String> = server.bodies().into_iter().collect();
    assert_eq!(bodies.len(), 1_000);
    let scenario = Scenario::built_in("events").unwrap();
    for sequence in 0..1_000 {
        let body = scenario.body(report.run, sequence);
        assert!(bodies.contains(str::from_utf8(&body).unwrap()));
    }
    let header = file.header();
    assert_eq!((header.run, header.requests), (report.run, Some(1_000)));
    assert_eq!((header.scenario.as_str(), header.started_ms), ("events", 1_700_000_000_000));
    assert_eq!(header.url, server.url().to_string());

    let last = snapshots.last().unwrap();
    assert_eq!((last.sent, last.in_flight, last.requests), (1_000, 0, Some(1_000)));
}

#[tokio::test]
async fn answers_are_judged_by_what_they_say_about_the_effect() {
    let server = Server::start(|sequence| match sequence {
        0 => Act::Answer(400, ""),
        1 => Act::Answer(500, ""),
        2 => Act::Postpone,
        3 => Act::Answer(503, r#"{"message":"outcome unknown"}"#),
        4 => Act::Answer(413, ""),
        _ => ACCEPTED,
    })
    .await;
    let folder = TempDir::new().unwrap();
    let (report, file, _) = run(config(server.url(), folder.path(), 6, 1)).await;
    let outcomes: Vec<_> = file.outcomes().map(|outcome| char::from(outcome.byte())).collect();
    assert_eq!(outcomes, ['r', '?', 'r', '?', 'r', 'a']);
    assert_eq!(
        errors(&report),
        [("status 400", 1), ("status 413", 1), ("status 500", 1), ("status 503", 2)]
    );
}

#[tokio::test]
async fn an_answer_that_is_lost_is_ambiguous_and_the_run_goes_on() {
    let server =
        Server::start(|sequence| if sequence % 4 == 1 { Act::Hang } else { ACCEPTED }).await;
    let folder = TempDir::new().unwrap();
    let (report, file, _) = run(config(server.url(), folder.path(), 40, 2)).await;
    assert_eq!((report.accepted, report.ambiguous, report.failed), (30, 10, 0));
    assert_eq!(errors(&report), [("connection lost", 10)]);
    assert_eq!(file.outcome(5), Outcome::Ambiguous);
    assert_eq!(server.bodies().len(), 40, "what may have had an effect is never sent again");
}

#[tokio::test]
async fn a_reset_after_the_request_was_read_is_ambiguous_and_the_run_goes_on() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    let (heard, resets) = (Arc::new(AtomicU32::new(0)), TaskTracker::new());
    let counted = Arc::clone(&heard);
    resets.spawn(async move {
        loop {
            let (mut stream, _peer) = listener.accept().await.unwrap();
            read_request(&mut stream).await;
            counted.fetch_add(1, Relaxed);
            stream.set_zero_linger().unwrap();
        }
    });
    let folder = TempDir::new().unwrap();
    let (report, ..) = run(config(url, folder.path(), 10, 1)).await;
    assert_eq!((report.sent, report.ambiguous, report.failed), (10, 10, 0));
    assert_eq!(errors(&report), [("connection lost", 10)]);
    assert_eq!(heard.load(Relaxed), 10, "what may have had an effect is never sent again");
}

/// Reads one request of the scenario `events`.
async fn read_request(stream: &mut TcpStream) {
    let mut request = [0; 4_096];
    let mut received = 0;
    while !request[..received].ends_with(b"}}") {
        received += stream.read(&mut request[received..]).await.unwrap();
    }
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_ambiguous_whatever_its_status() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    TaskTracker::new().spawn(async move {
        let (mut stream, _peer) = listener.accept().await.unwrap();
        read_request(&mut stream).await;
        let half = b"HTTP/1.1 202 Accepted\r\ncontent-length: 9\r\n\r\nhalf";
        stream.write_all(half).await.unwrap();
    });
    let folder = TempDir::new().unwrap();
    let (report, ..) = run(config(url, folder.path(), 1, 1)).await;
    assert_eq!((report.accepted, report.ambiguous), (0, 1));
    assert_eq!(errors(&report), [("connection lost", 1)]);
}

#[tokio::test]
async fn an_answer_that_does_not_come_in_time_is_ambiguous() {
    let server =
        Server::start(|sequence| if sequence == 1 { Act::Silence } else { ACCEPTED }).await;
    let folder = TempDir::new().unwrap();
    let mut config = config(server.url(), folder.path(), 3, 1);
    config.request_timeout = Duration::from_millis(500);
    let (report, file, _) = run(config).await;
    assert_eq!((report.accepted, report.ambiguous), (2, 1));
    assert_eq!(errors(&report), [("timed out", 1)]);
    assert_eq!(file.outcome(1), Outcome::Ambiguous);
    assert!(report.latency_ms.max >= 500.0, "waiting counts as latency");
}

#[tokio::test]
async fn a_request_is_repeated_where_the_old_connection_was_closed_in_good_order() {
    let server = Server::start(|_| Act::AcceptAndClose).await;
    let folder = TempDir::new().unwrap();
    let (report, ..) = run(config(server.url(), folder.path(), 20, 1)).await;
    assert_eq!((report.accepted, server.connections()), (20, 20));
}

#[tokio::test]
async fn a_server_that_dies_and_comes_back_makes_no_outcome_a_lie() {
    let first = Server::start(|_| ACCEPTED).await;
    let folder = TempDir::new().unwrap();
    let config = config(first.url(), folder.path(), 20_000, 4);
    let running = TaskTracker::new().spawn(async move { run(config).await });
    timeout(SOON, first.wait_for(100)).await.unwrap();
    first.kill().await;
    let second = Server::start_at(first.port(), |_| ACCEPTED).await;
    let (report, file, _) = timeout(SOON, running).await.unwrap().unwrap();
    assert_eq!(report.sent + report.failed, 20_000);

    let received: Vec<String> = first.bodies().into_iter().chain(second.bodies()).collect();
    let distinct: BTreeSet<&String> = received.iter().collect();
    assert_eq!(distinct.len(), received.len(), "nothing is sent twice");
    let scenario = Scenario::built_in("events").unwrap();
    for (sequence, outcome) in (0..).zip(file.outcomes()) {
        let body = scenario.body(report.run, sequence);
        let arrived = distinct.contains(&str::from_utf8(&body).unwrap().to_owned());
        match outcome {
            Outcome::Accepted => assert!(arrived, "{sequence} was accepted by nobody"),
            Outcome::NotSent | Outcome::Refused => assert!(!arrived, "{sequence} was sent"),
            Outcome::Ambiguous => {}
        }
    }
}

#[tokio::test]
async fn what_could_not_be_sent_has_failed() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    drop(listener);
    let folder = TempDir::new().unwrap();
    let (report, file, _) = run(config(url, folder.path(), 4, 2)).await;
    assert_eq!((report.sent, report.failed), (0, 4));
    assert_eq!(errors(&report), [("not connected", 4)]);
    assert_eq!(file.outcomes().len(), 4);
}

#[tokio::test]
async fn a_cancelled_run_stops_and_reports() {
    let server = Server::start(|_| ACCEPTED).await;
    let folder = TempDir::new().unwrap();
    let config = config(server.url(), folder.path(), 10_000_000, 4);
    let cancel = config.cancel.clone();
    let running = TaskTracker::new().spawn(async move { run(config).await });
    timeout(SOON, server.wait_for(100)).await.unwrap();
    cancel.cancel();
    let (report, file, snapshots) = timeout(SOON, running).await.unwrap().unwrap();
    assert!((100..10_000_000).contains(&report.sent));
    assert_eq!((report.accepted, report.failed), (report.sent, 0));
    assert_eq!(file.outcome(report.sent), Outcome::NotSent);
    assert_eq!(snapshots.last().unwrap().in_flight, 0);
}

#[tokio::test]
async fn a_cancelled_run_gives_up_answers_that_do_not_come() {
    let server = Server::start(|_| Act::Silence).await;
    let folder = TempDir::new().unwrap();
    let mut config = config(server.url(), folder.path(), 100, 3);
    config.cancel_grace = Duration::ZERO;
    let cancel = config.cancel.clone();
    let running = TaskTracker::new().spawn(async move { run(config).await });
    timeout(SOON, server.wait_for(3)).await.unwrap();
    cancel.cancel();
    let (report, ..) = timeout(SOON, running).await.unwrap().unwrap();
    assert_eq!((report.sent, report.ambiguous), (3, 3));
    assert_eq!(errors(&report), [("abandoned", 3)]);
}

#[tokio::test]
async fn a_run_over_a_time_ends_by_itself() {
    let server = Server::start(|_| ACCEPTED).await;
    let folder = TempDir::new().unwrap();
    let mut config = config(server.url(), folder.path(), 0, 2);
    config.amount = Amount::Duration(Duration::from_millis(300));
    let (report, file, snapshots) = run(config).await;
    assert!(report.sent > 0);
    assert_eq!(report.accepted, report.sent);
    assert_eq!(file.header().requests, None);
    assert_eq!(snapshots.last().unwrap().requests, None);
}

#[tokio::test]
async fn outcomes_that_cannot_be_kept_are_an_error() {
    let server = Server::start(|_| ACCEPTED).await;
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let error = load::run(config(server.url(), &file, 10, 1), |_| {}).await.unwrap_err();
    assert!(error.to_string().starts_with("failed to write outcome file `"), "{error}");
    assert!(server.bodies().is_empty(), "nothing is sent that cannot be accounted for");
}
