//! The task of one function: messages in, the pool's actions out.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use crate::config::FunctionStatus;
use crate::environment::{self, Ending, Launch};
use crate::failure::Failure;
use crate::function::alarm::Alarm;
use crate::function::flight::{Flight, LogContext};
use crate::function::process::Process;
use crate::function::{Answer, FunctionSpec, Message, Polled, Receipt, Surroundings};
use crate::ids::{EnvironmentId, InvocationId, RequestId};
use crate::logs::InitReport;
use crate::pool::{Action, Input, Limits, Pool};

/// Messages taken at a time: under load the timer and the scheduler are asked once for all.
const MESSAGES_AT_ONCE: usize = 64;

/// Orders to a process that are not yet carried out: to end, and to end at once.
const ORDERS_MAX: usize = 4;

#[derive(Debug)]
pub(super) struct Owner {
    spec: Arc<FunctionSpec>,
    surroundings: Surroundings,
    messages: mpsc::Sender<Message>,
    inbox: mpsc::Receiver<Message>,
    pool: Pool,
    flights: HashMap<RequestId, Flight>,
    processes: BTreeMap<EnvironmentId, Process>,
    /// Scratch space for what the pool is told in a step, and for its answers.
    inputs: VecDeque<Input>,
    actions: Vec<Action>,
}

/// Questions to an output that are not yet answered; callers that want a tail ask, one at a time
/// for each invocation of the environment.
const QUESTIONS_MAX: usize = 64;

/// A caller that wants the end of the log waits at most this long for it: something that the
/// function has left behind may write without end.
const TAIL_WAIT_MAX: Duration = Duration::from_secs(1);

/// What the runtime at hand waits to hear while the pool decides.
#[derive(Debug)]
enum AtHand {
    Nothing,
    Poll(EnvironmentId),
    Answer(Answer, oneshot::Sender<Receipt>),
    InitError(oneshot::Sender<bool>),
}

impl Owner {
    pub(super) fn new(
        spec: Arc<FunctionSpec>,
        (messages, inbox): (mpsc::Sender<Message>, mpsc::Receiver<Message>),
        surroundings: Surroundings,
    ) -> Self {
        let limits = Limits {
            environments_max: spec.config.environments_max,
            environment_concurrency: spec.config.environment_concurrency.max(1),
            concurrency_max: spec.config.reserved_concurrency,
            timeout: spec.config.timeout,
        };
        Self {
            spec,
            surroundings,
            messages,
            inbox,
            pool: Pool::new(Instant::now(), limits),
            flights: HashMap::new(),
            processes: BTreeMap::new(),
            inputs: VecDeque::new(),
            actions: Vec::new(),
        }
    }

    /// Runs until a shutdown has been asked for and every process is gone.
    pub(super) async fn run(mut self) {
        let mut alarm = Alarm::new();
        let mut messages = Vec::with_capacity(MESSAGES_AT_ONCE);
        while !self.pool.is_drained() {
            tokio::select! {
                _ = self.inbox.recv_many(&mut messages, MESSAGES_AT_ONCE) => {
                    let now = Instant::now();
                    for message in messages.drain(..) {
                        self.take(now, message);
                    }
                }
                () = alarm.ring() => self.step(Instant::now(), Input::Tick, AtHand::Nothing),
            }
            alarm.set(self.pool.next_wakeup());
        }
    }

    fn take(&mut self, now: Instant, message: Message) {
        match message {
            Message::Invoke { call, reply } => {
                let (invocation, payload_bytes) = (call.invocation, call.payload.len());
                self.flights.insert(invocation.request, Flight::new(now, call, reply));
                let input = Input::InvocationArrived { invocation, payload_bytes };
                self.step(now, input, AtHand::Nothing);
            }
            Message::Started { environment, pid } => {
                if let Some(process) = self.processes.get_mut(&environment) {
                    process.started(pid);
                }
            }
            Message::Next { environment, reply } => self.take_poll(now, environment, reply),
            Message::Answer { environment, answer, reply } => {
                let invocation = self.answered_invocation(&answer);
                let input = Input::InvocationAnswered { environment, invocation };
                self.step(now, input, AtHand::Answer(answer, reply));
            }
            Message::InitError { environment, document, reply } => {
                let failure = Failure::InitReported(document);
                let input = Input::InitFailed { environment, failure };
                self.step(now, input, AtHand::InitError(reply));
            }
            Message::Exited { environment, exit } => {
                let input = Input::EnvironmentExited { environment, exit };
                self.step(now, input, AtHand::Nothing);
                self.processes.remove(&environment);
            }
            Message::Replace { program } => {
                let spec = self.spec.with_program(program);
                self.spec = Arc::new(spec);
                self.step(now, Input::CodeReplaced, AtHand::Nothing);
            }
            // Whoever asked may have gone away: nobody is left to tell.
            Message::Status { reply } => {
                let _gone = reply.send(self.status());
            }
            Message::KillOne { reply } => {
                let _gone = reply.send(self.kill_one());
            }
            Message::Shutdown => self.step(now, Input::ShutdownAsked, AtHand::Nothing),
        }
    }

    fn take_poll(
        &mut self,
        now: Instant,
        environment: EnvironmentId,
        reply: oneshot::Sender<Polled>,
    ) {
        // Without its process the connection is about to break; there is nobody to answer.
        let Some(process) = self.processes.get_mut(&environment) else { return };
        for _ in 0..process.open_poll(now, reply) {
            self.step(now, Input::PollClosed(environment), AtHand::Nothing);
        }
        self.step(now, Input::PollOpened(environment), AtHand::Poll(environment));
    }

    /// The attempt an answer belongs to: the one it echoes, else the current one of its request.
    fn answered_invocation(&self, answer: &Answer) -> InvocationId {
        let request = answer.request;
        let current = self.flights.get(&request).map_or(0, |f| f.call.invocation.attempt);
        let is_stale = answer.echoed.as_ref().is_some_and(|echoed| {
            let current = InvocationId { request, attempt: current };
            echoed.as_bytes() != current.to_string().as_bytes()
        });
        // No attempt has the highest number, so a stale answer matches none that is awaited.
        InvocationId { request, attempt: if is_stale { u8::MAX } else { current } }
    }

    fn step(&mut self, now: Instant, input: Input, mut at_hand: AtHand) {
        let mut inputs = std::mem::take(&mut self.inputs);
        inputs.push_back(input);
        while let Some(input) = inputs.pop_front() {
            let mut actions = std::mem::take(&mut self.actions);
            self.pool.handle(now, input, &mut actions);
            for action in actions.drain(..) {
                if let Some(input) = self.act(now, action, &mut at_hand) {
                    inputs.push_back(input);
                }
            }
            self.actions = actions;
        }
        self.inputs = inputs;
    }

    /// Carries out one action; the input is what came of it, where the pool must know.
    fn act(&mut self, now: Instant, action: Action, at_hand: &mut AtHand) -> Option<Input> {
        match action {
            Action::Start(environment) => self.start(now, environment),
            Action::Dispatch { environment, invocation } => {
                return self.dispatch(now, environment, invocation);
            }
            Action::Fail { invocation, failure } => {
                if let Some(flight) = self.flights.remove(&invocation.request) {
                    let log = self.log_context(now, &flight);
                    flight.fail(now, &failure, &log);
                }
            }
            Action::AcceptAnswer => {
                if let AtHand::Answer(answer, reply) = std::mem::replace(at_hand, AtHand::Nothing) {
                    self.finish(now, answer, reply);
                }
            }
            Action::RefuseAnswer(refusal) => {
                if let AtHand::Answer(_, reply) = std::mem::replace(at_hand, AtHand::Nothing) {
                    let _gone = reply.send(Receipt::Refused(refusal));
                }
            }
            Action::AcceptInitError | Action::RefuseInitError => {
                if let AtHand::InitError(reply) = std::mem::replace(at_hand, AtHand::Nothing) {
                    let _gone = reply.send(action == Action::AcceptInitError);
                }
            }
            Action::ReportInit { environment, failure, phase } => {
                if let Some(process) = self.processes.get(&environment) {
                    let report = InitReport { duration: process.age(now), phase, failure };
                    self.surroundings.logs.init_failed(environment, &report);
                }
            }
            Action::RefusePoll => self.refuse_poll(at_hand),
            Action::Stop(environment) => self.order(environment, Ending::Asked),
            Action::Kill(environment) => self.order(environment, Ending::AtOnce),
        }
        None
    }

    fn finish(&mut self, now: Instant, answer: Answer, receipt: oneshot::Sender<Receipt>) {
        let Some(flight) = self.flights.remove(&answer.request) else {
            let _gone = receipt.send(Receipt::Accepted);
            return;
        };
        let log = self.log_context(now, &flight);
        let process = flight.environment().and_then(|id| self.processes.get(&id));
        if let Some(process) = process.filter(|_| flight.wants_tail()) {
            // What was written before the answer belongs to the tail; until it is read, the
            // runtime gets nothing else to do.
            let caught_up = process.caught_up();
            self.surroundings.tasks.spawn(async move {
                let _late = tokio::time::timeout(TAIL_WAIT_MAX, caught_up).await;
                flight.finish(now, answer.reply, &log);
                let _gone = receipt.send(Receipt::Accepted);
            });
        } else {
            flight.finish(now, answer.reply, &log);
            let _gone = receipt.send(Receipt::Accepted);
        }
    }

    fn start(&mut self, now: Instant, id: EnvironmentId) {
        let (orders, inbox) = mpsc::channel(ORDERS_MAX);
        let (stdout, stdout_questions) = mpsc::channel(QUESTIONS_MAX);
        let (stderr, stderr_questions) = mpsc::channel(QUESTIONS_MAX);
        let launch = Launch {
            spec: Arc::clone(&self.spec),
            id,
            messages: self.messages.clone(),
            orders: inbox,
            questions: Some([stdout_questions, stderr_questions]),
            logs: Arc::clone(&self.surroundings.logs),
            guard: self.surroundings.guard.clone(),
        };
        self.surroundings.tasks.spawn(environment::run(launch));
        self.processes.insert(id, Process::new(now, orders, [stdout, stderr]));
    }

    /// The input is why it came to nothing.
    fn dispatch(
        &mut self,
        now: Instant,
        environment: EnvironmentId,
        invocation: InvocationId,
    ) -> Option<Input> {
        let flight = self.flights.get_mut(&invocation.request)?;
        if flight.is_given_up(now) {
            self.flights.remove(&invocation.request);
            return Some(Input::DispatchDropped { environment, invocation });
        }
        let now_epoch_ms = jiff::Timestamp::now().as_millisecond();
        let work = flight.work(now_epoch_ms, self.spec.config.timeout);
        let failed = Some(Input::DispatchFailed { environment, invocation });
        let Some(process) = self.processes.get_mut(&environment) else { return failed };
        if !process.hand_over(work) {
            return failed;
        }
        flight.dispatched(environment, now, process.take_init());
        if flight.wants_tail() {
            self.surroundings.logs.begin_tail(environment, invocation.request);
        }
        self.surroundings.logs.start(environment, invocation.request);
        None
    }

    fn refuse_poll(&mut self, at_hand: &mut AtHand) {
        let AtHand::Poll(id) = std::mem::replace(at_hand, AtHand::Nothing) else { return };
        if let Some(process) = self.processes.get_mut(&id) {
            process.refuse_poll();
        }
    }

    fn order(&self, id: EnvironmentId, ending: Ending) {
        if let Some(process) = self.processes.get(&id) {
            process.order(ending);
        }
    }

    /// Kills the process that has the most to do, and returns its process id.
    fn kill_one(&mut self) -> Option<u32> {
        let processes = self.processes.values_mut().filter(|process| process.is_running());
        processes.min_by_key(|process| process.idleness())?.kill()
    }

    fn status(&self) -> FunctionStatus {
        let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        FunctionStatus {
            name: self.spec.config.name.clone(),
            environments: count(self.pool.environments()),
            in_flight: count(self.flights.len()),
        }
    }

    fn log_context(&mut self, now: Instant, flight: &Flight) -> LogContext {
        let process = flight.environment().and_then(|id| self.processes.get_mut(&id));
        let config = &self.spec.config;
        LogContext {
            sink: Arc::clone(&self.surroundings.logs),
            memory_mb: config.memory_mb,
            used_mb: process.and_then(|process| process.peak_mb(now)),
            timeout: config.timeout,
        }
    }
}
