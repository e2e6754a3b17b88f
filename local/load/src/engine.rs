//! A run: threads that send, and one loop that counts, writes outcomes and tells how far it is.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::{JoinHandle, LocalSet, spawn_blocking};
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::alarm::Alarm;
use crate::config::{Amount, LoadConfig};
use crate::connection::Tcp;
use crate::outcome::Outcome;
use crate::outcome_file::{OutcomeFile, OutcomeWriter, RunHeader};
use crate::part::Part;
use crate::report::{Report, Snapshot};
use crate::shard::{Orders, Shard, TICK};
use crate::tally::Tally;
use crate::target::{Target, TargetError};
use crate::ticket::Tickets;

/// Parts that wait to be counted; threads wait when there are so many. One takes some 300 KB.
const PARTS_MAX: usize = 8;

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
        source: io::Error,
    },
    /// There is nobody to send.
    #[error("failed to start a thread that sends")]
    Thread(#[source] io::Error),
}

/// Runs a load and reports, also after a cancellation.
///
/// `progress` is called a few times a second and once at the end. The outcome of every request is in
/// [`OutcomeFile::path`] when this returns. Dropping the future ends the run without a report.
pub async fn run(config: LoadConfig, progress: impl FnMut(&Snapshot)) -> Result<Report, LoadError> {
    let (threads, in_flight) = (config.threads.get(), config.pace.in_flight().get());
    let (recorder, parts) = Recorder::begin(config, progress).await?;
    let (teller, received) = parts;
    let shares = shares(in_flight, threads);
    let threads: Vec<_> =
        shares.map(|share| start(&recorder.orders, share, teller.clone())).collect();
    drop(teller);
    let report = recorder.record(received).await?;
    for thread in threads {
        match thread.await {
            Ok(worked) => worked.map_err(LoadError::Thread)?,
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }
    Ok(report)
}

/// So many requests under way, spread evenly over at most so many threads.
fn shares(in_flight: u32, threads: u32) -> impl Iterator<Item = u32> {
    let threads = threads.min(in_flight);
    (0..threads).map(move |thread| in_flight / threads + u32::from(thread < in_flight % threads))
}

/// Starts a thread with a share of the run; the channel closes when all of them are done.
fn start(
    orders: &Arc<Orders>,
    share: u32,
    parts: mpsc::Sender<Part>,
) -> JoinHandle<io::Result<()>> {
    let orders = Arc::clone(orders);
    spawn_blocking(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let tcp: Tcp = orders.target.tcp();
        let work = Shard::new(orders, tcp, parts).work(share, Alarm::exact());
        runtime.block_on(LocalSet::new().run_until(work));
        Ok(())
    })
}

/// Both ends of the way on which threads tell.
type Parts = (mpsc::Sender<Part>, mpsc::Receiver<Part>);

/// Owns what is known about a run.
struct Recorder<P> {
    orders: Arc<Orders>,
    grace: Duration,
    path: PathBuf,
    outcomes: OutcomeWriter,
    tally: Tally,
    progress: P,
    /// Ends all threads when the run is dropped.
    _end: (DropGuard, DropGuard),
}

impl<P: FnMut(&Snapshot)> Recorder<P> {
    /// Makes the outcome file; the run starts now.
    async fn begin(config: LoadConfig, progress: P) -> Result<(Self, Parts), LoadError> {
        let requests = match config.amount {
            Amount::Requests(requests) => Some(requests),
            Amount::Duration(_) => None,
        };
        let header = RunHeader {
            run: config.run,
            scenario: config.scenario.name().to_owned(),
            url: config.url.to_string(),
            started_ms: config.started_ms,
            requests,
            anonymous: config.scenario.is_anonymous(),
        };
        let target = Target::new(&config.url, config.scenario)?;
        let path = OutcomeFile::path(&config.directory, config.run);
        let outcomes = match OutcomeWriter::create(&config.directory, &header).await {
            Ok(outcomes) => outcomes,
            Err(source) => return Err(LoadError::Outcomes { path, source }),
        };
        let start = Instant::now();
        let (stop, abandon) = (config.cancel.child_token(), CancellationToken::new());
        let end = (stop.clone().drop_guard(), abandon.clone().drop_guard());
        let orders = Arc::new(Orders {
            run: config.run,
            target,
            pace: config.pace,
            tickets: Tickets::new(config.pace, config.amount, start, config.request_timeout),
            request_timeout: config.request_timeout,
            start,
            stop,
            abandon,
        });
        let (grace, tally) = (config.cancel_grace, Tally::new());
        let recorder = Self { orders, grace, path, outcomes, tally, progress, _end: end };
        Ok((recorder, mpsc::channel(PARTS_MAX)))
    }

    /// Counts and writes until all threads are done, the grace after a cancellation at the latest.
    async fn record(mut self, parts: mpsc::Receiver<Part>) -> Result<Report, LoadError> {
        match self.keep(parts).await {
            Ok(elapsed) => {
                self.tell(0);
                let Self { orders, tally, .. } = self;
                let due_by = |elapsed| orders.tickets.due_by(orders.start + elapsed);
                Ok(tally.report(orders.run, elapsed, due_by))
            }
            Err(source) => Err(LoadError::Outcomes { path: self.path, source }),
        }
    }

    /// Gives how long the run took.
    async fn keep(&mut self, mut parts: mpsc::Receiver<Part>) -> io::Result<Duration> {
        let orders = Arc::clone(&self.orders);
        let mut stopped = None;
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                part = parts.recv() => {
                    let Some(part) = part else { break };
                    self.tally.merge(&part);
                    for (sequence, outcome) in &part.outcomes {
                        self.outcomes.push(*sequence, *outcome).await?;
                    }
                }
                now = tick.tick() => {
                    self.outcomes.flush_and_mark(orders.tickets.taken()).await?;
                    self.tell(orders.tickets.waiting(now));
                }
                () = orders.stop.cancelled(), if stopped.is_none() => stopped = Some(Instant::now()),
                () = tokio::time::sleep_until(stopped.unwrap_or(orders.start) + self.grace),
                    if stopped.is_some() && !orders.abandon.is_cancelled() => orders.abandon.cancel(),
            }
        }
        let elapsed = orders.start.elapsed();
        self.give_up(stopped.unwrap_or_else(Instant::now)).await?;
        self.outcomes.flush().await?;
        Ok(elapsed)
    }

    /// Accounts for what was due at the `end` and never had its turn.
    async fn give_up(&mut self, end: Instant) -> io::Result<()> {
        let (first, count) = (self.orders.tickets.taken(), self.orders.tickets.waiting(end));
        self.tally.never_sent(count);
        for sequence in first..first + count {
            self.outcomes.push(sequence, Outcome::NotSent).await?;
        }
        Ok(())
    }

    fn tell(&mut self, waiting: u64) {
        let orders = &self.orders;
        let snapshot = self.tally.snapshot(orders.start.elapsed(), &orders.tickets, waiting);
        (self.progress)(&snapshot);
    }
}

#[cfg(test)]
mod tests;
