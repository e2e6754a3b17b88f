//! That the generator is honest, under a clock that is not the real one and over connections without
//! a network: servers stall, close, talk nonsense, fall silent.

use std::cell::Cell;
use std::num::NonZeroU32;
use std::rc::Rc;

use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
use tokio::time::sleep;

use super::*;
use crate::config::Pace;
use crate::connection::Dial;
use crate::scenario::Scenario;
use crate::schedule::Rate;

const OK: &[u8] = b"HTTP/1.1 202 Accepted\r\ncontent-length: 2\r\n\r\n{}";

/// How long an answer takes where nothing is wrong.
const USUAL: Duration = Duration::from_millis(10);

/// What a server does with one request.
#[derive(Clone, Debug)]
enum Act {
    /// Answers these bytes after the usual time.
    Answer(&'static [u8]),
    /// Answers and closes, without having said so.
    AnswerAndClose,
    /// Closes without an answer.
    Close,
    /// Never answers.
    Silence,
}

/// A server whose connections are pipes.
#[derive(Clone)]
struct Pipes {
    act: fn(u64) -> Act,
    requests: Rc<Cell<u64>>,
    /// No answer is given in this time.
    stall: Option<(Instant, Instant)>,
    refuses: bool,
}

impl Pipes {
    fn new(act: fn(u64) -> Act) -> Self {
        Self { act, requests: Rc::default(), stall: None, refuses: false }
    }

    async fn serve(self, mut stream: DuplexStream) -> io::Result<()> {
        let mut request = Vec::new();
        while stream.read_buf(&mut request).await? > 0 {
            if !request.ends_with(b"}}") {
                continue;
            }
            request.clear();
            let number = self.requests.replace(self.requests.get() + 1);
            sleep(USUAL).await;
            if let Some((from, to)) = self.stall
                && (from..to).contains(&Instant::now())
            {
                tokio::time::sleep_until(to).await;
            }
            match (self.act)(number) {
                Act::Answer(answer) => stream.write_all(answer).await?,
                Act::AnswerAndClose => return stream.write_all(OK).await,
                Act::Close => return Ok(()),
                Act::Silence => std::future::pending().await,
            }
        }
        Ok(())
    }
}

impl Dial for Pipes {
    type Stream = DuplexStream;

    async fn dial(&self) -> io::Result<DuplexStream> {
        if self.refuses {
            return Err(io::ErrorKind::ConnectionRefused.into());
        }
        let (ours, theirs) = duplex(64 * 1024);
        tokio::task::spawn_local(self.clone().serve(theirs));
        Ok(ours)
    }
}

fn open(per_second: u32, in_flight: u32) -> Pace {
    let in_flight = NonZeroU32::new(in_flight).unwrap();
    Pace::Open { rate: Rate::constant(per_second), in_flight }
}

fn closed(connections: u32) -> Pace {
    Pace::Closed { connections: NonZeroU32::new(connections).unwrap() }
}

/// Runs on this thread and checks that the counts add up, in the report and in the file.
async fn run_against(pipes: Pipes, pace: Pace, amount: Amount) -> Report {
    let folder = TempDir::new().unwrap();
    let scenario = Scenario::built_in("events").unwrap();
    let url = http::Uri::from_static("http://pipes");
    let config =
        LoadConfig { amount, pace, ..LoadConfig::new(url, scenario, folder.path().to_owned()) };
    run_with(pipes, config).await
}

async fn run_with(pipes: Pipes, config: LoadConfig) -> Report {
    let in_flight = config.pace.in_flight().get();
    let path = OutcomeFile::path(&config.directory, config.run);
    let (recorder, (teller, told)) = Recorder::begin(config, |_| {}).await.unwrap();
    let shard = Shard::new(Arc::clone(&recorder.orders), pipes, teller);
    let work = LocalSet::new();
    let work = work.run_until(shard.work(in_flight, Alarm::coarse()));
    let (report, ()) = tokio::join!(recorder.record(told), work);
    let report = report.unwrap();
    assert_eq!(report.sent, report.accepted + report.refused + report.ambiguous);
    let file = OutcomeFile::open(&path).unwrap();
    let count = |outcome| file.outcomes().filter(|found| *found == outcome).count() as u64;
    assert_eq!(count(Outcome::Accepted), report.accepted);
    assert_eq!(count(Outcome::Ambiguous), report.ambiguous);
    assert_eq!(count(Outcome::NotSent), report.failed);
    assert_eq!(
        report.errors.values().sum::<u64>(),
        report.refused + report.ambiguous + report.failed
    );
    let seconds = &report.seconds;
    assert_eq!(seconds.iter().map(|second| second.accepted).sum::<u64>(), report.accepted);
    report
}

fn errors(report: &Report) -> Vec<(&str, u64)> {
    report.errors.iter().map(|(error, count)| (error.as_str(), *count)).collect()
}

#[tokio::test(start_paused = true)]
async fn a_stall_shows_in_an_open_model_and_hides_in_a_closed_one() {
    let now = Instant::now();
    let stall = Some((now + Duration::from_secs(4), now + Duration::from_secs(6)));
    let server = || Pipes { stall, ..Pipes::new(|_| Act::Answer(OK)) };
    let amount = Amount::Duration(Duration::from_secs(10));
    let open = run_against(server(), open(100, 1_000), amount).await;
    assert_eq!((open.sent, open.accepted), (1_000, 1_000), "the stall keeps nobody from asking");
    // A fifth of the requests were due in the stall, and waited one second on average.
    assert!(open.latency_ms.p50 < 20.0, "{open:?}");
    assert!((900.0..1_100.0).contains(&open.latency_ms.p90), "{open:?}");
    assert!(open.latency_ms.p99 > 1_800.0, "{open:?}");
}

#[tokio::test(start_paused = true)]
async fn the_same_stall_is_one_slow_request_to_a_closed_model() {
    let now = Instant::now();
    let stall = Some((now + Duration::from_secs(4), now + Duration::from_secs(6)));
    let server = Pipes { stall, ..Pipes::new(|_| Act::Answer(OK)) };
    let amount = Amount::Duration(Duration::from_secs(10));
    let closed = run_against(server, closed(1), amount).await;
    assert!(closed.sent < 850, "it asks less while the server stalls: {closed:?}");
    assert!(closed.latency_ms.p99 < 20.0, "{closed:?}");
    assert!(closed.latency_ms.max > 1_900.0, "{closed:?}");
}

#[tokio::test(start_paused = true)]
async fn requests_are_sent_when_they_are_due() {
    let report =
        run_against(Pipes::new(|_| Act::Answer(OK)), open(50, 10), Amount::Requests(100)).await;
    assert_eq!(report.accepted, 100);
    assert!((1.9..2.1).contains(&report.duration_s), "{report:?}");
    assert!(report.wait_ms.max < 2.0, "{report:?}");
    assert!(report.latency_ms.max < 13.0, "{report:?}");
    let due: Vec<_> = report.seconds.iter().map(|second| second.due).collect();
    assert_eq!(due[..2], [Some(51), Some(49)], "one at the start and one at each second's end");
}

#[tokio::test(start_paused = true)]
async fn waiting_for_a_connection_counts_as_latency() {
    // 10 ms each on one connection is 100 a second, half of what is asked for.
    let pipes = Pipes::new(|_| Act::Answer(OK));
    let report = run_against(pipes, open(200, 1), Amount::Duration(Duration::from_secs(4))).await;
    assert_eq!((report.accepted, report.failed), (800, 0), "late is not dropped");
    assert!((3_500.0..4_500.0).contains(&report.latency_ms.max), "{report:?}");
    assert!(report.wait_ms.p50 > 1_500.0, "{report:?}");
}

#[tokio::test(start_paused = true)]
async fn what_never_had_its_turn_is_counted_and_not_forgotten() {
    let report = run_against(
        Pipes::new(|_| Act::Silence),
        open(10, 2),
        Amount::Duration(Duration::from_secs(10)),
    )
    .await;
    // Two are under way for 35 s each; until 35 s after the last was due, two more have their turn.
    assert_eq!((report.sent, report.failed), (4, 96), "{report:?}");
    assert_eq!(errors(&report), [("never its turn", 96), ("timed out", 4)]);
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_run_tells_what_was_due_and_not_sent() {
    let folder = TempDir::new().unwrap();
    let scenario = Scenario::built_in("events").unwrap();
    let config = LoadConfig {
        amount: Amount::Duration(Duration::from_secs(100)),
        pace: open(10, 2),
        ..LoadConfig::new(
            http::Uri::from_static("http://pipes"),
            scenario,
            folder.path().to_owned(),
        )
    };
    let cancel = config.cancel.clone();
    let later = async {
        sleep(Duration::from_millis(2_050)).await;
        cancel.cancel();
    };
    let (report, ()) = tokio::join!(run_with(Pipes::new(|_| Act::Silence), config), later);
    assert_eq!(errors(&report), [("abandoned", 2), ("never its turn", 19)]);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_answers_and_closes_loses_nothing() {
    for pace in [open(20, 4), closed(3)] {
        let report =
            run_against(Pipes::new(|_| Act::AnswerAndClose), pace, Amount::Requests(40)).await;
        assert_eq!((report.accepted, report.sent), (40, 40), "{report:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn nonsense_and_lost_answers_are_ambiguous() {
    let act = |number| match number % 4 {
        0 => Act::Close,
        1 => Act::Answer(b"SSH-2.0-OpenSSH_9.6\r\n"),
        2 => Act::Answer(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n"),
        _ => Act::Answer(OK),
    };
    for pace in [open(20, 4), closed(3)] {
        let report = run_against(Pipes::new(act), pace, Amount::Requests(40)).await;
        assert_eq!((report.accepted, report.refused, report.ambiguous), (10, 10, 20));
        let expected = [("answer is not HTTP", 10), ("connection lost", 10), ("status 400", 10)];
        assert_eq!(errors(&report), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_never_answers_times_out_every_request() {
    let report =
        run_against(Pipes::new(|_| Act::Silence), open(10, 100), Amount::Requests(50)).await;
    assert_eq!((report.ambiguous, report.failed), (50, 0));
    assert!(report.latency_ms.p50 >= 35_000.0, "{report:?}");
}

#[tokio::test(start_paused = true)]
async fn nothing_is_sent_where_nobody_listens() {
    let pipes = Pipes { refuses: true, ..Pipes::new(|_| Act::Silence) };
    let report = run_against(pipes, open(10, 2), Amount::Requests(30)).await;
    assert_eq!((report.sent, report.failed), (0, 30));
    assert_eq!(errors(&report), [("not connected", 30)]);
}

#[test]
fn requests_under_way_are_spread_over_threads() {
    assert_eq!(shares(10, 4).collect::<Vec<_>>(), [3, 3, 2, 2]);
    assert_eq!(shares(2, 4).collect::<Vec<_>>(), [1, 1]);
}
