//! Ends the environments when the host itself is killed and can end nothing any more.
//!
//! A runtime whose host is gone may ask it for work for ever, as fast as it can. Linux could tie a
//! process's life to its parent's, macOS could not; both have a shell. One shell reads from a pipe
//! which processes run, and kills those that are left, with their groups, when the pipe breaks.

use std::io;
use std::process::Stdio;

use tokio::io::AsyncWriteExt as _;
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::mpsc;
use tokio_util::task::TaskTracker;

/// Changes the shell has not read; beyond, environments wait with their start and their end.
const CHANGES_MAX: usize = 64;

const SCRIPT: &str = r#"
running=
while read -r change pid; do
  case $change in
    +) running="$running $pid" ;;
    -) kept=
       for other in $running; do [ "$other" = "$pid" ] || kept="$kept $other"; done
       running=$kept ;;
  esac
done
for left in $running; do kill -9 "-$left"; done
"#;

/// The way to the shell. It ends when the last of these is dropped, and kills what is left.
#[derive(Clone, Debug)]
pub(crate) struct Guard {
    changes: mpsc::Sender<Change>,
}

#[derive(Clone, Copy, Debug)]
enum Change {
    Started(u32),
    Ended(u32),
}

impl Guard {
    /// Starts the shell. Without one the host works all the same, and says so.
    pub(crate) fn start(tasks: &TaskTracker) -> Self {
        let (changes, inbox) = mpsc::channel(CHANGES_MAX);
        tasks.spawn(async move {
            if let Err(source) = watch(inbox).await {
                tracing::warn!(error = %source, "Functions may outlive this process if it is killed");
            }
        });
        Self { changes }
    }

    /// From now on the process, which leads a group, does not outlive the host, nor does its group.
    pub(crate) async fn started(&self, pid: u32) {
        self.send(Change::Started(pid)).await;
    }

    /// The process is gone; its id may be another's soon.
    pub(crate) async fn ended(&self, pid: u32) {
        self.send(Change::Ended(pid)).await;
    }

    async fn send(&self, change: Change) {
        // Without its shell the guard has said so.
        let _unguarded = self.changes.send(change).await;
    }
}

async fn watch(mut changes: mpsc::Receiver<Change>) -> io::Result<()> {
    let (mut shell, mut stdin) = start_shell()?;
    while let Some(change) = changes.recv().await {
        let line = match change {
            Change::Started(pid) => format!("+ {pid}\n"),
            Change::Ended(pid) => format!("- {pid}\n"),
        };
        stdin.write_all(line.as_bytes()).await?;
    }
    drop(stdin);
    shell.wait().await?;
    Ok(())
}

fn start_shell() -> io::Result<(Child, ChildStdin)> {
    let mut shell = Command::new("/bin/sh")
        .args(["-c", SCRIPT])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        // Ctrl-C is for the host; this must outlive it.
        .process_group(0)
        .spawn()?;
    let stdin = shell.stdin.take().ok_or(io::ErrorKind::BrokenPipe)?;
    Ok((shell, stdin))
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt as _;
    use std::time::Duration;

    use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(30);

    /// Something that runs longer than any test, in a group of its own.
    fn process() -> Child {
        Command::new("sleep").arg("120").process_group(0).kill_on_drop(true).spawn().unwrap()
    }

    #[tokio::test]
    async fn what_still_runs_when_the_host_is_gone_is_killed_and_nothing_else() {
        let tasks = TaskTracker::new();
        let guard = Guard::start(&tasks);
        let (mut left, mut ended, mut other) = (process(), process(), process());
        for child in [&left, &ended] {
            guard.started(child.id().unwrap()).await;
        }
        guard.ended(ended.id().unwrap()).await;
        drop(guard);

        let status = tokio::time::timeout(PATIENCE, left.wait()).await.unwrap().unwrap();
        assert_eq!(status.signal(), Some(9));
        tasks.close();
        tokio::time::timeout(PATIENCE, tasks.wait()).await.unwrap();
        for child in [&mut ended, &mut other] {
            assert_eq!(child.try_wait().unwrap(), None);
            child.kill().await.unwrap();
        }
    }

    #[tokio::test]
    async fn what_a_process_started_is_killed_with_it() {
        let tasks = TaskTracker::new();
        let guard = Guard::start(&tasks);
        let mut script = Command::new("/bin/sh")
            .args(["-c", "sleep 120 & echo $!; wait"])
            .stdout(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        guard.started(script.id().unwrap()).await;
        let mut output = BufReader::new(script.stdout.take().unwrap());
        output.read_line(&mut String::new()).await.unwrap();
        drop(guard);

        // The output ends when nobody holds it any more: neither the script nor what it started.
        let mut rest = Vec::new();
        let ended = tokio::time::timeout(PATIENCE, output.read_to_end(&mut rest)).await;
        assert_eq!(ended.unwrap().unwrap(), 0);
    }
}
