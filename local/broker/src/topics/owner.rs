//! The task that makes, changes and deletes topics, one request after the other, and publishes the
//! catalogue that everybody else reads. It also hands out producer ids.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use kafka_protocol::error::ResponseError;
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::clock;
use crate::log::settings::LogSettings;
use crate::log::{LogHandle, LogOwners, PartitionLog, Storage};
use crate::reply::answer;
use crate::tasks::Tasks;
use crate::topics::catalogue::{self, Catalogue, Refusal, Topic};
use crate::topics::store::{StoreError, StoredTopic, TopicStore};

/// Requests waiting for the owner; each connection has at most one.
const INBOX_MAX: usize = 64;

/// Producer ids set aside at once, so that a file is written once in this many.
const PRODUCER_ID_BLOCK: i64 = 1_000;

/// Topics that may exist at once: each partition costs a task and open files.
const TOPICS_MAX: usize = 2_000;

/// A way to the topics.
#[derive(Clone, Debug)]
pub(crate) struct TopicsHandle {
    inbox: mpsc::Sender<Command>,
    catalogue: watch::Receiver<Arc<Catalogue>>,
}

/// A topic to make.
#[derive(Clone, Debug)]
pub(crate) struct NewTopic {
    pub(crate) name: String,
    pub(crate) partitions: i32,
    pub(crate) configs: BTreeMap<String, String>,
}

/// Whether a request is carried out or only checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    Real,
    ValidateOnly,
}

/// What to set of a topic's configs; `None` sets one back to its default.
pub(crate) type ConfigChanges = BTreeMap<String, Option<String>>;

type Reply<T> = oneshot::Sender<Result<T, Refusal>>;

#[derive(Debug)]
enum Command {
    Create(NewTopic, Effect, Reply<Arc<Topic>>),
    Delete(String, Reply<()>),
    Grow(String, i32, Effect, Reply<()>),
    Configure(String, ConfigChanges, Effect, Reply<()>),
    ProducerId(Reply<i64>),
}

impl TopicsHandle {
    pub(crate) fn catalogue(&self) -> Arc<Catalogue> {
        Arc::clone(&self.catalogue.borrow())
    }

    pub(crate) async fn create(
        &self,
        topic: NewTopic,
        effect: Effect,
    ) -> Result<Arc<Topic>, Refusal> {
        self.ask(|reply| Command::Create(topic, effect, reply)).await
    }

    pub(crate) async fn delete(&self, name: String) -> Result<(), Refusal> {
        self.ask(|reply| Command::Delete(name, reply)).await
    }

    /// Raises a topic's partitions to `count`.
    pub(crate) async fn grow(
        &self,
        name: String,
        count: i32,
        effect: Effect,
    ) -> Result<(), Refusal> {
        self.ask(|reply| Command::Grow(name, count, effect, reply)).await
    }

    /// Changes some of a topic's configs.
    pub(crate) async fn configure(
        &self,
        name: String,
        changes: ConfigChanges,
        effect: Effect,
    ) -> Result<(), Refusal> {
        self.ask(|reply| Command::Configure(name, changes, effect, reply)).await
    }

    /// A producer id that was never handed out before.
    pub(crate) async fn producer_id(&self) -> Result<i64, Refusal> {
        self.ask(Command::ProducerId).await
    }

    async fn ask<T>(&self, command: impl FnOnce(Reply<T>) -> Command) -> Result<T, Refusal> {
        let (reply, answer) = oneshot::channel();
        let stopping = || Refusal::new(ResponseError::BrokerNotAvailable, "the broker is stopping");
        self.inbox.send(command(reply)).await.map_err(|_closed| stopping())?;
        answer.await.map_err(|_closed| stopping())?
    }
}

/// Topics read from disk, their logs recovered, before any task runs.
#[derive(Debug)]
pub(crate) struct TopicsStart {
    store: TopicStore,
    storage: Storage,
    logs: BTreeMap<String, Vec<PartitionLog>>,
}

impl TopicsStart {
    /// Recovers every log that `store` lists. Blocks; belongs on a thread of its own.
    pub(crate) fn recover(store: TopicStore, storage: Storage) -> Result<Self, StoreError> {
        let mut logs = BTreeMap::new();
        for (name, topic) in store.topics() {
            let settings = LogSettings::from_configs(&topic.configs).unwrap_or_else(|invalid| {
                tracing::warn!(kafka.topic = name, %invalid, "A topic has configs that are ignored");
                LogSettings::from_configs(&BTreeMap::new()).expect("defaults are valid")
            });
            let count = usize::try_from(topic.partitions).unwrap_or(0);
            let directories = store.partition_directories(topic.id, 0..count);
            let opened = open_logs(directories, &settings, &storage);
            let path = store.topic_directory(topic.id);
            logs.insert(name.clone(), opened.map_err(|source| StoreError::Io { path, source })?);
        }
        Ok(Self { store, storage, logs })
    }

    /// Gives the logs to their threads and starts the owner.
    pub(crate) async fn start(self, owners: LogOwners, tasks: &Tasks) -> io::Result<TopicsHandle> {
        let mut catalogue = Catalogue::default();
        let Self { store, storage, mut logs } = self;
        for (name, stored) in store.topics() {
            let mut partitions = Vec::new();
            for log in logs.remove(name).unwrap_or_default() {
                partitions.push(owners.own(log).await);
            }
            let topic = Topic {
                name: name.clone(),
                id: stored.id,
                settings: LogSettings::from_configs(&stored.configs)
                    .or_else(|_invalid| LogSettings::from_configs(&BTreeMap::new()))
                    .expect("defaults are valid"),
                configs: stored.configs.clone(),
                partitions,
            };
            catalogue.topics.insert(name.clone(), Arc::new(topic));
        }
        let (inbox, commands) = mpsc::channel(INBOX_MAX);
        let (publish, published) = watch::channel(Arc::new(catalogue));
        let owner = Owner { store, storage, catalogue: publish, owners, producer_ids: 0..0 };
        tasks.spawn_thread("broker-topics", owner.run(commands, tasks.shutdown.clone()))?;
        Ok(TopicsHandle { inbox, catalogue: published })
    }
}

fn open_logs(
    directories: impl Iterator<Item = PathBuf>,
    settings: &LogSettings,
    storage: &Storage,
) -> io::Result<Vec<PartitionLog>> {
    let now_ms = clock::now_ms();
    let open = |path| PartitionLog::open(path, settings.clone(), storage.clone(), now_ms);
    directories.map(open).collect()
}

struct Owner {
    store: TopicStore,
    storage: Storage,
    catalogue: watch::Sender<Arc<Catalogue>>,
    owners: LogOwners,
    producer_ids: std::ops::Range<i64>,
}

impl Owner {
    async fn run(mut self, mut commands: mpsc::Receiver<Command>, shutdown: CancellationToken) {
        loop {
            let command = tokio::select! {
                command = commands.recv() => command,
                () = shutdown.cancelled() => None,
            };
            let Some(command) = command else { return };
            self.handle(command).await;
        }
    }

    /// A requester that went away needs no answer.
    async fn handle(&mut self, command: Command) {
        match command {
            Command::Create(topic, effect, reply) => {
                answer(reply, self.create(topic, effect).await);
            }
            Command::Delete(name, reply) => answer(reply, self.delete(&name).await),
            Command::Grow(name, count, effect, reply) => {
                answer(reply, self.grow(&name, count, effect).await);
            }
            Command::Configure(name, changes, effect, reply) => {
                answer(reply, self.configure(&name, changes, effect).await);
            }
            Command::ProducerId(reply) => answer(reply, self.producer_id()),
        }
    }

    async fn create(&mut self, new: NewTopic, effect: Effect) -> Result<Arc<Topic>, Refusal> {
        catalogue::check_name(&new.name)?;
        if self.store.topics().contains_key(&new.name) {
            let message = format!("Topic '{}' already exists.", new.name);
            return Err(Refusal::new(ResponseError::TopicAlreadyExists, message));
        }
        if self.store.topics().len() >= TOPICS_MAX {
            let message = format!("This broker allows at most {TOPICS_MAX} topics.");
            return Err(Refusal::new(ResponseError::PolicyViolation, message));
        }
        catalogue::check_partitions(new.partitions)?;
        let settings = catalogue::check_configs(&new.configs)?;
        let NewTopic { name, partitions, configs } = new;
        let mut topic =
            Topic { name, id: Uuid::new_v4(), configs, settings, partitions: Vec::new() };
        if effect == Effect::Real {
            let count = usize::try_from(partitions).unwrap_or(0);
            let directories = self.store.partition_directories(topic.id, 0..count);
            let logs = open_logs(directories, &topic.settings, &self.storage);
            let logs = logs.map_err(|error| storage(&error))?;
            let stored = StoredTopic { id: topic.id, partitions, configs: topic.configs.clone() };
            self.store.put(&topic.name, stored).map_err(|error| storage(&error))?;
            topic.partitions = self.own(logs).await;
        }
        let topic = Arc::new(topic);
        if effect == Effect::Real {
            self.publish(Arc::clone(&topic));
        }
        Ok(topic)
    }

    async fn delete(&mut self, name: &str) -> Result<(), Refusal> {
        let topic = self.topic(name)?;
        self.store.remove(name).map_err(|error| storage(&error))?;
        self.catalogue.send_modify(|current| {
            Arc::make_mut(current).topics.remove(name);
        });
        for log in &topic.partitions {
            log.close().await;
        }
        // The topic is gone whether or not its files are; the next start removes what is left.
        let directory = self.store.topic_directory(topic.id);
        if let Err(error) = std::fs::remove_dir_all(&directory) {
            tracing::warn!(kafka.topic = name, %error, "The files of a deleted topic remain");
        }
        Ok(())
    }

    async fn grow(&mut self, name: &str, count: i32, effect: Effect) -> Result<(), Refusal> {
        let topic = self.topic(name)?;
        let before = topic.partitions.len();
        let wanted = usize::try_from(count).unwrap_or(0);
        if wanted <= before {
            let message = if wanted == before {
                format!("Topic already has {before} partitions.")
            } else {
                let asked = format!("which is higher than the requested {count}");
                format!("Topic currently has {before} partitions, {asked}.")
            };
            return Err(Refusal::new(ResponseError::InvalidPartitions, message));
        }
        catalogue::check_partitions(count)?;
        if effect == Effect::ValidateOnly {
            return Ok(());
        }
        let directories = self.store.partition_directories(topic.id, before..wanted);
        let logs = open_logs(directories, &topic.settings, &self.storage);
        let logs = logs.map_err(|error| storage(&error))?;
        let configs = topic.configs.clone();
        let stored = StoredTopic { id: topic.id, partitions: count, configs };
        self.store.put(name, stored).map_err(|error| storage(&error))?;
        let mut grown = Topic::clone(&topic);
        grown.partitions.extend(self.own(logs).await);
        self.publish(Arc::new(grown));
        Ok(())
    }

    async fn configure(
        &mut self,
        name: &str,
        changes: ConfigChanges,
        effect: Effect,
    ) -> Result<(), Refusal> {
        let topic = self.topic(name)?;
        let mut configs = topic.configs.clone();
        for (config, value) in changes {
            match value {
                Some(value) => configs.insert(config, value),
                None => configs.remove(&config),
            };
        }
        let settings = catalogue::check_configs(&configs)?;
        if effect == Effect::ValidateOnly || configs == topic.configs {
            return Ok(());
        }
        let partitions = i32::try_from(topic.partitions.len()).unwrap_or(i32::MAX);
        let stored = StoredTopic { id: topic.id, partitions, configs: configs.clone() };
        self.store.put(name, stored).map_err(|error| storage(&error))?;
        for log in &topic.partitions {
            log.configure(settings.clone()).await;
        }
        self.publish(Arc::new(Topic { configs, settings, ..Topic::clone(&topic) }));
        Ok(())
    }

    fn producer_id(&mut self) -> Result<i64, Refusal> {
        if self.producer_ids.is_empty() {
            let first = self.store.reserve_producer_ids(PRODUCER_ID_BLOCK);
            let first = first.map_err(|error| storage(&error))?;
            self.producer_ids = first..first + PRODUCER_ID_BLOCK;
        }
        self.producer_ids.next().ok_or_else(|| {
            Refusal::new(ResponseError::UnknownServerError, "no producer id is left")
        })
    }

    fn topic(&self, name: &str) -> Result<Arc<Topic>, Refusal> {
        let message = format!("The topic '{name}' does not exist.");
        let unknown = |error| Refusal::new(error, message);
        self.catalogue.borrow().topic(name).cloned().map_err(unknown)
    }

    async fn own(&self, logs: Vec<PartitionLog>) -> Vec<LogHandle> {
        let mut handles = Vec::with_capacity(logs.len());
        for log in logs {
            handles.push(self.owners.own(log).await);
        }
        handles
    }

    fn publish(&self, topic: Arc<Topic>) {
        self.catalogue.send_modify(|current| {
            Arc::make_mut(current).topics.insert(topic.name.clone(), topic);
        });
    }
}

fn storage(error: &io::Error) -> Refusal {
    tracing::error!(%error, "The topics cannot be stored");
    Refusal::new(ResponseError::KafkaStorageError, "the topics cannot be stored")
}
