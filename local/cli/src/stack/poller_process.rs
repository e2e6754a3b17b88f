//! A mapping's poller as a process of its own, kept running: when it dies, by order or by accident,
//! another one starts. It is asked by lines on its standard input and answers by lines of JSON.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use poller::Poller;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::mappings::MappingName;
use crate::status::MappingDetail;

/// What the process is asked, a line each.
pub(crate) mod line {
    /// Tells its status in one line of JSON.
    pub(crate) const STATUS: &str = "status";
    /// Polls.
    pub(crate) const RESUME: &str = "resume";
    /// Polls no more until told to.
    pub(crate) const PAUSE: &str = "pause";
    /// What it says itself, once it polls.
    pub(crate) const READY: &str = "ready";
}

/// Questions that wait for a process which is slow to answer.
const QUESTIONS_MAX: usize = 8;

/// A status asks Kafka, for 10 s at most.
const STATUS_MAX: Duration = Duration::from_secs(12);

/// How long it may take until a process polls: who polled before finishes what is under way.
const READY_MAX: Duration = Duration::from_secs(40);

/// How long a process may take to finish what is under way: a poller's own limit, and its client's.
const STOP_MAX: Duration = Duration::from_secs(25);

/// Between the end of a process and the next start: one that cannot start is not tried in circles.
const RESTART: Duration = Duration::from_millis(300);

/// How such a process is started.
#[derive(Clone, Debug)]
pub(super) struct Launch {
    /// This program.
    pub(super) program: PathBuf,
    /// The stack's data folder, where it finds everything else.
    pub(super) data: PathBuf,
}

/// A poller's process, or the next one.
#[derive(Debug)]
pub(super) struct PollerProcess {
    handle: ProcessHandle,
    enabled: watch::Sender<bool>,
    stop: CancellationToken,
    task: TaskTracker,
}

/// Asks the process, or kills it, from another task.
#[derive(Clone, Debug)]
pub(super) struct ProcessHandle {
    questions: mpsc::Sender<oneshot::Sender<MappingDetail>>,
    /// The process that polls, if any.
    pid: watch::Receiver<Option<u32>>,
    kill: mpsc::Sender<oneshot::Sender<u32>>,
}

impl PollerProcess {
    /// Keeps a process polling, once the poller `before` it has finished what is under way.
    pub(super) fn start(
        launch: Launch,
        name: MappingName,
        enabled: bool,
        before: Option<Poller>,
    ) -> Self {
        let (questions, asked) = mpsc::channel(QUESTIONS_MAX);
        let (enabled, wanted) = watch::channel(enabled);
        let (polls, pid) = watch::channel(None);
        let (kill, kills) = mpsc::channel(1);
        let stop = CancellationToken::new();
        let keeper = Keeper { launch, name, asked, wanted, polls, kills, stop: stop.clone() };
        let task = TaskTracker::new();
        task.spawn(async move {
            if let Some(before) = before {
                before.shutdown().await;
            }
            keeper.run().await;
        });
        task.close();
        Self { handle: ProcessHandle { questions, pid, kill }, enabled, stop, task }
    }

    pub(super) fn enable(&self, enabled: bool) {
        self.enabled.send_replace(enabled);
    }

    pub(super) fn handle(&self) -> ProcessHandle {
        self.handle.clone()
    }

    pub(super) async fn shutdown(self) {
        self.stop.cancel();
        self.task.wait().await;
    }
}

impl ProcessHandle {
    /// Waits until a process polls, not for ever; tells which.
    pub(super) async fn ready(&mut self) -> Option<u32> {
        let polling = timeout(READY_MAX, self.pid.wait_for(Option::is_some)).await;
        polling.ok().and_then(Result::ok).and_then(|pid| *pid)
    }

    /// Kills the process that polls now, or the first one that will; another one starts at once.
    /// Tells which it was.
    pub(super) async fn kill(&mut self) -> Option<u32> {
        self.ready().await?;
        let (killed, died) = oneshot::channel();
        self.kill.send(killed).await.ok()?;
        died.await.ok()
    }

    /// `None` while there is no process that could answer.
    pub(super) async fn status(&self) -> Option<MappingDetail> {
        let (reply, answer) = oneshot::channel();
        let asked = async {
            self.questions.send(reply).await.ok()?;
            answer.await.ok()
        };
        timeout(STATUS_MAX, asked).await.ok()?
    }
}

/// The task that keeps a process.
struct Keeper {
    launch: Launch,
    name: MappingName,
    asked: mpsc::Receiver<oneshot::Sender<MappingDetail>>,
    wanted: watch::Receiver<bool>,
    polls: watch::Sender<Option<u32>>,
    kills: mpsc::Receiver<oneshot::Sender<u32>>,
    stop: CancellationToken,
}

/// A running process with the ends of its pipes.
struct Spawned {
    child: Child,
    pid: u32,
    stdin: ChildStdin,
    stdout: Lines<BufReader<ChildStdout>>,
}

/// Why a process is no longer served.
enum Left {
    Stop,
    Kill(oneshot::Sender<u32>),
    Broken,
}

impl Keeper {
    async fn run(mut self) {
        while !self.stop.is_cancelled() {
            match self.spawn() {
                Ok(mut spawned) => {
                    let left = self.serve(&mut spawned).await;
                    self.polls.send_replace(None);
                    let stopping = matches!(left, Left::Stop);
                    self.end(spawned, left).await;
                    if stopping {
                        return;
                    }
                }
                Err(error) => {
                    tracing::error!(%error, mapping.id = self.name.id, "A poller does not start");
                }
            }
            // Questions of this moment have no answer.
            while self.asked.try_recv().is_ok() {}
            if self.stop.run_until_cancelled(sleep(RESTART)).await.is_none() {
                return;
            }
        }
    }

    fn spawn(&mut self) -> std::io::Result<Spawned> {
        let enabled = *self.wanted.borrow_and_update();
        let mut child = Command::new(&self.launch.program)
            .arg("--data")
            .arg(&self.launch.data)
            .args(["poller", "--mapping", &self.name.id])
            .args((!enabled).then_some("--paused"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // Ctrl-C is for `up`, which then ends its pollers in order.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()?;
        let gone = || std::io::Error::other("it ended at once");
        let pid = child.id().ok_or_else(gone)?;
        let stdin = child.stdin.take().ok_or_else(gone)?;
        let stdout = BufReader::new(child.stdout.take().ok_or_else(gone)?).lines();
        Ok(Spawned { child, pid, stdin, stdout })
    }

    async fn serve(&mut self, spawned: &mut Spawned) -> Left {
        let mut waiting: Vec<oneshot::Sender<MappingDetail>> = Vec::new();
        loop {
            let order = tokio::select! {
                biased;
                () = self.stop.cancelled() => return Left::Stop,
                Some(killed) = self.kills.recv() => return Left::Kill(killed),
                said = spawned.stdout.next_line() => {
                    let Ok(Some(said)) = said else { return Left::Broken };
                    self.heard(&said, spawned.pid, &mut waiting);
                    continue;
                }
                changed = self.wanted.changed() => match changed {
                    Ok(()) if *self.wanted.borrow_and_update() => line::RESUME,
                    Ok(()) => line::PAUSE,
                    Err(_closed) => return Left::Stop,
                },
                Some(question) = self.asked.recv(), if waiting.len() < QUESTIONS_MAX => {
                    waiting.push(question);
                    if waiting.len() > 1 {
                        continue;
                    }
                    line::STATUS
                }
            };
            if spawned.stdin.write_all(format!("{order}\n").as_bytes()).await.is_err() {
                return Left::Broken;
            }
        }
    }

    /// One answer serves all who asked.
    fn heard(&self, said: &str, pid: u32, waiting: &mut Vec<oneshot::Sender<MappingDetail>>) {
        if said == line::READY {
            self.polls.send_replace(Some(pid));
            return;
        }
        match serde_json::from_str::<MappingDetail>(said) {
            Ok(detail) => waiting.drain(..).for_each(|asking| {
                asking.send(detail.clone()).ok();
            }),
            Err(error) => tracing::warn!(%error, said, "A poller said what makes no sense"),
        }
    }

    async fn end(&self, spawned: Spawned, left: Left) {
        let Spawned { mut child, pid, stdin, stdout } = spawned;
        match left {
            Left::Stop => {
                // The end of its input is the order to stop.
                drop(stdin);
                if timeout(STOP_MAX, child.wait()).await.is_err() {
                    tracing::warn!(pid, "A poller did not stop in time");
                }
            }
            Left::Kill(killed) => {
                if let Err(error) = child.kill().await {
                    tracing::debug!(%error, pid, "The poller is gone already");
                }
                tracing::warn!(pid, mapping.id = self.name.id, "A poller was killed, as told");
                killed.send(pid).ok();
            }
            Left::Broken => {
                child.kill().await.ok();
                tracing::warn!(
                    pid,
                    mapping.id = self.name.id,
                    "A poller ended; another one starts"
                );
            }
        }
        drop(stdout);
    }
}
