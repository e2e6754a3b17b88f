//! What each kind of request does to a group. The rounds themselves are the parent's business.

use bytes::Bytes;
use kafka_protocol::error::ResponseError;
use tokio::time::Instant;

use super::{Action, Claim, Group, IdFirst, Phase, Profile, Synced, Ticket};
use crate::groups::member::Member;

/// A `JoinGroup` request.
pub(super) struct Join {
    pub(super) ticket: Ticket,
    pub(super) member_id: String,
    pub(super) fresh_id: String,
    pub(super) id_first: IdFirst,
    pub(super) profile: Profile,
}

impl Group {
    pub(super) fn join(&mut self, now: Instant, asked: Join) -> Result<(), ResponseError> {
        self.check_profile(&asked.member_id, &asked.profile)?;
        if asked.member_id.is_empty() {
            if self.members.len() + self.pending.len() >= self.rules.members_max {
                return Err(ResponseError::GroupMaxSizeReached);
            }
            if asked.id_first == IdFirst::Required {
                self.pending.insert(asked.fresh_id, now + asked.profile.session_timeout);
                return Err(ResponseError::MemberIdRequired);
            }
            self.admit(now, asked.fresh_id, asked.ticket, asked.profile);
            return Ok(());
        }
        if self.pending.remove(&asked.member_id).is_some() {
            self.admit(now, asked.member_id, asked.ticket, asked.profile);
            return Ok(());
        }
        self.rejoin(now, asked)
    }

    fn check_profile(&self, member_id: &str, profile: &Profile) -> Result<(), ResponseError> {
        let allowed = self.rules.session_timeout_min..=self.rules.session_timeout_max;
        if !allowed.contains(&profile.session_timeout) {
            return Err(ResponseError::InvalidSessionTimeout);
        }
        if profile.protocol_type.is_empty() || profile.protocols.is_empty() {
            return Err(ResponseError::InconsistentGroupProtocol);
        }
        let mut others = self.members.iter().filter(|(id, _)| *id != member_id).peekable();
        if others.peek().is_none() {
            return Ok(());
        }
        let same_type = self.protocol_type() == profile.protocol_type;
        let shared = profile.protocols.iter().any(|(name, _)| {
            self.members.iter().all(|(id, member)| id == member_id || member.supports(name))
        });
        if same_type && shared { Ok(()) } else { Err(ResponseError::InconsistentGroupProtocol) }
    }

    fn admit(&mut self, now: Instant, id: String, ticket: Ticket, profile: Profile) {
        if self.members.is_empty() {
            self.protocol_type = Some(profile.protocol_type.clone());
        }
        let member = Member { joining: Some(ticket), ..Member::new(profile, now) };
        self.members.insert(id, member);
        if !matches!(self.phase, Phase::Joining { .. }) {
            self.start_joining(now);
        }
    }

    fn rejoin(&mut self, now: Instant, asked: Join) -> Result<(), ResponseError> {
        let is_leader = self.leader.as_ref() == Some(&asked.member_id);
        let member = self.members.get_mut(&asked.member_id);
        let member = member.ok_or(ResponseError::UnknownMemberId)?;
        member.touch(now);
        let unchanged = member.profile.protocols == asked.profile.protocols;
        let starts_round = match self.phase {
            Phase::Syncing { .. } => !unchanged,
            Phase::Stable => is_leader || !unchanged,
            Phase::Empty | Phase::Joining { .. } => true,
        };
        if !starts_round {
            // Its answer was lost: the generation stands, and it is told again.
            let result = Ok(self.joined(&asked.member_id));
            let (ticket, member_id) = (asked.ticket, asked.member_id);
            self.actions.push(Action::Joined { ticket, result, member_id });
            return Ok(());
        }
        member.profile = asked.profile;
        let replaced = member.joining.replace(asked.ticket);
        if let Some(ticket) = replaced {
            // Asked again on another connection; nobody reads the first answer.
            let (result, member_id) = (Err(ResponseError::UnknownMemberId), asked.member_id);
            self.actions.push(Action::Joined { ticket, result, member_id });
        }
        if !matches!(self.phase, Phase::Joining { .. }) {
            self.start_joining(now);
        }
        Ok(())
    }

    pub(super) fn sync(
        &mut self,
        now: Instant,
        ticket: Ticket,
        claim: &Claim,
        assignments: Vec<(String, Bytes)>,
    ) -> Result<(), ResponseError> {
        self.check_claim(claim)?;
        let differs = |named: &Option<String>, ours: &Option<String>| {
            named.is_some() && ours.is_some() && named != ours
        };
        let wrong_type = differs(&claim.protocol_type, &self.protocol_type);
        if wrong_type || differs(&claim.protocol, &self.protocol) {
            return Err(ResponseError::InconsistentGroupProtocol);
        }
        let is_leader = self.leader.as_ref() == Some(&claim.member_id);
        let member = self.members.get_mut(&claim.member_id);
        let member = member.ok_or(ResponseError::UnknownMemberId)?;
        member.touch(now);
        match self.phase {
            Phase::Empty => Err(ResponseError::UnknownMemberId),
            Phase::Joining { .. } => Err(ResponseError::RebalanceInProgress),
            Phase::Syncing { .. } => {
                if let Some(ticket) = member.syncing.replace(ticket) {
                    let result = Err(ResponseError::RebalanceInProgress);
                    self.actions.push(Action::Synced { ticket, result });
                }
                if is_leader {
                    self.assign(now, assignments);
                }
                Ok(())
            }
            Phase::Stable => {
                let result = Ok(self.synced(&claim.member_id));
                self.actions.push(Action::Synced { ticket, result });
                Ok(())
            }
        }
    }

    /// Takes the leader's assignment; members it left out get none.
    fn assign(&mut self, now: Instant, assignments: Vec<(String, Bytes)>) {
        for (id, assignment) in assignments {
            if let Some(member) = self.members.get_mut(&id) {
                member.assignment = assignment;
            }
        }
        self.phase = Phase::Stable;
        let mut waiting = Vec::new();
        for (id, member) in &mut self.members {
            if let Some(ticket) = member.syncing.take() {
                member.touch(now);
                waiting.push((ticket, id.clone()));
            }
        }
        for (ticket, id) in waiting {
            let result = Ok(self.synced(&id));
            self.actions.push(Action::Synced { ticket, result });
        }
    }

    fn synced(&self, member_id: &str) -> Synced {
        Synced {
            protocol_type: self.protocol_type().to_owned(),
            protocol: self.protocol.clone().unwrap_or_default(),
            assignment: self
                .members
                .get(member_id)
                .map(|one| one.assignment.clone())
                .unwrap_or_default(),
        }
    }

    pub(super) fn heartbeat(&mut self, now: Instant, claim: &Claim) -> Result<(), ResponseError> {
        self.check_claim(claim)?;
        self.touch(now, &claim.member_id);
        match self.phase {
            Phase::Empty => Err(ResponseError::UnknownMemberId),
            Phase::Joining { .. } => Err(ResponseError::RebalanceInProgress),
            // A follower may beat while it waits for the leader.
            Phase::Syncing { .. } | Phase::Stable => Ok(()),
        }
    }

    pub(super) fn leave(&mut self, now: Instant, member_id: &str) -> Result<(), ResponseError> {
        if self.pending.remove(member_id).is_some() {
            return Ok(());
        }
        if !self.members.contains_key(member_id) {
            return Err(ResponseError::UnknownMemberId);
        }
        self.remove(now, member_id);
        Ok(())
    }

    /// Whether offsets may be committed under this claim.
    pub(super) fn commit(&mut self, now: Instant, claim: &Claim) -> Result<(), ResponseError> {
        if claim.generation < 0 && self.phase == Phase::Empty {
            return Ok(());
        }
        if self.phase == Phase::Empty {
            return Err(ResponseError::IllegalGeneration);
        }
        self.check_claim(claim)?;
        match self.phase {
            Phase::Syncing { .. } => Err(ResponseError::RebalanceInProgress),
            Phase::Empty | Phase::Joining { .. } | Phase::Stable => {
                self.touch(now, &claim.member_id);
                Ok(())
            }
        }
    }

    fn touch(&mut self, now: Instant, member_id: &str) {
        if let Some(member) = self.members.get_mut(member_id) {
            member.touch(now);
        }
    }

    fn check_claim(&self, claim: &Claim) -> Result<(), ResponseError> {
        if !self.members.contains_key(&claim.member_id) {
            return Err(ResponseError::UnknownMemberId);
        }
        if claim.generation != self.generation {
            return Err(ResponseError::IllegalGeneration);
        }
        Ok(())
    }
}
