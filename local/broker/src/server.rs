//! The running broker: puts its parts together, accepts connections, stops in order.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

use crate::config::{BrokerConfig, TopicConfig};
use crate::connection;
use crate::data_dir::{self, DataDirError, DataDirLock};
use crate::faults::Faults;
use crate::groups::GroupsHandle;
use crate::groups::group::GroupRules;
use crate::groups::offsets_file::OffsetsFile;
use crate::log::{LogOwners, Storage};
use crate::memory::Memory;
use crate::node::Node;
use crate::tasks::Tasks;
use crate::topics::catalogue::Refusal;
use crate::topics::owner::{Effect, NewTopic};
use crate::topics::{StoreError, TopicStore, TopicsHandle, TopicsStart};

/// How long a stopping broker waits for its tasks, each of which ends at its next step.
const SHUTDOWN_MAX: Duration = Duration::from_secs(10);

/// How long to wait after a failed accept, which fails again at once while file handles are short.
const ACCEPT_RETRY: Duration = Duration::from_millis(50);

/// Why a broker did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BrokerStartError {
    /// The data directory cannot be used, or another broker uses it.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// The topics or their logs cannot be read.
    #[error(transparent)]
    Topics(#[from] StoreError),
    /// The committed offsets cannot be read.
    #[error("cannot use `{}`", path.display())]
    Offsets {
        /// Their file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A configured topic cannot be made or changed.
    #[error("topic `{topic}` cannot be had: {reason}")]
    Topic {
        /// Its name.
        topic: String,
        /// What is wrong, in Kafka's words.
        reason: String,
    },
    /// The system gives no thread for the logs.
    #[error("a thread cannot be started")]
    Thread(#[source] io::Error),
    /// The listener has no address.
    #[error("the listener cannot be used")]
    Listener(#[source] io::Error),
    /// Recovery did not come to an end.
    #[error("recovery of the logs was interrupted")]
    Interrupted(#[source] tokio::task::JoinError),
}

/// A running broker. Dropping it stops it without waiting; [`Broker::shutdown`] waits. The data
/// directory is free when nothing can write to it any more.
#[derive(Debug)]
pub struct Broker {
    node: Arc<Node>,
    address: SocketAddr,
    tasks: Tasks,
}

impl Broker {
    /// Recovers what is in the data directory, makes the configured topics, and serves clients on
    /// `listener` from then on.
    ///
    /// Everything that was acknowledged before, even by a process that was killed, is there again.
    pub async fn start(
        listener: TcpListener,
        config: BrokerConfig,
    ) -> Result<Self, BrokerStartError> {
        let address = listener.local_addr().map_err(BrokerStartError::Listener)?;
        let (data_dir, storage) = (config.data_dir.clone(), Storage::new(config.fsync));
        let members_outlive = config.members_outlive_restarts;
        let recover = move || recover(&data_dir, storage, members_outlive);
        let recovery = tokio::task::spawn_blocking(recover).await;
        let recovered = recovery.map_err(BrokerStartError::Interrupted)??;
        let tasks = Tasks::new(recovered.lock);
        let logs = LogOwners::start(&tasks).map_err(BrokerStartError::Thread)?;
        let topics =
            recovered.topics.start(logs, &tasks).await.map_err(BrokerStartError::Thread)?;
        let groups = GroupsHandle::start(
            recovered.offsets.synced(config.fsync),
            group_rules(&config),
            &tasks,
        );
        let (host, port) = config.advertised.clone().unwrap_or_else(|| reachable(address));
        let node = Arc::new(Node {
            cluster_id: recovered.cluster_id,
            host,
            port,
            topics,
            groups: groups.map_err(BrokerStartError::Thread)?,
            fetches: Memory::new(config.limits.fetches_bytes_max),
            faults: Faults::new(),
            shutdown: tasks.shutdown.clone(),
            config,
        });
        let broker = Self { node, address, tasks };
        for topic in &broker.node.config.topics {
            if let Err(refusal) = ensure_topic(&broker.node.topics, topic).await {
                let (topic, reason) = (topic.name.clone(), refusal.message);
                broker.shutdown().await;
                return Err(BrokerStartError::Topic { topic, reason });
            }
        }
        let tracker = &broker.tasks.tracker;
        tracker.spawn(accept(listener, Arc::clone(&broker.node), tracker.clone()));
        Ok(broker)
    }

    /// The cluster's id, 22 characters that stay the same for a data directory.
    pub fn cluster_id(&self) -> &str {
        &self.node.cluster_id
    }

    /// Where the broker listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    #[cfg(test)]
    pub(crate) fn node(&self) -> &Node {
        &self.node
    }

    /// What this broker does wrong on purpose; nothing unless told.
    pub fn faults(&self) -> &Faults {
        &self.node.faults
    }

    /// Drops all connections, ends all tasks and gives the data directory free. Waits some seconds
    /// for a disk that hangs; then the directory is free when the disk has answered.
    pub async fn shutdown(self) {
        self.node.shutdown.cancel();
        self.tasks.tracker.close();
        if tokio::time::timeout(SHUTDOWN_MAX, self.tasks.tracker.wait()).await.is_err() {
            tracing::warn!("The broker stopped before all its tasks ended");
        }
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.node.shutdown.cancel();
    }
}

/// What was read from the data directory.
struct Recovered {
    lock: DataDirLock,
    cluster_id: String,
    topics: TopicsStart,
    offsets: OffsetsFile,
}

fn recover(
    data_dir: &Path,
    storage: Storage,
    members_outlive: bool,
) -> Result<Recovered, BrokerStartError> {
    let lock = data_dir::lock(data_dir)?;
    let cluster_id = data_dir::cluster_id(data_dir)?;
    let storage = if data_dir::is_same_boot(data_dir) { storage } else { storage.after_boot() };
    let topics = TopicsStart::recover(TopicStore::open(data_dir)?, storage)?;
    data_dir::note_boot(data_dir)?;
    let path = data_dir.join("offsets.log");
    let offsets = if members_outlive {
        OffsetsFile::open(path.clone())
    } else {
        OffsetsFile::open_without_members(path.clone())
    };
    let offsets = offsets.map_err(|source| BrokerStartError::Offsets { path, source })?;
    Ok(Recovered { lock, cluster_id, topics, offsets })
}

fn group_rules(config: &BrokerConfig) -> GroupRules {
    GroupRules {
        session_timeout_min: config.limits.group_session_timeout_min,
        session_timeout_max: config.limits.group_session_timeout_max,
        initial_rebalance_delay: config.limits.group_initial_rebalance_delay,
        members_max: config.limits.group_members_max,
    }
}

/// The address clients are told; one cannot connect to "any address", so that becomes this host.
fn reachable(address: SocketAddr) -> (String, u16) {
    let host = match address.ip() {
        ip if ip.is_unspecified() => "localhost".to_owned(),
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => ip.to_string(),
    };
    (host, address.port())
}

/// Makes a configured topic, or brings one that exists up to it.
async fn ensure_topic(topics: &TopicsHandle, wanted: &TopicConfig) -> Result<(), Refusal> {
    let TopicConfig { name, partitions, configs } = wanted.clone();
    let Some(topic) = topics.catalogue().topics.get(&name).cloned() else {
        return topics.create(NewTopic { name, partitions, configs }, Effect::Real).await.map(drop);
    };
    if i32::try_from(topic.partitions.len()).is_ok_and(|count| count < partitions) {
        topics.grow(name.clone(), partitions, Effect::Real).await?;
    }
    let changes = configs.into_iter().map(|(config, value)| (config, Some(value))).collect();
    topics.configure(name, changes, Effect::Real).await
}

async fn accept(listener: TcpListener, node: Arc<Node>, tasks: TaskTracker) {
    let limits = &node.config.limits;
    let places = Arc::new(Semaphore::new(limits.connections_max));
    let memory = Memory::new(limits.requests_bytes_max);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = node.shutdown.cancelled() => return,
        };
        let (stream, address) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "A connection cannot be accepted");
                tokio::time::sleep(ACCEPT_RETRY).await;
                continue;
            }
        };
        if node.faults.refuses() {
            tracing::debug!(%address, "A connection was refused on purpose");
            continue;
        }
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
            tracing::warn!(
                limit = limits.connections_max,
                "A connection over the limit was closed"
            );
            continue;
        };
        let serve = connection::serve(Arc::clone(&node), stream, address, memory.clone());
        tasks.spawn(async move {
            serve.await;
            drop(place);
        });
    }
}
