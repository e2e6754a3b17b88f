//! How others reach the groups: one method for each thing that can be asked.

use std::collections::BTreeMap;
use std::io;

use kafka_protocol::error::ResponseError;
use tokio::sync::{mpsc, oneshot};

use crate::groups::group::{Claim, GroupRules, IdFirst, Joined, Profile, Synced};
use crate::groups::offsets::{Committed, TopicPartition};
use crate::groups::offsets_file::OffsetsFile;
use crate::groups::owner::Owner;
use crate::tasks::Tasks;

/// Requests waiting for the owner; each connection has at most one.
const INBOX_MAX: usize = 1_024;

/// A way to the groups.
#[derive(Clone, Debug)]
pub(crate) struct GroupsHandle {
    inbox: mpsc::Sender<Command>,
}

/// A group as `ListGroups` and `DescribeGroups` show it.
#[derive(Clone, Debug)]
pub(crate) struct Description {
    pub(crate) group: String,
    pub(crate) state: &'static str,
    pub(crate) protocol_type: String,
    pub(crate) protocol: String,
    pub(crate) members: Vec<DescribedMember>,
}

/// A member as `DescribeGroups` shows it.
#[derive(Clone, Debug)]
pub(crate) struct DescribedMember {
    pub(crate) member_id: String,
    pub(crate) client_id: String,
    pub(crate) client_host: String,
    pub(crate) metadata: bytes::Bytes,
    pub(crate) assignment: bytes::Bytes,
}

pub(super) type Reply<T> = oneshot::Sender<T>;
pub(super) type Outcome<T> = Result<T, ResponseError>;

/// What a member asks for that is answered at once, or as soon as the group has moved.
#[derive(Debug)]
pub(super) enum Command {
    Join(String, JoinRequest, Reply<(String, Outcome<Joined>)>),
    Sync(String, Claim, Vec<(String, bytes::Bytes)>, Reply<Outcome<Synced>>),
    Heartbeat(String, Claim, Reply<Outcome<()>>),
    Leave(String, String, Reply<Outcome<()>>),
    Commit(String, Claim, Vec<(TopicPartition, Committed)>, Reply<Outcome<()>>),
    Committed(String, Reply<BTreeMap<TopicPartition, Committed>>),
    DeleteOffsets(String, Vec<TopicPartition>, Reply<Outcome<()>>),
    DeleteGroup(String, Reply<Outcome<()>>),
    ForgetTopic(String, Reply<Outcome<()>>),
    Describe(String, Reply<Option<Description>>),
    List(Reply<Vec<Description>>),
}

/// A `JoinGroup` request without the group's name.
#[derive(Debug)]
pub(crate) struct JoinRequest {
    pub(crate) member_id: String,
    pub(crate) id_first: IdFirst,
    pub(crate) profile: Profile,
}

impl GroupsHandle {
    /// Starts the owner.
    pub(crate) fn start(file: OffsetsFile, rules: GroupRules, tasks: &Tasks) -> io::Result<Self> {
        let (inbox, commands) = mpsc::channel(INBOX_MAX);
        let owner = Owner::new(file, rules);
        tasks.spawn_thread("broker-groups", owner.run(commands, tasks.shutdown.clone()))?;
        Ok(Self { inbox })
    }

    /// Joins; answers with the member's id and the generation when it begins.
    pub(crate) async fn join(&self, group: String, join: JoinRequest) -> (String, Outcome<Joined>) {
        let member_id = join.member_id.clone();
        let answer = self.ask(|reply| Command::Join(group, join, reply)).await;
        answer.unwrap_or_else(|error| (member_id, Err(error)))
    }

    pub(crate) async fn sync(
        &self,
        group: String,
        claim: Claim,
        assignments: Vec<(String, bytes::Bytes)>,
    ) -> Outcome<Synced> {
        self.ask(|reply| Command::Sync(group, claim, assignments, reply)).await?
    }

    pub(crate) async fn heartbeat(&self, group: String, claim: Claim) -> Outcome<()> {
        self.ask(|reply| Command::Heartbeat(group, claim, reply)).await?
    }

    pub(crate) async fn leave(&self, group: String, member_id: String) -> Outcome<()> {
        self.ask(|reply| Command::Leave(group, member_id, reply)).await?
    }

    /// Commits offsets; answers once the kernel has them.
    pub(crate) async fn commit(
        &self,
        group: String,
        claim: Claim,
        offsets: Vec<(TopicPartition, Committed)>,
    ) -> Outcome<()> {
        self.ask(|reply| Command::Commit(group, claim, offsets, reply)).await?
    }

    /// What a group committed; nothing for one that does not exist, as in Kafka.
    pub(crate) async fn committed(
        &self,
        group: String,
    ) -> Outcome<BTreeMap<TopicPartition, Committed>> {
        self.ask(|reply| Command::Committed(group, reply)).await
    }

    pub(crate) async fn delete_offsets(
        &self,
        group: String,
        offsets: Vec<TopicPartition>,
    ) -> Outcome<()> {
        self.ask(|reply| Command::DeleteOffsets(group, offsets, reply)).await?
    }

    pub(crate) async fn delete_group(&self, group: String) -> Outcome<()> {
        self.ask(|reply| Command::DeleteGroup(group, reply)).await?
    }

    /// Forgets what all groups committed for a topic that no longer exists.
    pub(crate) async fn forget_topic(&self, topic: String) -> Outcome<()> {
        self.ask(|reply| Command::ForgetTopic(topic, reply)).await?
    }

    pub(crate) async fn describe(&self, group: String) -> Outcome<Option<Description>> {
        self.ask(|reply| Command::Describe(group, reply)).await
    }

    pub(crate) async fn list(&self) -> Outcome<Vec<Description>> {
        self.ask(Command::List).await
    }

    async fn ask<T>(&self, command: impl FnOnce(Reply<T>) -> Command) -> Outcome<T> {
        let (reply, answer) = oneshot::channel();
        let stopping = ResponseError::CoordinatorNotAvailable;
        self.inbox.send(command(reply)).await.map_err(|_closed| stopping)?;
        answer.await.map_err(|_closed| stopping)
    }
}
