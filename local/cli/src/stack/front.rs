//! The thread that serves requests: the gateway and the host live on a runtime of their own.
//!
//! A request passes from a client's connection to its function's task, to an environment's
//! connection and back. On one thread each of these steps is a push to a queue; on several, it also
//! wakes a thread, which costs more than the step itself.

use std::io;
use std::thread;

use tokio::net::TcpListener;
use tokio::runtime::{Builder, Handle};
use tokio_util::sync::{CancellationToken, DropGuard};

/// The thread ends when this is dropped.
#[derive(Debug)]
pub(super) struct Front {
    runtime: Handle,
    _running: DropGuard,
}

impl Front {
    /// Starts the thread.
    pub(super) fn start() -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let running = CancellationToken::new();
        let ended = running.clone();
        thread::Builder::new()
            .name("requests".to_owned())
            .spawn(move || runtime.block_on(ended.cancelled()))?;
        Ok(Self { runtime: handle, _running: running.drop_guard() })
    }

    /// Starts a server here on a listener that another runtime opened: what `start` spawns runs on this thread.
    pub(super) fn start_on<S>(
        &self,
        listener: TcpListener,
        start: impl FnOnce(TcpListener) -> S,
    ) -> io::Result<S> {
        let listener = listener.into_std()?;
        let _here = self.runtime.enter();
        Ok(start(TcpListener::from_std(listener)?))
    }
}
