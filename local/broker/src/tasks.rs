//! What runs beside the requests, and how it ends: tasks, and owners on threads of their own.

use std::io;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Everything a broker has running.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tasks {
    pub(crate) tracker: TaskTracker,
    pub(crate) shutdown: CancellationToken,
}

impl Tasks {
    /// Runs an owner that makes file calls on a thread of its own, so that a slow disk holds up
    /// nobody who serves connections.
    pub(crate) fn spawn_thread(
        &self,
        name: &str,
        owner: impl Future<Output = ()> + Send + 'static,
    ) -> io::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
        let counted = self.tracker.token();
        let thread = std::thread::Builder::new().name(name.to_owned());
        let body = move || {
            runtime.block_on(owner);
            drop(counted);
        };
        thread.spawn(body).map(drop)
    }
}
