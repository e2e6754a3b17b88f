//! The environment pool of one function: which invocation runs where, what waits, what starts, what
//! ends. Rules only.
//!
//! No clock, no I/O, no randomness: [`Pool::handle`] takes the time and one [`Input`] and says what
//! is to be done, [`Pool::next_wakeup`] says when it wants to be called again.

mod environment;
mod limits;
mod message;
mod queue;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use tokio::time::Instant;

use self::environment::{Environment, Phase};
pub(crate) use self::limits::Limits;
use self::limits::{BACKOFF_MAX, BACKOFF_MIN, DRAIN_MAX, WAIT_MAX};
pub(crate) use self::message::{Action, InitPhase, Input, Refusal};
use self::queue::{Queue, Waiting};
use crate::failure::{Exit, Failure};
use crate::ids::{EnvironmentId, InvocationId};

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct Pool {
    limits: Limits,
    /// The time of the last input.
    now: Instant,
    environments: BTreeMap<EnvironmentId, Environment>,
    environments_started: u32,
    waiting: Queue,
    /// Failed inits since the last one that worked.
    init_failures: u32,
    /// Whether those who wait had their second init, since the last answer.
    had_second_init: bool,
    start_not_before: Instant,
    drain_until: Option<Instant>,
}

impl Pool {
    /// A pool without environments: the first invocation starts one.
    pub(crate) fn new(now: Instant, limits: Limits) -> Self {
        assert!(limits.environment_concurrency > 0, "an environment takes at least one invocation");
        Self {
            limits,
            now,
            environments: BTreeMap::new(),
            environments_started: 0,
            waiting: Queue::default(),
            init_failures: 0,
            had_second_init: false,
            start_not_before: now,
            drain_until: None,
        }
    }

    /// Processes that exist: starting, ready or ending.
    pub(crate) fn environments(&self) -> usize {
        self.environments.len()
    }

    /// Whether a shutdown was asked for and nothing is left.
    pub(crate) fn is_drained(&self) -> bool {
        self.drain_until.is_some() && self.environments.is_empty()
    }

    /// Takes one input and appends what is to be done to `actions`.
    pub(crate) fn handle(&mut self, now: Instant, input: Input, actions: &mut Vec<Action>) {
        self.now = now;
        match input {
            Input::InvocationArrived { invocation, payload_bytes } => {
                let waiting = Waiting { invocation, payload_bytes, since: now };
                self.arrived(waiting, actions);
            }
            Input::PollOpened(environment) => self.poll_opened(environment, actions),
            Input::PollClosed(environment) => {
                if let Some(environment) = self.environments.get_mut(&environment) {
                    environment.close_poll(now);
                }
            }
            Input::DispatchFailed { environment, invocation } => {
                self.dispatch_failed(environment, invocation);
            }
            Input::DispatchDropped { environment, invocation } => {
                if let Some(environment) = self.environments.get_mut(&environment) {
                    environment.give_back(now, invocation);
                }
            }
            Input::InvocationAnswered { environment, invocation } => {
                self.answered(environment, invocation, actions);
            }
            Input::InitFailed { environment, failure } => {
                self.init_reported(environment, &failure, actions);
            }
            Input::EnvironmentExited { environment, exit } => {
                self.exited(environment, exit, actions);
            }
            Input::CodeReplaced => self.retire(),
            Input::ShutdownAsked => {
                self.drain_until.get_or_insert(now + DRAIN_MAX);
            }
            Input::Tick => {}
        }
        self.expire_invocations(actions);
        self.end_environments(actions);
        self.drain(actions);
        self.dispatch_waiting(actions);
        self.throttle_waiting(actions);
        self.scale_up(actions);
    }

    /// When [`Input::Tick`] is due, if nothing happens before. Always after the last input.
    pub(crate) fn next_wakeup(&self) -> Option<Instant> {
        let timeout = self.limits.timeout;
        let environments = self.environments.values().filter_map(|e| e.due_at(timeout));
        let wait = self.waiting.front().map(|waiting| waiting.since + WAIT_MAX);
        let draining = self.drain_until.filter(|until| *until > self.now);
        let start = if self.waiting.is_empty() || self.room() == 0 {
            None
        } else {
            let settle = self.environments.values().map(|environment| environment.settles_at);
            settle.chain([self.start_not_before]).filter(|at| *at > self.now).min()
        };
        environments.chain(wait).chain(draining).chain(start).min()
    }

    /// How many environments may start. Those whose code was replaced leave their places to others
    /// before they are gone, but there are never more than twice as many as may be.
    fn room(&self) -> usize {
        let max = self.limits.environments_max as usize;
        let current = self.environments.values().filter(|e| !e.is_retired).count();
        max.saturating_sub(current).min((2 * max).saturating_sub(self.environments.len()))
    }

    /// Whether all invocations that are reserved for the function are taken.
    fn is_full(&self) -> bool {
        let under_way = || self.environments.values().map(|e| e.in_flight.len()).sum::<usize>();
        let max = self.limits.concurrency_max;
        max.is_some_and(|max| self.waiting.len() + under_way() >= max as usize)
    }

    fn retire(&mut self) {
        for environment in self.environments.values_mut() {
            environment.is_retired = true;
        }
        // What failed before may work now.
        self.init_failures = 0;
        self.had_second_init = false;
        self.start_not_before = self.now;
    }

    fn arrived(&mut self, waiting: Waiting, actions: &mut Vec<Action>) {
        let invocation = waiting.invocation;
        if self.drain_until.is_some() {
            actions.push(Action::Fail { invocation, failure: Failure::ShuttingDown });
        } else if self.limits.environments_max == 0
            || self.is_full()
            || !self.waiting.push_back(waiting)
        {
            actions.push(Action::Fail { invocation, failure: Failure::Throttled });
        }
    }

    fn poll_opened(&mut self, id: EnvironmentId, actions: &mut Vec<Action>) {
        let Some(environment) = self.environments.get_mut(&id) else {
            actions.push(Action::RefusePoll);
            return;
        };
        match environment.phase {
            // Its end is near; the poll is never answered.
            Phase::Ending => return,
            Phase::Starting { .. } => {
                environment.become_ready(self.now, self.limits.environment_concurrency);
                self.init_failures = 0;
                self.start_not_before = self.now;
            }
            Phase::Ready => {}
        }
        if !environment.open_poll(self.limits.environment_concurrency) {
            actions.push(Action::RefusePoll);
        }
    }

    fn dispatch_failed(&mut self, id: EnvironmentId, invocation: InvocationId) {
        let Some(environment) = self.environments.get_mut(&id) else { return };
        if let Some(waiting) = environment.take_back(self.now, invocation) {
            self.waiting.push_front(waiting);
        }
    }

    fn answered(&mut self, id: EnvironmentId, invocation: InvocationId, out: &mut Vec<Action>) {
        let Some(environment) = self.environments.get_mut(&id) else {
            out.push(Action::RefuseAnswer(Refusal::Unknown));
            return;
        };
        out.push(match environment.answer(self.now, invocation) {
            Ok(()) => {
                self.had_second_init = false;
                Action::AcceptAnswer
            }
            Err(refusal) => Action::RefuseAnswer(refusal),
        });
    }

    fn init_reported(&mut self, id: EnvironmentId, failure: &Failure, actions: &mut Vec<Action>) {
        match self.environments.get_mut(&id) {
            Some(environment) if environment.is_starting() => {
                let report = init_report(id, environment, failure);
                environment.phase = Phase::Ending;
                actions.extend([Action::AcceptInitError, Action::Kill(id)]);
                actions.extend(report);
                self.init_failed(failure, actions);
            }
            _ => actions.push(Action::RefuseInitError),
        }
    }

    fn exited(&mut self, id: EnvironmentId, exit: Exit, actions: &mut Vec<Action>) {
        let Some(environment) = self.environments.remove(&id) else { return };
        let failure = Failure::Exited(exit);
        for held in &environment.in_flight {
            let (invocation, failure) = (held.invocation, failure.clone());
            actions.push(Action::Fail { invocation, failure });
        }
        // One that was ready but took no invocation did no better than one that never was.
        let is_wanted = environment.phase != Phase::Ending && !environment.is_retired;
        if is_wanted && environment.taken == 0 {
            actions.extend(init_report(id, &environment, &failure));
            self.init_failed(&failure, actions);
        }
    }

    /// What the next init is a part of.
    fn init_phase(&self) -> InitPhase {
        if self.had_second_init && self.init_failures > 0 {
            InitPhase::Invoke
        } else {
            InitPhase::Init
        }
    }

    /// Counts a failed init. When no other environment may still serve those who wait, they get one
    /// more, within the function's timeout; when that has failed too, everybody is told.
    ///
    /// Source: <https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html>
    fn init_failed(&mut self, failure: &Failure, actions: &mut Vec<Action>) {
        if self.now >= self.start_not_before {
            let doublings = self.init_failures.min(16);
            self.start_not_before = self.now + (BACKOFF_MIN * (1 << doublings)).min(BACKOFF_MAX);
            self.init_failures += 1;
        }
        let is_of_use = |e: &Environment| e.phase != Phase::Ending && !e.is_retired;
        if self.environments.values().any(is_of_use) {
            return;
        }
        // Environments of Managed Instances start before there are invocations.
        if !self.had_second_init && !self.limits.is_managed() {
            self.had_second_init = true;
            self.start_not_before = self.now;
            return;
        }
        for Waiting { invocation, .. } in self.waiting.drain() {
            actions.push(Action::Fail { invocation, failure: failure.clone() });
        }
    }

    /// Fails invocations past their deadline. Their slots stay taken until the function answers
    /// after all; an environment with no other slot is of no use to anybody and is killed, which
    /// with one invocation at a time is at once.
    ///
    /// Source: <https://docs.aws.amazon.com/lambda/latest/dg/lambda-managed-instances-execution-environment.html>
    fn expire_invocations(&mut self, actions: &mut Vec<Action>) {
        for (id, environment) in &mut self.environments {
            let expired_before = environment.expired.len();
            while let Some(invocation) = environment.expire_one(self.now) {
                actions.push(Action::Fail { invocation, failure: Failure::TimedOut });
            }
            let expired = environment.expired.len();
            if expired > expired_before && expired >= self.limits.environment_concurrency as usize {
                environment.phase = Phase::Ending;
                actions.push(Action::Kill(*id));
            }
        }
    }

    /// Ends environments that did not become ready, that have been without work for long, whose
    /// runtime does not come back for more, or whose code was replaced.
    fn end_environments(&mut self, actions: &mut Vec<Action>) {
        let mut init_timed_out = None;
        for (id, environment) in &mut self.environments {
            let is_due = environment.due_at(self.limits.timeout).is_some_and(|at| at <= self.now);
            if !is_due && !environment.is_done() {
                continue;
            }
            let is_polling = environment.polls > 0;
            if let Some(phase) = environment.init_phase().filter(|_| !environment.is_retired) {
                let failure = Failure::InitTimedOut(self.limits.init_max(phase));
                actions.extend(init_report(*id, environment, &failure));
                init_timed_out = Some(failure);
            }
            environment.phase = Phase::Ending;
            actions.push(if is_polling { Action::Stop(*id) } else { Action::Kill(*id) });
        }
        if let Some(failure) = init_timed_out {
            self.init_failed(&failure, actions);
        }
    }

    fn drain(&mut self, actions: &mut Vec<Action>) {
        let Some(until) = self.drain_until else { return };
        for Waiting { invocation, .. } in self.waiting.drain() {
            actions.push(Action::Fail { invocation, failure: Failure::ShuttingDown });
        }
        for (id, environment) in &mut self.environments {
            let is_over = self.now >= until || environment.in_flight.is_empty();
            if environment.phase == Phase::Ending || !is_over {
                continue;
            }
            environment.phase = Phase::Ending;
            actions.push(Action::Stop(*id));
            for held in environment.in_flight.drain(..) {
                let (invocation, failure) = (held.invocation, Failure::ShuttingDown);
                actions.push(Action::Fail { invocation, failure });
            }
        }
    }

    /// Gives waiting invocations to the environments with the fewest, of these to the oldest, so
    /// that the others become idle and end.
    fn dispatch_waiting(&mut self, actions: &mut Vec<Action>) {
        while let Some(waiting) = self.waiting.front().copied() {
            let free =
                self.environments.iter_mut().filter(|(_, environment)| environment.is_free());
            let Some((id, environment)) = free.min_by_key(|(_, e)| e.in_flight.len()) else {
                return;
            };
            let (environment_id, invocation) = (*id, waiting.invocation);
            environment.take(waiting, self.now + self.limits.timeout);
            actions.push(Action::Dispatch { environment: environment_id, invocation });
            self.waiting.pop_front();
        }
    }

    fn throttle_waiting(&mut self, actions: &mut Vec<Action>) {
        while let Some(Waiting { invocation, since, .. }) = self.waiting.front() {
            if *since + WAIT_MAX > self.now {
                return;
            }
            actions.push(Action::Fail { invocation: *invocation, failure: Failure::Throttled });
            self.waiting.pop_front();
        }
    }

    /// Starts as many environments as the waiting invocations need beyond the slots that are about
    /// to be free. After a failed init, one at a time, until one works.
    fn scale_up(&mut self, actions: &mut Vec<Action>) {
        if self.waiting.is_empty() || self.now < self.start_not_before {
            return;
        }
        let concurrency = self.limits.environment_concurrency as usize;
        let starting = self.environments.values().filter(|e| e.is_starting()).count();
        let settling: u32 = self.environments.values().map(|e| e.settling(self.now)).sum();
        let uncovered =
            self.waiting.len().saturating_sub(starting * concurrency + settling as usize);
        let mut starts = uncovered.div_ceil(concurrency).min(self.room());
        if self.init_failures > 0 {
            starts = starts.min(1_usize.saturating_sub(starting));
        }
        for _ in 0..starts {
            self.environments_started += 1;
            let id = EnvironmentId(self.environments_started);
            let (init, until) =
                (self.init_phase(), self.now + self.limits.init_max(self.init_phase()));
            self.environments.insert(id, Environment::starting(self.now, init, until));
            actions.push(Action::Start(id));
        }
    }
}

/// What the log is told of an environment that did not become ready.
fn init_report(id: EnvironmentId, environment: &Environment, failure: &Failure) -> Option<Action> {
    let (phase, failure) = (environment.init_phase()?, failure.clone());
    Some(Action::ReportInit { environment: id, failure, phase })
}
