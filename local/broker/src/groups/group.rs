//! The rules of one consumer group, as Kafka's coordinator follows them: a state machine that is
//! told what happened and when, and says whom to answer what. It does no I/O and reads no clock.
//!
//! Source: Kafka's classic group protocol (`GroupCoordinator`, `GroupMetadata`), KIP-394 (member
//! ids before joining), KIP-559 (protocol names in answers).

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use kafka_protocol::error::ResponseError;
use tokio::time::Instant;

pub(crate) use self::messages::{Action, Claim, GroupRules, IdFirst, Input, Joined, Synced};
use crate::groups::member::Member;
pub(crate) use crate::groups::member::{Profile, Ticket};
use crate::groups::roster::{Roster, RosterMember};

mod messages;
mod requests;
#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;

/// Where a group is in its round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// No members.
    Empty,
    /// Waiting for every member to join, until the deadline; a first round waits at least until
    /// `not_before` for others to come.
    Joining { deadline: Instant, not_before: Instant },
    /// Everybody knows the generation; waiting for the leader's assignment, until the deadline.
    Syncing { deadline: Instant },
    /// Everybody has an assignment.
    Stable,
}

/// One consumer group.
#[derive(Debug)]
pub(crate) struct Group {
    rules: GroupRules,
    phase: Phase,
    generation: i32,
    protocol_type: Option<String>,
    protocol: Option<String>,
    leader: Option<String>,
    members: BTreeMap<String, Member>,
    /// Ids handed out to members that have not come back with them, and until when they may.
    pending: BTreeMap<String, Instant>,
    actions: Vec<Action>,
}

impl Group {
    pub(crate) fn new(rules: GroupRules) -> Self {
        Self {
            rules,
            phase: Phase::Empty,
            generation: 0,
            protocol_type: None,
            protocol: None,
            leader: None,
            members: BTreeMap::new(),
            pending: BTreeMap::new(),
            actions: Vec::new(),
        }
    }

    /// A group whose members had their assignments when the process ended: they go on, and each is
    /// given its session's time to be heard of.
    pub(crate) fn restore(rules: GroupRules, roster: Roster, now: Instant) -> Self {
        let members = roster.members.into_iter().map(|one| {
            let member = Member { assignment: one.assignment, ..Member::new(one.profile, now) };
            (one.id, member)
        });
        Self {
            phase: Phase::Stable,
            generation: roster.generation,
            protocol_type: Some(roster.protocol_type),
            protocol: Some(roster.protocol),
            leader: Some(roster.leader),
            members: members.collect(),
            ..Self::new(rules)
        }
    }

    /// The members with their assignments, once everybody has one.
    pub(crate) fn roster(&self) -> Option<Roster> {
        if self.phase != Phase::Stable {
            return None;
        }
        let members = self.members.iter().map(|(id, member)| RosterMember {
            id: id.clone(),
            profile: member.profile.clone(),
            assignment: member.assignment.clone(),
        });
        Some(Roster {
            generation: self.generation,
            protocol_type: self.protocol_type().to_owned(),
            protocol: self.protocol.clone().unwrap_or_default(),
            leader: self.leader.clone().unwrap_or_default(),
            members: members.collect(),
        })
    }

    /// Takes in what happened and says what is to be answered.
    pub(crate) fn handle(&mut self, now: Instant, input: Input) -> Vec<Action> {
        self.expire(now);
        match input {
            Input::Join { ticket, member_id, fresh_id, id_first, profile } => {
                let (given, fresh) = (member_id.clone(), fresh_id.clone());
                let asked = requests::Join { ticket, member_id, fresh_id, id_first, profile };
                if let Err(error) = self.join(now, asked) {
                    let is_told = error == ResponseError::MemberIdRequired;
                    let (result, member_id) = (Err(error), if is_told { fresh } else { given });
                    self.actions.push(Action::Joined { ticket, result, member_id });
                }
            }
            Input::Sync { ticket, member, assignments } => {
                if let Err(error) = self.sync(now, ticket, &member, assignments) {
                    self.actions.push(Action::Synced { ticket, result: Err(error) });
                }
            }
            Input::Heartbeat { ticket, member } => {
                let result = self.heartbeat(now, &member);
                self.actions.push(Action::Done { ticket, result });
            }
            Input::Leave { ticket, member_id } => {
                let result = self.leave(now, &member_id);
                self.actions.push(Action::Done { ticket, result });
            }
            Input::Commit { ticket, member } => {
                let result = self.commit(now, &member);
                self.actions.push(Action::Done { ticket, result });
            }
            Input::Tick => {}
        }
        self.finish_joining_if_all_are_here(now);
        std::mem::take(&mut self.actions)
    }

    /// When [`Input::Tick`] is due next; `None` while only members can move the group.
    pub(crate) fn next_wakeup(&self) -> Option<Instant> {
        let deaths = self.members.values().filter(|member| !member.is_waiting());
        let phase = match self.phase {
            Phase::Joining { deadline, not_before } if self.all_have_joined() => {
                Some(deadline.min(not_before))
            }
            Phase::Joining { deadline, .. } | Phase::Syncing { deadline } => Some(deadline),
            Phase::Empty | Phase::Stable => None,
        };
        let expiries = deaths.map(|member| member.expires).chain(self.pending.values().copied());
        expiries.chain(phase).min()
    }

    /// Whether the group has neither members nor ids waiting to be used.
    pub(crate) fn is_empty(&self) -> bool {
        self.members.is_empty() && self.pending.is_empty()
    }

    /// Whether a member's subscription may name topics whose offsets are in use.
    pub(crate) fn has_members(&self) -> bool {
        !self.members.is_empty()
    }

    /// Kafka's name for the phase.
    pub(crate) fn state_name(&self) -> &'static str {
        match self.phase {
            Phase::Empty => "Empty",
            Phase::Joining { .. } => "PreparingRebalance",
            Phase::Syncing { .. } => "CompletingRebalance",
            Phase::Stable => "Stable",
        }
    }

    pub(crate) fn protocol_type(&self) -> &str {
        self.protocol_type.as_deref().unwrap_or_default()
    }

    /// The assignor in use; Kafka shows it of stable groups only.
    pub(crate) fn protocol(&self) -> &str {
        match self.phase {
            Phase::Stable => self.protocol.as_deref().unwrap_or_default(),
            Phase::Empty | Phase::Joining { .. } | Phase::Syncing { .. } => "",
        }
    }

    /// The members with what an administrator is shown of them.
    pub(crate) fn members(&self) -> impl Iterator<Item = (&str, &Member)> {
        self.members.iter().map(|(id, member)| (id.as_str(), member))
    }

    /// Removes whoever was silent for too long, and ends phases that took too long.
    fn expire(&mut self, now: Instant) {
        self.pending.retain(|_, until| *until > now);
        let is_dead = |member: &Member| !member.is_waiting() && member.expires <= now;
        let dead = self.members.iter().filter(|(_, member)| is_dead(member));
        let dead: Vec<String> = dead.map(|(id, _)| id.clone()).collect();
        for id in dead {
            self.remove(now, &id);
        }
        match self.phase {
            Phase::Joining { deadline, .. } if deadline <= now => self.finish_joining(now),
            Phase::Syncing { deadline } if deadline <= now => self.drop_those_who_never_synced(now),
            Phase::Empty | Phase::Joining { .. } | Phase::Syncing { .. } | Phase::Stable => {}
        }
        self.finish_joining_if_all_are_here(now);
    }

    fn drop_those_who_never_synced(&mut self, now: Instant) {
        let absent = self.members.iter().filter(|(_, member)| member.syncing.is_none());
        let absent: Vec<String> = absent.map(|(id, _)| id.clone()).collect();
        for id in absent {
            self.members.remove(&id);
        }
        self.start_joining(now);
    }

    /// Takes a member out, which starts a round unless one is under way.
    fn remove(&mut self, now: Instant, id: &str) {
        let Some(member) = self.members.remove(id) else { return };
        self.refuse_waiting(id, &member, ResponseError::UnknownMemberId);
        match self.phase {
            Phase::Stable | Phase::Syncing { .. } => self.start_joining(now),
            Phase::Empty | Phase::Joining { .. } => {}
        }
    }

    fn refuse_waiting(&mut self, id: &str, member: &Member, error: ResponseError) {
        if let Some(ticket) = member.joining {
            let member_id = id.to_owned();
            self.actions.push(Action::Joined { ticket, result: Err(error), member_id });
        }
        if let Some(ticket) = member.syncing {
            self.actions.push(Action::Synced { ticket, result: Err(error) });
        }
    }

    /// Asks everybody to join again.
    fn start_joining(&mut self, now: Instant) {
        let first_round = self.phase == Phase::Empty;
        for member in self.members.values_mut() {
            member.assignment = Bytes::new();
            if let Some(ticket) = member.syncing.take() {
                member.touch(now);
                let result = Err(ResponseError::RebalanceInProgress);
                self.actions.push(Action::Synced { ticket, result });
            }
        }
        let delay = if first_round { self.rules.initial_rebalance_delay } else { Duration::ZERO };
        let not_before = now + delay;
        let deadline = (now + self.rebalance_timeout()).max(not_before);
        self.phase = Phase::Joining { deadline, not_before };
    }

    fn rebalance_timeout(&self) -> Duration {
        let timeouts = self.members.values().map(|member| member.profile.rebalance_timeout);
        timeouts.max().unwrap_or_default()
    }

    fn all_have_joined(&self) -> bool {
        self.pending.is_empty() && self.members.values().all(|member| member.joining.is_some())
    }

    fn finish_joining_if_all_are_here(&mut self, now: Instant) {
        if let Phase::Joining { not_before, .. } = self.phase
            && (now >= not_before || self.members.is_empty())
            && self.all_have_joined()
        {
            self.finish_joining(now);
        }
    }

    /// Begins a generation with those who joined; whoever did not is out.
    fn finish_joining(&mut self, now: Instant) {
        self.members.retain(|_, member| member.joining.is_some());
        self.generation = self.generation.checked_add(1).unwrap_or(1);
        if self.members.is_empty() {
            self.phase = Phase::Empty;
            self.leader = None;
            self.protocol = None;
            return;
        }
        self.protocol = self.elect_protocol();
        let in_office = self.leader.take().filter(|leader| self.members.contains_key(leader));
        self.leader = in_office.or_else(|| self.first_to_join());
        self.phase = Phase::Syncing { deadline: now + self.rebalance_timeout() };
        let mut answers = Vec::with_capacity(self.members.len());
        for (id, member) in &mut self.members {
            member.touch(now);
            answers.extend(member.joining.take().map(|ticket| (ticket, id.clone())));
        }
        for (ticket, member_id) in answers {
            let result = Ok(self.joined(&member_id));
            self.actions.push(Action::Joined { ticket, result, member_id });
        }
    }

    fn first_to_join(&self) -> Option<String> {
        let first = self.members.iter().min_by_key(|(_, member)| member.joining);
        first.map(|(id, _)| id.clone())
    }

    /// Each member votes for its first protocol that all support.
    fn elect_protocol(&self) -> Option<String> {
        let mut votes: BTreeMap<&str, usize> = BTreeMap::new();
        for member in self.members.values() {
            let names = member.profile.protocols.iter().map(|(name, _)| name.as_str());
            let choice = names.into_iter().find(|name| self.all_support(name));
            *votes.entry(choice?).or_default() += 1;
        }
        let winner =
            votes.into_iter().max_by_key(|(name, count)| (*count, std::cmp::Reverse(*name)));
        winner.map(|(name, _)| name.to_owned())
    }

    fn all_support(&self, protocol: &str) -> bool {
        self.members.values().all(|member| member.supports(protocol))
    }

    fn joined(&self, member_id: &str) -> Joined {
        let protocol = self.protocol.clone().unwrap_or_default();
        let leader = self.leader.clone().unwrap_or_default();
        let members = if leader == member_id {
            let all = self.members.iter();
            all.map(|(id, member)| (id.clone(), member.metadata(&protocol))).collect()
        } else {
            Vec::new()
        };
        Joined {
            generation: self.generation,
            protocol_type: self.protocol_type().to_owned(),
            protocol,
            leader,
            members,
        }
    }
}
