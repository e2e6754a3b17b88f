//! One environment: its process, its Runtime API listener and its output, from start to exit.
//!
//! It reports to its function's task and obeys its orders; it decides nothing.

mod memory;
mod output;
mod script;
mod variables;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::process::ExitStatusExt as _;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use rustix::process::{Pid, Signal};
use tokio::net::TcpListener;
use tokio::process::Child;
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub(crate) use self::memory::peak_mb_of_all;
pub(crate) use self::output::CaughtUp;
use crate::failure::Exit;
use crate::function::{FunctionSpec, Message, OUTPUTS};
use crate::guard::Guard;
use crate::http_server::{self, Closing};
use crate::ids::EnvironmentId;
use crate::logs::LogSink;
use crate::runtime_api::{Extensions, RuntimeApi, ShutdownReason};

/// How often the memory of an environment's processes is looked at.
const LOOK_PAUSE: Duration = Duration::from_millis(200);

/// After the process is gone, answers and output it left in its sockets and pipes are read for at
/// most this long; a child that left its process group may hold them open for ever.
const REMAINS_MAX: Duration = Duration::from_secs(1);

/// Open connections of one runtime; beyond, they wait to be accepted. Lambda allows an environment
/// 1,024 open files.
const CONNECTIONS_MAX: usize = 1_024;

/// An order to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// SIGTERM, and SIGKILL if that does not help.
    Asked,
    /// SIGKILL.
    AtOnce,
}

/// What it takes to start an environment.
#[derive(Debug)]
pub(crate) struct Launch {
    pub(crate) spec: Arc<FunctionSpec>,
    pub(crate) id: EnvironmentId,
    pub(crate) messages: mpsc::Sender<Message>,
    pub(crate) orders: mpsc::Receiver<Ending>,
    /// Of those who want to know when its outputs are read; taken at the start.
    pub(crate) questions: Option<[mpsc::Receiver<CaughtUp>; OUTPUTS]>,
    pub(crate) logs: Arc<LogSink>,
    pub(crate) guard: Guard,
}

/// Starts the process and stays with it until it is gone; the last thing it sends is
/// [`Message::Exited`].
pub(crate) async fn run(mut launch: Launch) {
    let exit = match start(&launch).await {
        Ok((child, listener)) => supervise(&mut launch, child, listener).await,
        Err(source) => {
            let path = launch.spec.config.executable.display();
            tracing::warn!(function = launch.spec.config.name, error = %source, "Cannot start `{path}`");
            Exit::NotStarted(format!("{path}: {source}").into())
        }
    };
    let exited = Message::Exited { environment: launch.id, exit };
    // A function that is gone does not wait for its environments.
    let _gone = launch.messages.send(exited).await;
}

async fn start(launch: &Launch) -> io::Result<(Child, TcpListener)> {
    let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await?;
    let config = &launch.spec.config;
    let variables = variables::variables(&launch.spec, listener.local_addr()?);
    let child = script::command(&config.executable)
        .args(&config.arguments)
        .current_dir(&config.directory)
        .env_clear()
        .envs(variables)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // Ctrl-C is for the host, which then ends its functions in order, each with its children.
        .process_group(0)
        .kill_on_drop(true)
        .spawn()?;
    Ok((child, listener))
}

async fn supervise(launch: &mut Launch, mut child: Child, listener: TcpListener) -> Exit {
    let pid = child.id();
    if let Some(pid) = pid {
        launch.guard.started(pid).await;
        let _gone = launch.messages.send(Message::Started { environment: launch.id, pid }).await;
    }
    // Not the host's tasks: these end with the process.
    let tasks = TaskTracker::new();
    let cut = CancellationToken::new();
    let all_gone = read_output(launch, &mut child, &tasks, &cut);
    let api = Arc::new(RuntimeApi::new(&launch.spec, launch.id, launch.messages.clone()));
    let closing = Closing { stop: CancellationToken::new(), cut: cut.clone() };
    let (server, ending) = (Arc::clone(&api), closing.clone());
    let exit = tokio::select! {
        () = http_server::serve(&listener, server, tasks.clone(), ending, CONNECTIONS_MAX) => {
            unreachable!("a server without a stop serves for ever")
        }
        exit = live(&mut child, launch, api.extensions(), all_gone) => exit,
    };
    http_server::serve_backlog(listener, &api, &tasks, &closing);
    if let Some(pid) = pid {
        // With its first process the environment ends: what that one left behind would ask a Runtime
        // API that is gone for work, for ever. Their group keeps its number while one of them lives.
        signal_group(pid, Signal::KILL);
        launch.guard.ended(pid).await;
    }
    // What the process sent before it died counts: its last answer, its last words.
    tasks.close();
    if tokio::time::timeout(REMAINS_MAX, tasks.wait()).await.is_err() {
        cut.cancel();
    }
    exit
}

/// What comes back ends with the outputs: when every process that holds them has ended.
fn read_output(
    launch: &mut Launch,
    child: &mut Child,
    tasks: &TaskTracker,
    cut: &CancellationToken,
) -> impl Future + use<> {
    let (id, logs) = (launch.id, &launch.logs);
    let [stdout_questions, stderr_questions] =
        launch.questions.take().expect("an environment starts once");
    let stdout = child.stdout.take().map(|stdout| {
        let copy = output::copy(stdout, id, Arc::clone(logs), stdout_questions);
        tasks.spawn(cut.clone().run_until_cancelled_owned(copy))
    });
    let stderr = child.stderr.take().map(|stderr| {
        let copy = output::copy(stderr, id, Arc::clone(logs), stderr_questions);
        tasks.spawn(cut.clone().run_until_cancelled_owned(copy))
    });
    join_all(stdout.into_iter().chain(stderr))
}

/// Waits for the process to end, and then for extensions that outlive it, which end when `all_gone`
/// does.
async fn live(
    child: &mut Child,
    launch: &mut Launch,
    extensions: &Extensions,
    all_gone: impl Future,
) -> Exit {
    let (exit, farewell) = wait(child, launch, extensions).await;
    if extensions.watch_the_end() {
        let until = match farewell {
            Farewell::Said { until } => until,
            Farewell::Unsaid(reason) => {
                Instant::now() + say_farewell(extensions, reason).unwrap_or_default()
            }
        };
        // Whoever takes longer is killed.
        let _late = tokio::time::timeout_at(until, all_gone).await;
    }
    exit
}

/// Whether the extensions were told of the end before it came.
enum Farewell {
    Said { until: Instant },
    Unsaid(ShutdownReason),
}

/// How long the end may take.
fn say_farewell(extensions: &Extensions, reason: ShutdownReason) -> Option<Duration> {
    extensions.shut_down(jiff::Timestamp::now().as_millisecond(), reason)
}

/// Waits for the process to end and carries out the orders it gets meanwhile. It is killed when it and
/// what it started take more memory than they may.
async fn wait(child: &mut Child, launch: &mut Launch, extensions: &Extensions) -> (Exit, Farewell) {
    let (orders, memory_mb) = (&mut launch.orders, launch.spec.config.memory_mb);
    let mut kill_at: Option<Instant> = None;
    let mut look = tokio::time::interval(LOOK_PAUSE);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let deadline = kill_at.unwrap_or_else(Instant::now);
        let said = kill_at.map(|until| Farewell::Said { until });
        let farewell = |reason| said.unwrap_or(Farewell::Unsaid(reason));
        tokio::select! {
            status = child.wait() => return (exit_of(status), farewell(ShutdownReason::Failure)),
            // The function's task is gone when there are no more orders.
            order = orders.recv() => match order {
                Some(Ending::Asked) => {
                    // Without an extension AWS sends no SIGTERM.
                    let Some(stop_max) = say_farewell(extensions, ShutdownReason::Spindown) else {
                        return (kill(child).await, farewell(ShutdownReason::Spindown));
                    };
                    terminate(child);
                    kill_at = Some(Instant::now() + stop_max);
                }
                Some(Ending::AtOnce) | None => {
                    return (kill(child).await, farewell(ShutdownReason::Timeout));
                }
            },
            () = tokio::time::sleep_until(deadline), if kill_at.is_some() => {
                return (kill(child).await, farewell(ShutdownReason::Spindown));
            }
            _ = look.tick() => {
                let own_mb = child.id().and_then(|leader| memory::own_mb_of_all(leader, memory_mb));
                if own_mb.is_some_and(|own_mb| own_mb > memory_mb) {
                    kill(child).await;
                    return (Exit::OutOfMemory, farewell(ShutdownReason::Failure));
                }
            }
        }
    }
}

/// SIGTERM for the first process only: it is the runtime, or a script that knows what it started.
fn terminate(child: &Child) {
    if let Some(pid) = child.id().and_then(pid_of) {
        // It may have ended a moment ago; it is not reaped yet, so the id is still its own.
        let _ended = rustix::process::kill_process(pid, Signal::TERM);
    }
}

/// SIGKILL for the first process: the rest of its group follows when extensions have said goodbye.
async fn kill(child: &mut Child) -> Exit {
    // It may have ended a moment ago.
    let _ended = child.start_kill();
    exit_of(child.wait().await)
}

/// Every environment's first process leads a group of its own.
fn signal_group(leader: u32, signal: Signal) {
    if let Some(pid) = pid_of(leader) {
        // An error says that all of it has ended already.
        let _ended = rustix::process::kill_process_group(pid, signal);
    }
}

fn pid_of(id: u32) -> Option<Pid> {
    i32::try_from(id).ok().and_then(Pid::from_raw)
}

fn exit_of(status: io::Result<ExitStatus>) -> Exit {
    match status {
        Ok(status) => match (status.code(), status.signal()) {
            (Some(code), _) => Exit::Status(code),
            (None, signal) => Exit::Signal(signal.unwrap_or_default()),
        },
        Err(source) => {
            tracing::warn!(error = %source, "The exit status of an environment is lost");
            Exit::Status(0)
        }
    }
}
