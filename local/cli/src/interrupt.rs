//! Ctrl-C and SIGTERM: for commands that go on until one comes, and for those that have to put
//! something right before they end.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// Ctrl-C and SIGTERM, which end this process no more once it listens.
#[derive(Debug)]
pub(crate) struct Interrupts {
    interrupt: Signal,
    terminate: Signal,
}

impl Interrupts {
    pub(crate) fn listen() -> io::Result<Self> {
        let interrupt = signal(SignalKind::interrupt())?;
        Ok(Self { interrupt, terminate: signal(SignalKind::terminate())? })
    }

    /// Waits for the next one; one that came before this call counts.
    pub(crate) async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// Runs `following` until it ends, or until Ctrl-C, whichever is first.
///
/// It listens the whole time: a Ctrl-C that comes while `following` is busy ends it at its next
/// wait.
pub async fn until_interrupted<E>(following: impl Future<Output = Result<(), E>>) -> Result<(), E> {
    tokio::select! {
        biased;
        _ = tokio::signal::ctrl_c() => Ok(()),
        ended = following => ended,
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use rustix::process::{Signal, getpid, kill_process};

    use super::*;

    #[tokio::test]
    async fn an_interrupt_while_busy_ends_it_at_the_next_wait() {
        let mut busy = 0;
        let following = async {
            kill_process(getpid(), Signal::INT).expect("we may signal ourselves");
            busy += 1;
            std::future::pending::<Result<(), Infallible>>().await
        };
        let ended = tokio::time::timeout(std::time::Duration::from_secs(30), async {
            until_interrupted(following).await
        });
        assert!(ended.await.is_ok(), "it goes on");
        assert_eq!(busy, 1);
    }
}
