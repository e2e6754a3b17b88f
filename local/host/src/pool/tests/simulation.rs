//! Thousands of lives of a pool: random callers and processes that work, dawdle, crash and lie, in
//! virtual time. Whatever happens, the same few promises hold.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::*;

const SEEDS: u64 = 1_500;

/// More steps than any life needs: beyond, the pool goes in circles.
const STEPS_MAX: usize = 50_000;

/// The pool, and the world it believes to be in.
struct World {
    chance: fastrand::Rng,
    limits: Limits,
    rig: Rig,
    /// What is going to happen, by time and number.
    future: BTreeMap<(Instant, u64), Event>,
    events: u64,
    /// Processes that exist, with their open polls and what they work on.
    processes: BTreeMap<EnvironmentId, Process>,
    /// Every invocation, with its arrival and whether its caller has an answer.
    callers: BTreeMap<InvocationId, (Instant, bool)>,
}

#[derive(Default)]
struct Process {
    polls: u32,
    held: Vec<InvocationId>,
    /// Whether its code was replaced.
    is_old: bool,
}

#[derive(Clone, Copy, Debug)]
enum Event {
    Arrival,
    Poll(EnvironmentId),
    ClosePoll(EnvironmentId),
    Answer(EnvironmentId, InvocationId),
    InitError(EnvironmentId),
    Exit(EnvironmentId),
    Replace,
    Shutdown,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut chance = fastrand::Rng::with_seed(seed);
        let limits = Limits {
            environments_max: chance.u32(1..6),
            environment_concurrency: *chance.choice(&[1, 1, 2, 8]).unwrap(),
            concurrency_max: *chance.choice(&[None, None, Some(1), Some(5)]).unwrap(),
            timeout: Duration::from_millis(chance.u64(200..5_000)),
        };
        let now = Instant::now();
        let rig = Rig { pool: Pool::new(now, limits), now };
        let mut world = Self {
            chance,
            limits,
            rig,
            future: BTreeMap::new(),
            events: 0,
            processes: BTreeMap::new(),
            callers: BTreeMap::new(),
        };
        let spread_ms = world.chance.u64(1..60_000);
        for _ in 0..world.chance.u32(1..200) {
            world.plan(spread_ms, Event::Arrival);
        }
        for _ in 0..world.chance.u32(0..3) {
            world.plan(spread_ms, Event::Replace);
        }
        if world.chance.u8(..) < 64 {
            world.plan(spread_ms, Event::Shutdown);
        }
        world
    }

    /// Lets something happen within `within_ms`.
    fn plan(&mut self, within_ms: u64, event: Event) {
        let at = self.rig.now + Duration::from_millis(self.chance.u64(0..=within_ms));
        self.events += 1;
        self.future.insert((at, self.events), event);
    }

    fn run(mut self) {
        for _ in 0..STEPS_MAX {
            let wakeup = self.rig.pool.next_wakeup();
            let planned = self.future.first_key_value().map(|((at, _), _)| *at);
            match (wakeup, planned) {
                (None, None) => return self.check_end(),
                (Some(wakeup), planned) if planned.is_none_or(|at| wakeup <= at) => {
                    self.rig.now = wakeup;
                    self.give(Input::Tick);
                }
                _ => {
                    let ((at, _), event) = self.future.pop_first().unwrap();
                    self.rig.now = at.max(self.rig.now);
                    self.happen(event);
                }
            }
            self.check_step();
        }
        panic!("no progress");
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Arrival => {
                let number = self.callers.len() as u128;
                self.callers.insert(invocation(number), (self.rig.now, false));
                let invocation = invocation(number);
                self.give(Input::InvocationArrived { invocation, payload_bytes: 2 });
            }
            Event::Shutdown => self.give(Input::ShutdownAsked),
            Event::Replace => {
                self.processes.values_mut().for_each(|process| process.is_old = true);
                self.give(Input::CodeReplaced);
            }
            Event::Poll(id) => {
                let Some(process) = self.processes.get_mut(&id) else { return };
                process.polls += 1;
                self.give(Input::PollOpened(id));
            }
            Event::ClosePoll(id) => {
                let Some(process) = self.processes.get_mut(&id) else { return };
                if process.polls > 0 {
                    process.polls -= 1;
                    self.give(Input::PollClosed(id));
                    self.plan(20, Event::Poll(id));
                }
            }
            Event::Answer(environment, invocation) => {
                let Some(process) = self.processes.get_mut(&environment) else { return };
                process.held.retain(|held| *held != invocation);
                self.give(Input::InvocationAnswered { environment, invocation });
                match self.chance.u8(..) {
                    0..8 => {}
                    8..16 => self.plan(5, Event::Answer(environment, invocation)),
                    _ => self.plan(5, Event::Poll(environment)),
                }
            }
            Event::InitError(environment) => {
                let failure = Failure::InitReported(Bytes::new());
                self.give(Input::InitFailed { environment, failure });
            }
            Event::Exit(environment) => {
                if self.processes.remove(&environment).is_some() {
                    self.give(Input::EnvironmentExited { environment, exit: Exit::Signal(9) });
                }
            }
        }
    }

    fn give(&mut self, input: Input) {
        let answering = match &input {
            Input::InvocationAnswered { invocation, .. } => Some(*invocation),
            _ => None,
        };
        let polling = match &input {
            Input::PollOpened(environment) => Some(*environment),
            _ => None,
        };
        for action in self.rig.give(input) {
            match action {
                Action::Start(id) => self.start(id),
                Action::Dispatch { environment, invocation } => {
                    self.dispatch(environment, invocation);
                }
                Action::Fail { invocation, .. } => self.answered(invocation),
                Action::AcceptAnswer => self.answered(answering.expect("an answer was given")),
                Action::RefusePoll => {
                    let id = polling.expect("a poll was opened");
                    if let Some(process) = self.processes.get_mut(&id) {
                        process.polls -= 1;
                    }
                }
                Action::Stop(id) => self.plan(500, Event::Exit(id)),
                Action::Kill(id) => self.plan(3, Event::Exit(id)),
                Action::RefuseAnswer(_)
                | Action::AcceptInitError
                | Action::RefuseInitError
                | Action::ReportInit { .. } => {}
            }
        }
    }

    fn start(&mut self, id: EnvironmentId) {
        assert!(self.processes.insert(id, Process::default()).is_none(), "started twice");
        match self.chance.u8(..) {
            0..12 => self.plan(50, Event::Exit(id)),
            12..20 => self.plan(50, Event::InitError(id)),
            20..24 => {}
            _ => {
                for _ in 0..self.chance.u32(1..=self.limits.environment_concurrency) {
                    self.plan(300, Event::Poll(id));
                }
            }
        }
    }

    fn dispatch(&mut self, environment: EnvironmentId, invocation: InvocationId) {
        let process = self.processes.get_mut(&environment).expect("dispatched to a process");
        assert!(process.polls > 0, "dispatched to nobody");
        assert!(!process.is_old, "dispatched to old code");
        assert!(!self.callers[&invocation].1, "dispatched after its answer");
        match self.chance.u8(..) {
            0..8 => {
                process.polls -= 1;
                self.plan(20, Event::Poll(environment));
                return self.give(Input::DispatchFailed { environment, invocation });
            }
            8..16 => {
                // Its caller has left.
                self.answered(invocation);
                return self.give(Input::DispatchDropped { environment, invocation });
            }
            _ => process.polls -= 1,
        }
        process.held.push(invocation);
        match self.chance.u8(..) {
            0..6 => self.plan(100, Event::Exit(environment)),
            6..10 => {}
            10..20 => self.plan(20_000, Event::Answer(environment, invocation)),
            20..26 => {
                self.plan(50, Event::ClosePoll(environment));
                self.plan(100, Event::Answer(environment, invocation));
            }
            _ => self.plan(100, Event::Answer(environment, invocation)),
        }
    }

    fn answered(&mut self, invocation: InvocationId) {
        let (arrived, is_answered) = self.callers.get_mut(&invocation).expect("a caller");
        assert!(!*is_answered, "answered twice");
        *is_answered = true;
        let patience = (WAIT_MAX + self.limits.timeout) * 2;
        assert!(self.rig.now - *arrived <= patience, "waited too long");
    }

    fn check_step(&self) {
        let running = self.processes.len();
        let new = self.processes.values().filter(|process| !process.is_old).count();
        let environments_max = self.limits.environments_max as usize;
        assert!(new <= environments_max, "too many environments");
        assert!(running <= 2 * environments_max, "too many old environments");
        assert_eq!(running, self.rig.pool.environments());
        if let Some(max) = self.limits.concurrency_max {
            let under_way = self.callers.values().filter(|(_, is_answered)| !is_answered).count();
            assert!(under_way <= max as usize, "more invocations than are reserved");
        }
        for process in self.processes.values() {
            let held = process.held.len();
            assert!(held <= self.limits.environment_concurrency as usize, "too many invocations");
        }
    }

    /// When nothing is going to happen any more.
    fn check_end(&self) {
        assert!(self.callers.values().all(|(_, is_answered)| *is_answered), "lost");
        assert_eq!(self.processes.len(), 0, "an environment is left over");
    }
}

#[test]
fn nothing_is_lost_or_answered_twice_and_limits_hold_whatever_happens() {
    for seed in 0..SEEDS {
        let life = std::panic::catch_unwind(|| World::new(seed).run());
        assert!(life.is_ok(), "seed {seed} failed, as above");
    }
}
