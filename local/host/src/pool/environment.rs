//! What the pool knows of one environment, and the steps that concern no other.

use std::time::Duration;

use tokio::time::Instant;

use crate::ids::{InvocationId, RequestId};
use crate::pool::limits::{IDLE_MAX, SETTLE_MAX};
use crate::pool::queue::Waiting;
use crate::pool::{InitPhase, Refusal};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// The process was started and has not asked for an invocation.
    Starting { init: InitPhase, until: Instant },
    /// It takes invocations.
    Ready,
    /// It was told to end; its exit is awaited.
    Ending,
}

#[derive(Debug)]
pub(super) struct Environment {
    pub(super) phase: Phase,
    /// Whether its code was replaced: it finishes what it has and gets nothing new.
    pub(super) is_retired: bool,
    /// Open `/next` calls.
    pub(super) polls: u32,
    /// Invocations it works on, the earliest deadline first, none of them past.
    pub(super) in_flight: Vec<Held>,
    /// Invocations it may still be working on although they timed out.
    pub(super) expired: Vec<InvocationId>,
    /// Slots that were given back and whose worker is expected at `/next` by `settles_at`.
    settling_slots: u32,
    pub(super) settles_at: Instant,
    /// When it last had nothing to do and more work would have been welcome.
    idle_since: Instant,
    last_answered: Option<RequestId>,
    /// How many invocations it ever took.
    pub(super) taken: u64,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Held {
    pub(super) invocation: InvocationId,
    /// As it was in the queue, for the case that it has to go back.
    waiting: Waiting,
    deadline: Instant,
}

impl Environment {
    /// A process that has to be ready by `until`.
    pub(super) fn starting(now: Instant, init: InitPhase, until: Instant) -> Self {
        Self {
            phase: Phase::Starting { init, until },
            is_retired: false,
            polls: 0,
            in_flight: Vec::new(),
            expired: Vec::new(),
            settling_slots: 0,
            settles_at: now,
            idle_since: now,
            last_answered: None,
            taken: 0,
        }
    }

    pub(super) fn is_starting(&self) -> bool {
        self.init_phase().is_some()
    }

    /// What its init is a part of, until it is ready.
    pub(super) fn init_phase(&self) -> Option<InitPhase> {
        match self.phase {
            Phase::Starting { init, .. } => Some(init),
            Phase::Ready | Phase::Ending => None,
        }
    }

    /// The first worker is here; the others of a concurrent runtime are on their way.
    pub(super) fn become_ready(&mut self, now: Instant, concurrency: u32) {
        self.phase = Phase::Ready;
        self.idle_since = now;
        self.settling_slots = concurrency;
        self.settles_at = now + SETTLE_MAX;
    }

    /// Whether a further `/next` is in order: every slot has one worker, which polls or works.
    pub(super) fn open_poll(&mut self, concurrency: u32) -> bool {
        let taken = self.polls as usize + self.in_flight.len() + self.expired.len();
        if taken >= concurrency as usize {
            if self.expired.is_empty() {
                return false;
            }
            // Its worker is back without having answered.
            self.expired.remove(0);
        }
        self.polls += 1;
        self.settling_slots = self.settling_slots.saturating_sub(1);
        true
    }

    /// Whether it was retired and has nothing left to finish.
    pub(super) fn is_done(&self) -> bool {
        let has_work = !self.in_flight.is_empty();
        match self.phase {
            Phase::Starting { .. } => self.is_retired,
            // Until it asks for more it may have something to do after its answer.
            Phase::Ready => self.is_retired && !has_work && self.polls > 0,
            Phase::Ending => false,
        }
    }

    /// Whether it can take an invocation now.
    pub(super) fn is_free(&self) -> bool {
        self.phase == Phase::Ready && self.polls > 0 && !self.is_retired
    }

    pub(super) fn take(&mut self, waiting: Waiting, deadline: Instant) {
        self.polls -= 1;
        self.in_flight.push(Held { invocation: waiting.invocation, waiting, deadline });
        self.taken += 1;
    }

    /// Takes back an invocation that did not reach the runtime.
    pub(super) fn take_back(&mut self, now: Instant, invocation: InvocationId) -> Option<Waiting> {
        let position = self.in_flight.iter().position(|held| held.invocation == invocation)?;
        let held = self.in_flight.remove(position);
        self.idle_since = now;
        self.taken -= 1;
        Some(held.waiting)
    }

    /// Forgets an invocation that was not handed over; its poll is still open.
    pub(super) fn give_back(&mut self, now: Instant, invocation: InvocationId) {
        if self.take_back(now, invocation).is_some() {
            self.polls += 1;
        }
    }

    pub(super) fn close_poll(&mut self, now: Instant) {
        self.polls = self.polls.saturating_sub(1);
        self.idle_since = now;
    }

    pub(super) fn answer(&mut self, now: Instant, invocation: InvocationId) -> Result<(), Refusal> {
        let awaited = self.in_flight.iter().position(|held| held.invocation == invocation);
        let late = self.expired.iter().position(|held| held.request == invocation.request);
        let (is_awaited, is_late) = (awaited.is_some(), awaited.is_none() && late.is_some());
        if let Some(position) = awaited {
            self.in_flight.remove(position);
        } else if let Some(position) = late {
            self.expired.remove(position);
        }
        if is_awaited || is_late {
            self.idle_since = now;
            self.settling_slots += 1;
            self.settles_at = now + SETTLE_MAX;
        }
        if is_awaited {
            self.last_answered = Some(invocation.request);
            Ok(())
        } else if is_late {
            Err(Refusal::Late)
        } else if self.last_answered == Some(invocation.request) {
            Err(Refusal::Repeated)
        } else {
            Err(Refusal::Unknown)
        }
    }

    /// Moves one invocation whose deadline has come to `expired`.
    pub(super) fn expire_one(&mut self, now: Instant) -> Option<InvocationId> {
        let first = self.in_flight.first().filter(|held| held.deadline <= now)?;
        let invocation = first.invocation;
        self.in_flight.remove(0);
        self.expired.push(invocation);
        self.idle_since = now;
        Some(invocation)
    }

    /// How many slots are without a worker now and will have one in a moment.
    pub(super) fn settling(&self, now: Instant) -> u32 {
        let is_useful = self.phase == Phase::Ready && !self.is_retired;
        if is_useful && now < self.settles_at { self.settling_slots } else { 0 }
    }

    /// When it is the pool's turn unless something happens before: an invocation's deadline, or its
    /// own end. A runtime that answered but does not ask for more is still in its invocation, as AWS
    /// sees it, and has until the timeout. Invocations that timed out keep nothing alive.
    pub(super) fn due_at(&self, timeout: Duration) -> Option<Instant> {
        match (self.phase, self.in_flight.first()) {
            (Phase::Starting { until, .. }, _) => Some(until),
            (Phase::Ready, Some(held)) => Some(held.deadline),
            (Phase::Ready, None) if self.polls == 0 => Some(self.idle_since + timeout),
            (Phase::Ready, None) => Some(self.idle_since + IDLE_MAX),
            (Phase::Ending, _) => None,
        }
    }
}
