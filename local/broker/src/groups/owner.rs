//! The task that owns every group and the committed offsets.
//!
//! It carries requests to the state machines, answers back to those who wait, and changes to the
//! offsets file. It makes no decisions of the protocol itself.

use std::collections::BTreeMap;

use kafka_protocol::error::ResponseError;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::groups::group::{Action, Group, GroupRules, Input, Joined, Synced, Ticket};
use crate::groups::handle::{Command, DescribedMember, Description, JoinRequest, Outcome, Reply};
use crate::groups::offsets::{Change, TopicPartition};
use crate::groups::offsets_file::OffsetsFile;
use crate::groups::roster::Roster;
use crate::reply::answer;

/// Groups that may exist at once, with members or with offsets.
const GROUPS_MAX: usize = 10_000;

/// Who waits for an [`Action`].
enum Waiter {
    Join(Reply<(String, Outcome<Joined>)>),
    Sync(Reply<Outcome<Synced>>),
    Done(Reply<Outcome<()>>),
    Commit(Vec<Change>, Reply<Outcome<()>>),
}

/// All groups, and who waits for what.
pub(super) struct Owner {
    rules: GroupRules,
    file: OffsetsFile,
    groups: BTreeMap<String, Group>,
    waiting: BTreeMap<Ticket, Waiter>,
    next_ticket: Ticket,
}

impl Owner {
    pub(super) fn new(file: OffsetsFile, rules: GroupRules) -> Self {
        let now = Instant::now();
        let restore = |(id, bytes): (&String, &[u8])| {
            let roster = Roster::decode(bytes);
            if roster.is_none() {
                tracing::warn!(kafka.group = id, "A group's members are not known any more");
            }
            Some((id.clone(), Group::restore(rules, roster?, now)))
        };
        let groups = file.offsets().rosters().filter_map(restore).collect();
        Self { rules, file, groups, waiting: BTreeMap::new(), next_ticket: 0 }
    }

    pub(super) async fn run(
        mut self,
        mut commands: mpsc::Receiver<Command>,
        shutdown: CancellationToken,
    ) {
        loop {
            let wakeup = self.groups.values().filter_map(Group::next_wakeup).min();
            let timer = async {
                match wakeup {
                    Some(at) => tokio::time::sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                command = commands.recv() => match command {
                    Some(command) => self.handle(command),
                    None => return,
                },
                () = timer => self.tick(),
                () = shutdown.cancelled() => return,
            }
        }
    }

    fn tick(&mut self) {
        let now = Instant::now();
        let due =
            self.groups.iter().filter(|(_, group)| group.next_wakeup().is_some_and(|at| at <= now));
        let due: Vec<String> = due.map(|(id, _)| id.clone()).collect();
        for id in due {
            self.drive(&id, Input::Tick);
        }
    }

    fn handle(&mut self, command: Command) {
        match command {
            Command::Join(group, join, reply) => self.join(&group, join, reply),
            Command::Sync(group, member, assignments, reply) => {
                let ticket = self.wait(Waiter::Sync(reply));
                self.drive(&group, Input::Sync { ticket, member, assignments });
            }
            Command::Heartbeat(group, member, reply) => {
                let ticket = self.wait(Waiter::Done(reply));
                self.drive(&group, Input::Heartbeat { ticket, member });
            }
            Command::Leave(group, member_id, reply) => {
                let ticket = self.wait(Waiter::Done(reply));
                self.drive(&group, Input::Leave { ticket, member_id });
            }
            Command::Commit(group, _, offsets, reply)
                if !offsets.is_empty() && self.has_no_room_for(&group) =>
            {
                answer(reply, Err(ResponseError::CoordinatorNotAvailable));
            }
            // Whoever says a generation was a member of a group that exists, if only by its offsets.
            Command::Commit(group, member, _, reply)
                if member.generation >= 0 && self.is_known_by_offsets_alone(&group) =>
            {
                answer(reply, Err(ResponseError::UnknownMemberId));
            }
            Command::Commit(group, member, offsets, reply) => {
                let changes = offsets.into_iter().map(|(at, committed)| {
                    let group = group.clone();
                    Change::Commit { group, at, committed }
                });
                let changes = changes.collect();
                let ticket = self.wait(Waiter::Commit(changes, reply));
                self.drive(&group, Input::Commit { ticket, member });
            }
            Command::Committed(group, reply) => {
                let offsets = self.file.offsets().of_group(&group).cloned();
                answer(reply, offsets.unwrap_or_default());
            }
            Command::DeleteOffsets(group, offsets, reply) => {
                answer(reply, self.delete_offsets(&group, offsets));
            }
            Command::DeleteGroup(group, reply) => answer(reply, self.delete_group(group)),
            Command::ForgetTopic(topic, reply) => {
                answer(reply, self.write(vec![Change::ForgetTopic { topic }]));
            }
            Command::Describe(group, reply) => answer(reply, self.describe(&group)),
            Command::List(reply) => answer(reply, self.list()),
        }
    }

    fn join(&mut self, group: &str, join: JoinRequest, reply: Reply<(String, Outcome<Joined>)>) {
        if self.has_no_room_for(group) {
            answer(reply, (join.member_id, Err(ResponseError::CoordinatorNotAvailable)));
            return;
        }
        let ticket = self.wait(Waiter::Join(reply));
        let JoinRequest { member_id, id_first, profile } = join;
        let fresh_id = format!("{}-{}", profile.client_id, Uuid::new_v4());
        self.drive(group, Input::Join { ticket, member_id, fresh_id, id_first, profile });
    }

    /// Whether the group would be one too many. One with both members and offsets counts twice,
    /// which errs on the side of the limit.
    fn has_no_room_for(&self, group: &str) -> bool {
        let offsets = self.file.offsets();
        let is_known = self.groups.contains_key(group) || offsets.of_group(group).is_some();
        !is_known && self.groups.len() + offsets.groups().len() >= GROUPS_MAX
    }

    fn is_known_by_offsets_alone(&self, group: &str) -> bool {
        !self.groups.contains_key(group) && self.file.offsets().of_group(group).is_some()
    }

    fn wait(&mut self, waiter: Waiter) -> Ticket {
        self.next_ticket += 1;
        self.waiting.insert(self.next_ticket, waiter);
        self.next_ticket
    }

    /// Gives `input` to a group, which comes into being with its first request and goes with its
    /// last member.
    fn drive(&mut self, id: &str, input: Input) {
        let rules = self.rules;
        let group = self.groups.entry(id.to_owned()).or_insert_with(|| Group::new(rules));
        let before = group.state_name();
        let actions = group.handle(Instant::now(), input);
        if group.state_name() != before {
            tracing::debug!(
                kafka.group = id,
                from = before,
                to = group.state_name(),
                "A group moved"
            );
        }
        // Before anybody is told: after a restart they find what they were told.
        let has_moved = group.state_name() != before;
        let change = match has_moved.then(|| group.roster()).flatten() {
            Some(roster) => Some(Change::Roster { group: id.to_owned(), roster: roster.encode() }),
            None if !group.has_members() && self.file.offsets().has_roster(id) => {
                Some(Change::Disband { group: id.to_owned() })
            }
            None => None,
        };
        if group.is_empty() {
            self.groups.remove(id);
        }
        if let Some(change) = change
            && let Err(error) = self.file.append(vec![change])
        {
            // They go on; only a restart would have them join again.
            tracing::error!(kafka.group = id, %error, "A group's members cannot be written");
        }
        for action in actions {
            self.act(action);
        }
    }

    /// A requester that went away needs no answer, so answers nobody takes are dropped.
    fn act(&mut self, action: Action) {
        let ticket = match &action {
            Action::Joined { ticket, .. }
            | Action::Synced { ticket, .. }
            | Action::Done { ticket, .. } => *ticket,
        };
        match (self.waiting.remove(&ticket), action) {
            (Some(Waiter::Join(reply)), Action::Joined { result, member_id, .. }) => {
                answer(reply, (member_id, result));
            }
            (Some(Waiter::Sync(reply)), Action::Synced { result, .. }) => {
                answer(reply, result);
            }
            (Some(Waiter::Done(reply)), Action::Done { result, .. }) => {
                answer(reply, result);
            }
            (Some(Waiter::Commit(changes, reply)), Action::Done { result, .. }) => {
                answer(reply, result.and_then(|()| self.write(changes)));
            }
            (Some(_) | None, _) => tracing::error!(ticket, "An answer found nobody to take it"),
        }
    }

    fn write(&mut self, changes: Vec<Change>) -> Outcome<()> {
        self.file.append(changes).map_err(|error| {
            tracing::error!(%error, "Offsets cannot be written");
            // What Kafka makes of a storage error while it appends commits.
            ResponseError::CoordinatorNotAvailable
        })
    }

    fn delete_offsets(&mut self, group: &str, offsets: Vec<TopicPartition>) -> Outcome<()> {
        if self.groups.get(group).is_some_and(Group::has_members) {
            return Err(ResponseError::GroupSubscribedToTopic);
        }
        self.file.offsets().of_group(group).ok_or(ResponseError::GroupIdNotFound)?;
        let forget = |at| Change::Forget { group: group.to_owned(), at };
        self.write(offsets.into_iter().map(forget).collect())
    }

    fn delete_group(&mut self, group: String) -> Outcome<()> {
        match self.groups.get(&group) {
            Some(state) if state.has_members() => Err(ResponseError::NonEmptyGroup),
            Some(_) | None => {
                let known = self.groups.remove(&group).is_some();
                if !known && self.file.offsets().of_group(&group).is_none() {
                    return Err(ResponseError::GroupIdNotFound);
                }
                self.write(vec![Change::ForgetGroup { group }])
            }
        }
    }

    fn describe(&self, id: &str) -> Option<Description> {
        let Some(group) = self.groups.get(id) else {
            return self.file.offsets().of_group(id).map(|_| Description {
                group: id.to_owned(),
                state: "Empty",
                protocol_type: "consumer".to_owned(),
                protocol: String::new(),
                members: Vec::new(),
            });
        };
        let members = group.members().map(|(member_id, member)| DescribedMember {
            member_id: member_id.to_owned(),
            client_id: member.profile.client_id.clone(),
            client_host: member.profile.client_host.clone(),
            metadata: member.metadata(group.protocol()),
            assignment: member.assignment.clone(),
        });
        Some(Description {
            group: id.to_owned(),
            state: group.state_name(),
            protocol_type: group.protocol_type().to_owned(),
            protocol: group.protocol().to_owned(),
            members: members.collect(),
        })
    }

    fn list(&self) -> Vec<Description> {
        let mut ids: Vec<&String> =
            self.groups.keys().chain(self.file.offsets().groups()).collect();
        ids.sort_unstable();
        ids.dedup();
        ids.into_iter().filter_map(|id| self.describe(id)).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::sync::oneshot;

    use super::*;
    use crate::groups::group::{Claim, IdFirst, Profile};
    use crate::groups::offsets::Committed;

    const RULES: GroupRules = GroupRules {
        session_timeout_min: Duration::ZERO,
        session_timeout_max: Duration::MAX,
        initial_rebalance_delay: Duration::ZERO,
        members_max: 9,
    };

    /// Commits an offset from outside any generation, as tools do.
    fn commit(owner: &mut Owner, group: &str) -> Outcome<()> {
        let (reply, mut answer) = oneshot::channel();
        let at = TopicPartition { topic: "t".to_owned(), partition: 0 };
        let committed = Committed { offset: 1, leader_epoch: -1, metadata: String::new() };
        let member =
            Claim { member_id: String::new(), generation: -1, protocol_type: None, protocol: None };
        owner.handle(Command::Commit(group.to_owned(), member, vec![(at, committed)], reply));
        answer.try_recv().unwrap()
    }

    #[test]
    fn commits_alone_cannot_make_more_groups_than_there_may_be() {
        let directory = tempfile::tempdir().unwrap();
        let file = OffsetsFile::open(directory.path().join("offsets.log")).unwrap();
        let mut owner = Owner::new(file, RULES);
        for number in 0..GROUPS_MAX {
            assert_eq!(commit(&mut owner, &number.to_string()), Ok(()));
        }
        let refused = Err(ResponseError::CoordinatorNotAvailable);
        assert_eq!(commit(&mut owner, "one more"), refused);
        assert_eq!(commit(&mut owner, "0"), Ok(()));
    }

    fn join(owner: &mut Owner, member_id: &str) -> oneshot::Receiver<(String, Outcome<Joined>)> {
        let profile = Profile {
            client_id: "c".to_owned(),
            client_host: "/127.0.0.1".to_owned(),
            session_timeout: Duration::from_secs(10),
            rebalance_timeout: Duration::from_secs(10),
            protocol_type: "consumer".to_owned(),
            protocols: vec![("range".to_owned(), bytes::Bytes::new())],
        };
        let (reply, answer) = oneshot::channel();
        let (member_id, id_first) = (member_id.to_owned(), IdFirst::NotRequired);
        let join = JoinRequest { member_id, id_first, profile };
        owner.handle(Command::Join("g".to_owned(), join, reply));
        answer
    }

    fn sync(owner: &mut Owner, member: Claim, id: &str) -> Outcome<Synced> {
        let (reply, mut answer) = oneshot::channel();
        let assignments = vec![(id.to_owned(), bytes::Bytes::from_static(b"all"))];
        owner.handle(Command::Sync("g".to_owned(), member, assignments, reply));
        answer.try_recv().unwrap()
    }

    fn beat(owner: &mut Owner, member: Claim) -> Outcome<()> {
        let (reply, mut answer) = oneshot::channel();
        owner.handle(Command::Heartbeat("g".to_owned(), member, reply));
        answer.try_recv().unwrap()
    }

    fn claim(id: &str, generation: i32) -> Claim {
        Claim { member_id: id.to_owned(), generation, protocol_type: None, protocol: None }
    }

    #[test]
    fn members_go_on_after_a_restart_until_they_leave() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("offsets.log");
        let start = || Owner::new(OffsetsFile::open(path.clone()).unwrap(), RULES);
        let mut owner = start();
        let (id, joined) = join(&mut owner, "").try_recv().unwrap();
        let generation = joined.unwrap().generation;
        sync(&mut owner, claim(&id, generation), &id).unwrap();
        drop(owner);
        let mut owner = start();
        assert_eq!(beat(&mut owner, claim(&id, generation)), Ok(()));
        let again = sync(&mut owner, claim(&id, generation), "").unwrap();
        assert_eq!(again.assignment, &b"all"[..]);
        assert_eq!(owner.describe("g").unwrap().state, "Stable");
        // Another one makes them all join again, and the generation after that one is new.
        let _other = join(&mut owner, "");
        let told = beat(&mut owner, claim(&id, generation));
        assert_eq!(told, Err(ResponseError::RebalanceInProgress));
        drop(owner);
        let mut owner = start();
        let (reply, mut left) = oneshot::channel();
        owner.handle(Command::Leave("g".to_owned(), id.clone(), reply));
        assert_eq!(left.try_recv().unwrap(), Ok(()));
        drop(owner);
        let unknown = Err(ResponseError::UnknownMemberId);
        assert_eq!(beat(&mut start(), claim(&id, generation)), unknown);
    }

    #[test]
    fn members_that_ended_with_the_broker_are_not_waited_for() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("offsets.log");
        let mut owner = Owner::new(OffsetsFile::open(path.clone()).unwrap(), RULES);
        let (id, joined) = join(&mut owner, "").try_recv().unwrap();
        sync(&mut owner, claim(&id, joined.unwrap().generation), &id).unwrap();
        drop(owner);
        let file = OffsetsFile::open_without_members(path).unwrap();
        let mut owner = Owner::new(file, RULES);
        assert!(join(&mut owner, "").try_recv().unwrap().1.is_ok());
    }
}
