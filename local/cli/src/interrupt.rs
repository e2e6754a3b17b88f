//! Ctrl-C, for commands that go on until it comes.

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
