//! The threads that own the logs, and the handle by which others reach one.
//!
//! A log belongs to one thread, a thread owns many logs. Appends that wait together are written
//! together: one write a log, and where it is asked for one sync. No write ever holds up a thread
//! that serves connections.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use kafka_protocol::error::ResponseError;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use crate::clock;
use crate::log::partition::{Appended, PartitionLog};
use crate::log::settings::LogSettings;
use crate::log::view::LogView;
use crate::reply::answer;
use crate::tasks::Tasks;

/// Requests waiting for one thread. Each connection has at most one a partition in flight, so this
/// is reached only when more come than the disk takes; the rest wait for a place.
const INBOX_MAX: usize = 1_024;

/// Requests taken at once; more would keep the first of them waiting.
const REQUESTS_PER_ROUND: usize = 256;

/// Threads that own logs: enough to keep a disk busy, few enough that appends meet.
const THREADS_MAX: usize = 4;

/// How often old segments are looked for. Kafka looks every five minutes
/// (`log.retention.check.interval.ms`); a development broker may be asked for shorter retention.
const RETENTION_INTERVAL: Duration = Duration::from_secs(30);

/// The threads.
#[derive(Clone, Debug)]
pub(crate) struct LogOwners {
    inboxes: Arc<[mpsc::Sender<Job>]>,
    next_id: Arc<AtomicU64>,
}

/// Names a log on its thread.
type LogId = u64;

/// A way to one partition's log.
#[derive(Clone, Debug)]
pub(crate) struct LogHandle {
    inbox: mpsc::Sender<Job>,
    id: LogId,
    /// What the log holds, changed after every write and every deletion.
    pub(crate) view: watch::Receiver<LogView>,
}

#[derive(Debug)]
struct Job {
    log: LogId,
    command: LogCommand,
}

#[derive(Debug)]
enum LogCommand {
    Own(Box<PartitionLog>, watch::Sender<LogView>),
    Append(Bytes, oneshot::Sender<Result<Appended, ResponseError>>),
    DeleteBefore(i64, oneshot::Sender<Result<i64, ResponseError>>),
    Configure(LogSettings),
    Close(oneshot::Sender<()>),
}

impl LogOwners {
    /// Starts the threads.
    pub(crate) fn start(tasks: &Tasks) -> io::Result<Self> {
        let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let inboxes = (0..threads.min(THREADS_MAX)).map(|number| {
            let (inbox, jobs) = mpsc::channel(INBOX_MAX);
            let shutdown = tasks.shutdown.clone();
            let owner = Owner::default().run(jobs, shutdown);
            tasks.spawn_thread(&format!("broker-log-{number}"), owner).map(|()| inbox)
        });
        let inboxes = inboxes.collect::<io::Result<Vec<_>>>()?;
        Ok(Self { inboxes: inboxes.into(), next_id: Arc::new(AtomicU64::new(0)) })
    }

    /// Gives a log to a thread.
    pub(crate) async fn own(&self, log: PartitionLog) -> LogHandle {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let at = usize::try_from(id).unwrap_or(0) % self.inboxes.len();
        let (publish, view) = watch::channel(log.view());
        let handle = LogHandle { inbox: self.inboxes[at].clone(), id, view };
        // A thread that has stopped answers every request with an error.
        handle.tell(LogCommand::Own(Box::new(log), publish)).await.unwrap_or_default();
        handle
    }
}

impl LogHandle {
    /// Appends one batch; answers once it is as durable as the broker was asked to make it.
    pub(crate) async fn append(&self, records: Bytes) -> Result<Appended, ResponseError> {
        self.ask(|reply| LogCommand::Append(records, reply)).await?
    }

    /// Gives up the records before `offset`; answers the first offset kept.
    pub(crate) async fn delete_before(&self, offset: i64) -> Result<i64, ResponseError> {
        self.ask(|reply| LogCommand::DeleteBefore(offset, reply)).await?
    }

    pub(crate) async fn configure(&self, settings: LogSettings) {
        // A closed log has no use for new settings.
        self.tell(LogCommand::Configure(settings)).await.unwrap_or_default();
    }

    /// Ends the log; later requests are answered as for an unknown partition.
    pub(crate) async fn close(&self) {
        self.ask(LogCommand::Close).await.unwrap_or_default();
    }

    async fn ask<T>(
        &self,
        command: impl FnOnce(oneshot::Sender<T>) -> LogCommand,
    ) -> Result<T, ResponseError> {
        let (reply, answer) = oneshot::channel();
        self.tell(command(reply)).await?;
        answer.await.map_err(|_closed| ResponseError::UnknownTopicOrPartition)
    }

    async fn tell(&self, command: LogCommand) -> Result<(), ResponseError> {
        let sent = self.inbox.send(Job { log: self.id, command }).await;
        sent.map_err(|_closed| ResponseError::UnknownTopicOrPartition)
    }
}

/// What one thread owns.
#[derive(Default)]
struct Owner {
    logs: BTreeMap<LogId, OwnedLog>,
    /// Logs with appends that are not written yet, in the order in which they came.
    unwritten: Vec<LogId>,
}

struct OwnedLog {
    log: PartitionLog,
    view: watch::Sender<LogView>,
    /// Appends that were given their offsets and wait for the write.
    unwritten: Vec<Unwritten>,
}

type Unwritten = (Appended, oneshot::Sender<Result<Appended, ResponseError>>);

impl Owner {
    async fn run(mut self, mut jobs: mpsc::Receiver<Job>, shutdown: CancellationToken) {
        let mut retention = tokio::time::interval(RETENTION_INTERVAL);
        retention.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut waiting = Vec::with_capacity(REQUESTS_PER_ROUND);
        loop {
            tokio::select! {
                count = jobs.recv_many(&mut waiting, REQUESTS_PER_ROUND) => {
                    if count == 0 {
                        break;
                    }
                    self.serve(&mut waiting);
                }
                _ = retention.tick() => self.enforce_retention(),
                () = shutdown.cancelled() => break,
            }
        }
        for owned in self.logs.values_mut() {
            owned.log.put_away();
        }
    }

    /// Serves what is waiting: first everything is staged, then every log is written to once.
    fn serve(&mut self, waiting: &mut Vec<Job>) {
        let now_ms = clock::now_ms();
        for Job { log: id, command } in waiting.drain(..) {
            if let LogCommand::Own(log, view) = command {
                self.logs.insert(id, OwnedLog { log: *log, view, unwritten: Vec::new() });
                continue;
            }
            // A log that was closed: dropping the request tells its sender.
            let Some(owned) = self.logs.get_mut(&id) else { continue };
            if let LogCommand::Append(records, reply) = command {
                if owned.unwritten.is_empty() {
                    self.unwritten.push(id);
                }
                owned.append(&records, now_ms, reply);
                continue;
            }
            // Requests for one log are served in their order.
            owned.write(now_ms);
            match command {
                LogCommand::Own(..) | LogCommand::Append(..) => {}
                LogCommand::DeleteBefore(offset, reply) => {
                    let deleted = owned.log.delete_before(offset);
                    owned.publish();
                    answer(reply, deleted);
                }
                LogCommand::Configure(settings) => owned.log.configure(settings),
                LogCommand::Close(reply) => {
                    self.logs.remove(&id);
                    answer(reply, ());
                }
            }
        }
        for id in self.unwritten.drain(..) {
            if let Some(owned) = self.logs.get_mut(&id) {
                owned.write(now_ms);
            }
        }
    }

    fn enforce_retention(&mut self) {
        let now_ms = clock::now_ms();
        for owned in self.logs.values_mut() {
            if let Err(error) = owned.log.enforce_retention(now_ms) {
                tracing::warn!(%error, "An old segment cannot be removed");
            }
            owned.publish();
        }
    }
}

impl OwnedLog {
    fn append(
        &mut self,
        records: &Bytes,
        now_ms: i64,
        reply: oneshot::Sender<Result<Appended, ResponseError>>,
    ) {
        if self.log.must_roll(records, now_ms) {
            self.write(now_ms);
            if let Err(error) = self.log.roll() {
                tracing::error!(%error, "A new segment cannot be made");
                answer(reply, Err(ResponseError::KafkaStorageError));
                return;
            }
        }
        match self.log.stage(records, now_ms) {
            Ok(appended) => self.unwritten.push((appended, reply)),
            Err(error) => answer(reply, Err(error)),
        }
    }

    /// Writes what is staged, wakes this log's readers, answers the senders.
    fn write(&mut self, now_ms: i64) {
        if self.unwritten.is_empty() {
            return;
        }
        let written = self.log.commit(now_ms);
        if let Err(error) = &written {
            tracing::error!(%error, "A batch cannot be written");
        }
        self.publish();
        for (appended, reply) in self.unwritten.drain(..) {
            let failed = ResponseError::KafkaStorageError;
            let outcome = written.as_ref().map(|()| appended).map_err(|_error| failed);
            answer(reply, outcome);
        }
    }

    /// Shows readers what changed, and wakes those that wait for this log.
    fn publish(&self) {
        let view = self.log.view();
        self.view.send_if_modified(|published| {
            let changed = published.ends() != view.ends();
            *published = view;
            changed
        });
    }
}
