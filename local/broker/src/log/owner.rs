//! The task that owns one partition's log, and the handle that others reach it by.
//!
//! Appends that wait together are written together. File calls are made on the task itself: they
//! go to the page cache and take microseconds.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use kafka_protocol::error::ResponseError;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::clock;
use crate::log::partition::{Appended, Ends, Found, PartitionLog};
use crate::log::records::Stamp;
use crate::log::settings::LogSettings;
use crate::reply::answer;

/// Requests waiting for one log. Each connection has at most one in flight, so this is reached
/// only with more busy connections than slots; the rest wait for a place.
const INBOX_MAX: usize = 256;

/// Appends written by one call; more would keep the first of them waiting.
const APPENDS_PER_WRITE: usize = 128;

/// How often old segments are looked for. Kafka looks every five minutes
/// (`log.retention.check.interval.ms`); a development broker may be asked for shorter retention.
const RETENTION_INTERVAL: Duration = Duration::from_secs(30);

/// What an owner needs from the broker around it.
#[derive(Clone, Debug)]
pub(crate) struct OwnerContext {
    pub(crate) tasks: TaskTracker,
    pub(crate) shutdown: CancellationToken,
}

/// A way to one partition's log.
#[derive(Clone, Debug)]
pub(crate) struct LogHandle {
    inbox: mpsc::Sender<LogCommand>,
    /// The log's ends, changed after every write and every deletion.
    pub(crate) ends: watch::Receiver<Ends>,
}

#[derive(Debug)]
enum LogCommand {
    Append(Bytes, oneshot::Sender<Result<Appended, ResponseError>>),
    Find(i64, oneshot::Sender<io::Result<Found>>),
    FindTimestamp(i64, oneshot::Sender<io::Result<Option<Stamp>>>),
    FindNewest(oneshot::Sender<io::Result<Option<Stamp>>>),
    Configure(LogSettings),
    Close(oneshot::Sender<()>),
}

impl LogHandle {
    /// Starts the task that owns `log`.
    pub(crate) fn spawn(log: PartitionLog, context: &OwnerContext) -> Self {
        let (inbox, commands) = mpsc::channel(INBOX_MAX);
        let (publish, ends) = watch::channel(log.ends());
        let owner = Owner { log, ends: publish, unwritten: Vec::new() };
        context.tasks.spawn(owner.run(commands, context.shutdown.clone()));
        Self { inbox, ends }
    }

    /// Appends one batch; answers once the kernel has it.
    pub(crate) async fn append(&self, records: Bytes) -> Result<Appended, ResponseError> {
        self.ask(|reply| LogCommand::Append(records, reply)).await?
    }

    /// Finds the batches from `offset` on.
    pub(crate) async fn find(&self, offset: i64) -> Result<Found, ResponseError> {
        stored(self.ask(|reply| LogCommand::Find(offset, reply)).await?)
    }

    /// Finds the first record with `timestamp` or a later one.
    pub(crate) async fn find_timestamp(&self, at: i64) -> Result<Option<Stamp>, ResponseError> {
        stored(self.ask(|reply| LogCommand::FindTimestamp(at, reply)).await?)
    }

    /// Finds the first record with the largest timestamp.
    pub(crate) async fn find_newest(&self) -> Result<Option<Stamp>, ResponseError> {
        stored(self.ask(LogCommand::FindNewest).await?)
    }

    pub(crate) async fn configure(&self, settings: LogSettings) {
        // A closed log has no use for new settings.
        self.inbox.send(LogCommand::Configure(settings)).await.unwrap_or_default();
    }

    /// Ends the task; later requests are answered as for an unknown partition.
    pub(crate) async fn close(&self) {
        self.ask(LogCommand::Close).await.unwrap_or_default();
    }

    async fn ask<T>(
        &self,
        command: impl FnOnce(oneshot::Sender<T>) -> LogCommand,
    ) -> Result<T, ResponseError> {
        let (reply, answer) = oneshot::channel();
        let gone = ResponseError::UnknownTopicOrPartition;
        self.inbox.send(command(reply)).await.map_err(|_closed| gone)?;
        answer.await.map_err(|_closed| gone)
    }
}

fn stored<T>(result: io::Result<T>) -> Result<T, ResponseError> {
    result.map_err(|error| {
        tracing::error!(%error, "A log cannot be read");
        ResponseError::KafkaStorageError
    })
}

/// An append that was given its offset and waits for the write.
type Unwritten = (Appended, oneshot::Sender<Result<Appended, ResponseError>>);

struct Owner {
    log: PartitionLog,
    ends: watch::Sender<Ends>,
    unwritten: Vec<Unwritten>,
}

impl Owner {
    async fn run(mut self, mut commands: mpsc::Receiver<LogCommand>, shutdown: CancellationToken) {
        let mut retention = tokio::time::interval(RETENTION_INTERVAL);
        retention.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut waiting = Vec::with_capacity(APPENDS_PER_WRITE);
        loop {
            tokio::select! {
                count = commands.recv_many(&mut waiting, APPENDS_PER_WRITE) => {
                    if count == 0 || self.handle(&mut waiting) {
                        return;
                    }
                }
                _ = retention.tick() => self.enforce_retention(),
                () = shutdown.cancelled() => return,
            }
        }
    }

    /// Serves what is waiting; whether the log was closed.
    fn handle(&mut self, waiting: &mut Vec<LogCommand>) -> bool {
        let now_ms = clock::now_ms();
        for command in waiting.drain(..) {
            if let LogCommand::Append(records, reply) = command {
                self.append(&records, now_ms, reply);
                continue;
            }
            self.write(now_ms);
            // A requester that went away needs no answer.
            match command {
                LogCommand::Append(..) => {}
                LogCommand::Find(offset, reply) => answer(reply, self.log.find(offset)),
                LogCommand::FindTimestamp(at, reply) => {
                    answer(reply, self.log.find_timestamp(at));
                }
                LogCommand::FindNewest(reply) => answer(reply, self.log.find_newest()),
                LogCommand::Configure(settings) => self.log.configure(settings),
                LogCommand::Close(reply) => {
                    answer(reply, ());
                    return true;
                }
            }
        }
        self.write(now_ms);
        false
    }

    fn append(
        &mut self,
        records: &Bytes,
        now_ms: i64,
        reply: oneshot::Sender<Result<Appended, ResponseError>>,
    ) {
        if self.log.must_roll(records.len(), now_ms) {
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

    /// Writes what is staged, answers its senders, wakes the readers.
    fn write(&mut self, now_ms: i64) {
        if self.unwritten.is_empty() {
            return;
        }
        let written = self.log.commit(now_ms);
        if let Err(error) = &written {
            tracing::error!(%error, "A batch cannot be written");
        }
        self.publish_ends();
        for (appended, reply) in self.unwritten.drain(..) {
            let failed = ResponseError::KafkaStorageError;
            let outcome = written.as_ref().map(|()| appended).map_err(|_error| failed);
            answer(reply, outcome);
        }
    }

    fn enforce_retention(&mut self) {
        if let Err(error) = self.log.enforce_retention(clock::now_ms()) {
            tracing::warn!(%error, "An old segment cannot be removed");
        }
        self.publish_ends();
    }

    fn publish_ends(&self) {
        let ends = self.log.ends();
        self.ends.send_if_modified(|published| std::mem::replace(published, ends) != ends);
    }
}
