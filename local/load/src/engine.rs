//! A run: workers that send, and one loop that counts, writes outcomes and tells how far it is.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::{Amount, LoadConfig, Pace};
use crate::outcome_file::{OutcomeFile, OutcomeWriter, RunHeader};
use crate::report::{Report, Snapshot};
use crate::tally::{Done, Tally};
use crate::target::{Target, TargetError};
use crate::ticket::Tickets;
use crate::worker::{Orders, Worker};

/// Finished requests that wait to be counted; workers wait when it is full.
const RESULTS_MAX: usize = 4_096;

/// How often outcomes are written and progress is told: what a killed generator loses, and as often
/// as a person can read.
const TICK: Duration = Duration::from_millis(200);

/// Why a run has no report.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// Requests cannot be sent there.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// Outcomes cannot be kept, so the run could prove nothing.
    #[error("failed to write outcome file `{path}`")]
    Outcomes {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        #[source]
        source: std::io::Error,
    },
}

/// Runs a load and reports, also after a cancellation.
///
/// `progress` is called a few times a second and once at the end. The outcome of every request is in
/// [`OutcomeFile::path`] when this returns. Dropping the future ends the run without a report.
pub async fn run(config: LoadConfig, progress: impl FnMut(&Snapshot)) -> Result<Report, LoadError> {
    let target = Target::new(&config.url, &config.scenario)?;
    let path = OutcomeFile::path(&config.directory, config.run);
    let failed = |source| LoadError::Outcomes { path, source };
    let requests = match config.amount {
        Amount::Requests(requests) => Some(requests),
        Amount::Duration(_) => None,
    };
    let header = RunHeader {
        run: config.run,
        scenario: config.scenario.name.clone(),
        url: config.url.to_string(),
        started_ms: config.started_ms,
        requests,
    };
    let outcomes = match OutcomeWriter::create(&config.directory, &header).await {
        Ok(outcomes) => outcomes,
        Err(source) => return Err(failed(source)),
    };
    let start = Instant::now();
    let stop = config.cancel.child_token();
    let abandon = CancellationToken::new();
    let _stop_on_drop = (stop.clone().drop_guard(), abandon.clone().drop_guard());
    let orders = Arc::new(Orders {
        run: config.run,
        scenario: config.scenario,
        target,
        tickets: Tickets::new(config.amount, start),
        request_timeout: config.request_timeout,
        stop,
        abandon,
    });
    let results = start_workers(&orders, config.pace);
    let recorder = Recorder { orders, start, requests, outcomes, tally: Tally::new(), progress };
    recorder.record(results, config.cancel_grace).await.map_err(failed)
}

/// Starts the workers; the channel closes when all of them are done.
fn start_workers(orders: &Arc<Orders>, pace: Pace) -> mpsc::Receiver<Done> {
    let (sender, results) = mpsc::channel(RESULTS_MAX);
    let Pace::Closed { connections } = pace;
    let tasks = TaskTracker::new();
    for _ in 0..connections.get() {
        tasks.spawn(Worker::new(Arc::clone(orders), sender.clone()).work());
    }
    results
}

/// Owns what is known about a run.
struct Recorder<P> {
    orders: Arc<Orders>,
    start: Instant,
    requests: Option<u64>,
    outcomes: OutcomeWriter,
    tally: Tally,
    progress: P,
}

impl<P: FnMut(&Snapshot)> Recorder<P> {
    /// Counts and writes until all workers are done, `grace` after a cancellation at the latest.
    async fn record(
        mut self,
        mut results: mpsc::Receiver<Done>,
        grace: Duration,
    ) -> Result<Report, std::io::Error> {
        let orders = Arc::clone(&self.orders);
        let too_late = async {
            orders.stop.cancelled().await;
            tokio::time::sleep(grace).await;
            orders.abandon.cancel();
            std::future::pending::<()>().await;
        };
        let mut too_late = std::pin::pin!(too_late);
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut batch = Vec::with_capacity(RESULTS_MAX);
        loop {
            tokio::select! {
                received = results.recv_many(&mut batch, RESULTS_MAX) => {
                    if received == 0 {
                        break;
                    }
                    for done in batch.drain(..) {
                        self.tally.record(&done);
                        self.outcomes.push(done.sequence, done.verdict.outcome).await?;
                    }
                }
                _now = tick.tick() => {
                    self.outcomes.flush_and_mark(orders.tickets.taken()).await?;
                    self.tell();
                }
                () = &mut too_late => {}
            }
        }
        let elapsed = self.start.elapsed();
        self.outcomes.flush().await?;
        self.tell();
        Ok(self.tally.report(self.orders.run, elapsed))
    }

    fn tell(&mut self) {
        let taken = self.orders.tickets.taken();
        let snapshot = self.tally.snapshot(self.start.elapsed(), taken, self.requests);
        (self.progress)(&snapshot);
    }
}
