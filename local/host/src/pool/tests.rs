//! The pool's rules one by one; `simulation` has them all at once.

mod replacement;
mod simulation;

use std::time::Duration;

use super::*;
use crate::ids::RequestId;
use crate::pool::limits::{IDLE_MAX, SETTLE_MAX, WAITING_BYTES_MAX, WAITING_MAX};

/// A pool with a clock that only the test moves.
struct Rig {
    pool: Pool,
    now: Instant,
}

impl Rig {
    fn new(environments_max: u32, environment_concurrency: u32) -> Self {
        let timeout = Duration::from_secs(3);
        let concurrency_max = None;
        let limits = Limits { environments_max, environment_concurrency, concurrency_max, timeout };
        Self::with(limits)
    }

    fn with(limits: Limits) -> Self {
        let now = Instant::now();
        Self { pool: Pool::new(now, limits), now }
    }

    fn give(&mut self, input: Input) -> Vec<Action> {
        let mut actions = Vec::new();
        self.pool.handle(self.now, input, &mut actions);
        let wakeup = self.pool.next_wakeup();
        assert!(wakeup.is_none_or(|at| at > self.now), "a wake-up is not in the future");
        actions
    }

    fn arrive(&mut self, number: u128) -> Vec<Action> {
        self.give(Input::InvocationArrived { invocation: invocation(number), payload_bytes: 2 })
    }

    fn poll(&mut self, environment: u32) -> Vec<Action> {
        self.give(Input::PollOpened(EnvironmentId(environment)))
    }

    fn answer(&mut self, environment: u32, number: u128) -> Vec<Action> {
        let (environment, invocation) = (EnvironmentId(environment), invocation(number));
        self.give(Input::InvocationAnswered { environment, invocation })
    }

    fn exit(&mut self, environment: u32) -> Vec<Action> {
        let (environment, exit) = (EnvironmentId(environment), Exit::Status(1));
        self.give(Input::EnvironmentExited { environment, exit })
    }

    fn after(&mut self, pause: Duration) -> Vec<Action> {
        self.now += pause;
        self.give(Input::Tick)
    }

    /// A rig whose environment 1 works on invocation 1.
    fn busy(environments_max: u32, environment_concurrency: u32) -> Self {
        let mut rig = Self::new(environments_max, environment_concurrency);
        assert_eq!(rig.arrive(1), [start(1)]);
        assert_eq!(rig.poll(1), [dispatch(1, 1)]);
        rig
    }
}

fn invocation(number: u128) -> InvocationId {
    InvocationId { request: RequestId(uuid::Uuid::from_u128(number)), attempt: 0 }
}

fn start(environment: u32) -> Action {
    Action::Start(EnvironmentId(environment))
}

fn kill(environment: u32) -> Action {
    Action::Kill(EnvironmentId(environment))
}

fn stop(environment: u32) -> Action {
    Action::Stop(EnvironmentId(environment))
}

fn dispatch(environment: u32, number: u128) -> Action {
    Action::Dispatch { environment: EnvironmentId(environment), invocation: invocation(number) }
}

fn fail(number: u128, failure: Failure) -> Action {
    Action::Fail { invocation: invocation(number), failure }
}

fn report(environment: u32, failure: Failure, phase: InitPhase) -> Action {
    Action::ReportInit { environment: EnvironmentId(environment), failure, phase }
}

/// Of a process that ended in its init.
fn init_exited(environment: u32) -> Action {
    report(environment, exited(), InitPhase::Init)
}

/// Of one that ended in the second init of those who wait.
fn second_exited(environment: u32) -> Action {
    report(environment, exited(), InitPhase::Invoke)
}

fn exited() -> Failure {
    Failure::Exited(Exit::Status(1))
}

#[test]
fn an_environment_takes_one_invocation_after_the_other() {
    let mut rig = Rig::busy(1, 1);
    assert_eq!(rig.arrive(2), []);
    assert_eq!(rig.answer(1, 1), [Action::AcceptAnswer]);
    assert_eq!(rig.poll(1), [dispatch(1, 2)]);
}

#[test]
fn waiting_work_starts_environments_up_to_the_limit() {
    let mut rig = Rig::busy(3, 1);
    assert_eq!(rig.arrive(2), [start(2)]);
    assert_eq!(rig.arrive(3), [start(3)]);
    assert_eq!(rig.arrive(4), []);
}

#[test]
fn a_starting_environment_covers_as_many_invocations_as_it_will_take() {
    let mut rig = Rig::new(9, 2);
    assert_eq!(rig.arrive(1), [start(1)]);
    assert_eq!(rig.arrive(2), []);
    assert_eq!(rig.arrive(3), [start(2)]);
}

#[test]
fn a_slot_that_is_about_to_be_free_starts_no_further_environment() {
    let mut rig = Rig::busy(9, 1);
    rig.answer(1, 1);
    assert_eq!(rig.arrive(2), []);
    assert_eq!(rig.after(SETTLE_MAX), [start(2)]);
}

#[test]
fn the_further_workers_of_a_new_environment_are_awaited() {
    let mut rig = Rig::new(9, 2);
    assert_eq!(rig.arrive(1), [start(1)]);
    assert_eq!(rig.arrive(2), []);
    assert_eq!(rig.poll(1), [dispatch(1, 1)]);
    assert_eq!(rig.poll(1), [dispatch(1, 2)]);
}

#[test]
fn the_oldest_of_the_least_busy_environments_gets_the_work() {
    let mut rig = Rig::busy(2, 1);
    rig.arrive(2);
    rig.poll(2);
    rig.answer(2, 2);
    rig.poll(2);
    rig.answer(1, 1);
    rig.poll(1);
    assert_eq!(rig.arrive(3), [dispatch(1, 3)]);
}

#[test]
fn a_timeout_kills_an_environment_with_one_slot() {
    let mut rig = Rig::busy(1, 1);
    assert_eq!(rig.after(Duration::from_secs(3)), [fail(1, Failure::TimedOut), kill(1)]);
    assert_eq!(rig.arrive(2), []);
    assert_eq!(rig.exit(1), [start(2)]);
}

#[test]
fn a_timeout_keeps_the_slot_of_a_concurrent_environment_until_the_late_answer() {
    let mut rig = Rig::busy(1, 2);
    assert_eq!(rig.after(Duration::from_secs(3)), [fail(1, Failure::TimedOut)]);
    rig.poll(1);
    assert_eq!(rig.poll(1), [], "the worker that is back gives up what it held");
    assert_eq!(rig.answer(1, 1), [Action::RefuseAnswer(Refusal::Unknown)]);

    let mut rig = Rig::busy(1, 2);
    rig.after(Duration::from_secs(3));
    assert_eq!(rig.answer(1, 1), [Action::RefuseAnswer(Refusal::Late)]);
}

#[test]
fn a_concurrent_environment_without_a_usable_slot_is_replaced() {
    let mut rig = Rig::busy(1, 2);
    rig.poll(1);
    assert_eq!(rig.arrive(2), [dispatch(1, 2)]);
    let actions = rig.after(Duration::from_secs(3));
    assert_eq!(actions, [fail(1, Failure::TimedOut), fail(2, Failure::TimedOut), kill(1)]);
}

#[test]
fn an_invocation_that_never_ends_does_not_keep_its_environment_for_ever() {
    let mut rig = Rig::busy(1, 2);
    rig.poll(1);
    rig.after(Duration::from_secs(3));
    assert_eq!(rig.after(IDLE_MAX), [stop(1)]);
}

#[test]
fn an_answer_counts_once() {
    let mut rig = Rig::busy(1, 1);
    assert_eq!(rig.answer(1, 1), [Action::AcceptAnswer]);
    assert_eq!(rig.answer(1, 1), [Action::RefuseAnswer(Refusal::Repeated)]);
    assert_eq!(rig.answer(1, 7), [Action::RefuseAnswer(Refusal::Unknown)]);
    assert_eq!(rig.answer(7, 1), [Action::RefuseAnswer(Refusal::Unknown)]);
}

#[test]
fn a_runtime_may_not_poll_while_it_owes_an_answer() {
    let mut rig = Rig::busy(1, 1);
    assert_eq!(rig.poll(1), [Action::RefusePoll]);
}

#[test]
fn a_crash_answers_the_caller_and_waiting_work_starts_a_new_environment() {
    let mut rig = Rig::busy(1, 1);
    rig.arrive(2);
    assert_eq!(rig.exit(1), [fail(1, exited()), start(2)]);
}

#[test]
fn a_dispatch_that_did_not_arrive_is_first_in_line_again() {
    let mut rig = Rig::busy(1, 1);
    rig.arrive(2);
    let (environment, invocation) = (EnvironmentId(1), invocation(1));
    rig.give(Input::DispatchFailed { environment, invocation });
    assert_eq!(rig.poll(1), [dispatch(1, 1)]);
}

#[test]
fn a_failed_dispatch_does_not_start_the_wait_anew() {
    let mut rig = Rig::busy(1, 1);
    rig.arrive(2);
    let end = rig.now + WAIT_MAX;
    rig.after(Duration::from_secs(1));
    let (environment, invocation) = (EnvironmentId(1), invocation(1));
    rig.give(Input::DispatchFailed { environment, invocation });
    let actions = rig.after(end.duration_since(rig.now));
    assert!(actions.contains(&fail(1, Failure::Throttled)), "{actions:?}");
    assert!(actions.contains(&fail(2, Failure::Throttled)), "{actions:?}");
}

#[test]
fn a_dropped_dispatch_makes_room_for_the_next() {
    let mut rig = Rig::busy(1, 1);
    rig.arrive(2);
    let (environment, invocation) = (EnvironmentId(1), invocation(1));
    let actions = rig.give(Input::DispatchDropped { environment, invocation });
    assert_eq!(actions, [dispatch(1, 2)]);
    assert_eq!(rig.answer(1, 1), [Action::RefuseAnswer(Refusal::Unknown)]);
    assert_eq!(rig.answer(1, 2), [Action::AcceptAnswer]);
}

#[test]
fn large_payloads_fill_the_queue_sooner() {
    let mut rig = Rig::busy(1, 1);
    let payload_bytes = WAITING_BYTES_MAX / 4;
    let mut arrive = |number| {
        let invocation = invocation(number);
        rig.give(Input::InvocationArrived { invocation, payload_bytes })
    };
    for number in 2..6 {
        assert_eq!(arrive(number), []);
    }
    assert_eq!(arrive(6), [fail(6, Failure::Throttled)]);
    assert_eq!(rig.answer(1, 1), [Action::AcceptAnswer]);
    assert_eq!(rig.poll(1), [dispatch(1, 2)]);
    let invocation = invocation(7);
    assert_eq!(rig.give(Input::InvocationArrived { invocation, payload_bytes }), []);
}

#[test]
fn a_failed_init_is_tried_again_at_once_and_serves_whoever_waits() {
    let mut rig = Rig::new(1, 1);
    rig.arrive(1);
    assert_eq!(rig.exit(1), [init_exited(1), start(2)]);
    assert_eq!(rig.poll(2), [dispatch(2, 1)]);
    assert_eq!(rig.answer(2, 1), [Action::AcceptAnswer]);
    assert_eq!(rig.exit(2), []);
    assert_eq!(rig.arrive(2), [start(3)]);
    assert_eq!(
        rig.exit(3),
        [init_exited(3), start(4)],
        "an answer gives everybody two tries again"
    );
}

#[test]
fn the_second_failed_init_answers_everybody_who_waits_and_delays_the_next() {
    let mut rig = Rig::new(1, 1);
    rig.arrive(1);
    rig.arrive(2);
    assert_eq!(rig.exit(1), [init_exited(1), start(2)]);
    let failures = [fail(1, exited()), fail(2, exited())];
    assert_eq!(rig.exit(2), [&[second_exited(2)], &failures[..]].concat());
    assert_eq!(rig.arrive(3), []);
    assert_eq!(rig.after(2 * BACKOFF_MIN), [start(3)]);
    assert_eq!(rig.exit(3), [second_exited(3), fail(3, exited())]);
    assert_eq!(rig.arrive(4), []);
    assert_eq!(rig.after(2 * BACKOFF_MIN), []);
    assert_eq!(rig.after(2 * BACKOFF_MIN), [start(4)]);
    assert_eq!(rig.poll(4), [dispatch(4, 4)]);
    assert_eq!(rig.exit(4), [fail(4, exited())]);
    assert_eq!(rig.arrive(5), [start(5)], "an init that worked ends the pauses");
}

#[test]
fn a_runtime_that_asks_for_work_and_ends_before_it_gets_any_is_not_started_for_ever() {
    let mut rig = Rig::new(1, 1);
    rig.arrive(1);
    for environment in [1, 2] {
        assert_eq!(rig.poll(environment), [dispatch(environment, 1)]);
        let (id, invocation) = (EnvironmentId(environment), invocation(1));
        rig.give(Input::DispatchFailed { environment: id, invocation });
        let then = if environment == 1 { start(2) } else { fail(1, exited()) };
        assert_eq!(rig.exit(environment), [then]);
    }
}

#[test]
fn after_a_failed_init_environments_start_one_at_a_time() {
    let mut rig = Rig::new(5, 1);
    rig.arrive(1);
    rig.arrive(2);
    rig.exit(1);
    assert_eq!(rig.exit(2), [init_exited(2), start(3)]);
    assert_eq!(rig.arrive(3), []);
}

#[test]
fn a_failed_init_answers_nobody_while_another_environment_may_serve_them() {
    let mut rig = Rig::busy(2, 1);
    assert_eq!(rig.arrive(2), [start(2)]);
    assert_eq!(rig.exit(2), [init_exited(2)]);
    rig.answer(1, 1);
    assert_eq!(rig.poll(1), [dispatch(1, 2)]);
}

#[test]
fn a_reported_init_error_ends_the_environment_and_reaches_the_callers() {
    let mut rig = Rig::new(1, 1);
    rig.arrive(1);
    let failure = Failure::InitReported(bytes::Bytes::from_static(b"{}"));
    let input = Input::InitFailed { environment: EnvironmentId(1), failure: failure.clone() };
    let told = report(1, failure.clone(), InitPhase::Init);
    assert_eq!(rig.give(input.clone()), [Action::AcceptInitError, kill(1), told]);
    assert_eq!(rig.give(input), [Action::RefuseInitError]);
    assert_eq!(rig.exit(1), [start(2)]);
    let input = Input::InitFailed { environment: EnvironmentId(2), failure: failure.clone() };
    let told = report(2, failure.clone(), InitPhase::Invoke);
    assert_eq!(rig.give(input), [Action::AcceptInitError, kill(2), told, fail(1, failure)]);
}

#[test]
fn an_environment_that_does_not_become_ready_in_time_is_killed() {
    let mut rig = Rig::new(1, 1);
    rig.arrive(1);
    let init_max = Duration::from_secs(10);
    let late = report(1, Failure::InitTimedOut(init_max), InitPhase::Init);
    assert_eq!(rig.after(init_max), [late, kill(1)]);
    assert_eq!(rig.exit(1), [start(2)]);
    // The second is a part of the invocation, as AWS sees it, and has its timeout.
    let timed_out = Failure::InitTimedOut(Duration::from_secs(3));
    let late = report(2, timed_out.clone(), InitPhase::Invoke);
    assert_eq!(rig.after(Duration::from_secs(3)), [late, kill(2), fail(1, timed_out)]);
}

#[test]
fn an_idle_environment_ends() {
    let mut rig = Rig::busy(1, 1);
    rig.answer(1, 1);
    rig.poll(1);
    assert_eq!(rig.pool.next_wakeup(), Some(rig.now + IDLE_MAX));
    assert_eq!(rig.after(IDLE_MAX), [stop(1)]);
    assert_eq!(rig.exit(1), []);
    assert_eq!((rig.pool.environments(), rig.pool.next_wakeup()), (0, None));
}

#[test]
fn a_runtime_that_does_not_come_back_for_more_is_killed_at_the_timeout() {
    let mut rig = Rig::busy(1, 1);
    rig.answer(1, 1);
    assert_eq!(rig.after(Duration::from_secs(3)), [kill(1)]);
}

#[test]
fn a_full_queue_throttles() {
    let mut rig = Rig::new(1, 1);
    for number in 0..WAITING_MAX {
        rig.arrive(number as u128);
    }
    let number = WAITING_MAX as u128;
    assert_eq!(rig.arrive(number), [fail(number, Failure::Throttled)]);
    assert_eq!(Rig::new(0, 1).arrive(1), [fail(1, Failure::Throttled)]);
}

#[test]
fn nobody_waits_for_ever() {
    let timeout = WAIT_MAX * 2;
    let limits =
        Limits { environments_max: 1, environment_concurrency: 1, concurrency_max: None, timeout };
    let now = Instant::now();
    let mut rig = Rig { pool: Pool::new(now, limits), now };
    rig.arrive(1);
    rig.poll(1);
    rig.arrive(2);
    assert_eq!(rig.pool.next_wakeup(), Some(now + WAIT_MAX));
    assert_eq!(rig.after(WAIT_MAX), [fail(2, Failure::Throttled)]);
}

#[test]
fn a_shutdown_finishes_what_is_under_way_and_refuses_the_rest() {
    let mut rig = Rig::busy(2, 1);
    assert_eq!(rig.arrive(2), [start(2)]);
    let asked = rig.give(Input::ShutdownAsked);
    assert_eq!(asked, [fail(2, Failure::ShuttingDown), stop(2)]);
    assert_eq!(rig.arrive(3), [fail(3, Failure::ShuttingDown)]);
    assert_eq!(rig.answer(1, 1), [Action::AcceptAnswer, stop(1)]);
    rig.exit(1);
    assert!(!rig.pool.is_drained());
    rig.exit(2);
    assert!(rig.pool.is_drained());
}

#[test]
fn a_shutdown_does_not_wait_for_long() {
    let mut rig = Rig::busy(1, 1);
    assert_eq!(rig.give(Input::ShutdownAsked), []);
    assert_eq!(rig.after(DRAIN_MAX), [stop(1), fail(1, Failure::ShuttingDown)]);
}

#[test]
fn what_is_reserved_is_a_limit_that_nobody_waits_for() {
    let mut rig = Rig::with(Limits {
        environments_max: 10,
        environment_concurrency: 1,
        concurrency_max: Some(2),
        timeout: Duration::from_secs(3),
    });
    assert_eq!(rig.arrive(1), [start(1)]);
    assert_eq!(rig.poll(1), [dispatch(1, 1)]);
    assert_eq!(rig.arrive(2), [start(2)]);
    assert_eq!(rig.arrive(3), [fail(3, Failure::Throttled)]);
    assert_eq!(rig.answer(1, 1), [Action::AcceptAnswer]);
    assert_eq!(rig.arrive(4), []);
    assert_eq!(rig.arrive(5), [fail(5, Failure::Throttled)]);
}

#[test]
fn an_environment_of_managed_instances_has_longer_to_start() {
    let mut rig = Rig::new(1, 2);
    assert_eq!(rig.arrive(1), [start(1)]);
    assert_eq!(rig.after(Duration::from_secs(59)), []);
    // Whoever waits is throttled after a minute; the start goes on.
    assert_eq!(rig.after(Duration::from_secs(1)), [fail(1, Failure::Throttled)]);
    assert_eq!(rig.after(Duration::from_secs(69)), []);
    let late = Failure::InitTimedOut(Duration::from_secs(130));
    let killed = [report(1, late, InitPhase::Init), kill(1)];
    assert_eq!(rig.after(Duration::from_secs(1)), killed);
}

#[test]
fn a_failed_init_of_managed_instances_is_told_at_once() {
    let mut rig = Rig::new(1, 2);
    assert_eq!(rig.arrive(1), [start(1)]);
    assert_eq!(rig.exit(1), [init_exited(1), fail(1, exited())]);
}
