//! What runs beside the requests, and how it ends: tasks, and owners on threads of their own.

use std::io;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::data_dir::DataDirLock;

/// Everything a broker has running.
#[derive(Clone, Debug)]
pub(crate) struct Tasks {
    pub(crate) tracker: TaskTracker,
    pub(crate) shutdown: CancellationToken,
    /// Every owner's thread has it too: as long as one of them may still write, however slow its
    /// disk is, no other broker may.
    lock: Arc<DataDirLock>,
}

impl Tasks {
    pub(crate) fn new(lock: DataDirLock) -> Self {
        let (tracker, shutdown) = (TaskTracker::new(), CancellationToken::new());
        Self { tracker, shutdown, lock: Arc::new(lock) }
    }

    /// Runs an owner that makes file calls on a thread of its own, so that a slow disk holds up
    /// nobody who serves connections.
    pub(crate) fn spawn_thread(
        &self,
        name: &str,
        owner: impl Future<Output = ()> + Send + 'static,
    ) -> io::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
        let (counted, lock) = (self.tracker.token(), Arc::clone(&self.lock));
        let thread = std::thread::Builder::new().name(name.to_owned());
        let body = move || {
            runtime.block_on(owner);
            drop(lock);
            drop(counted);
        };
        thread.spawn(body).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;
    use crate::data_dir;

    #[tokio::test]
    async fn the_data_directory_is_taken_until_the_last_owner_has_ended() {
        let directory = tempfile::tempdir().unwrap();
        let tasks = Tasks::new(data_dir::lock(directory.path()).unwrap());
        let (end, ended) = oneshot::channel::<()>();
        tasks.spawn_thread("slow", async { drop(ended.await) }).unwrap();
        let tracker = tasks.tracker.clone();
        drop(tasks);
        data_dir::lock(directory.path()).unwrap_err();
        drop(end);
        tracker.close();
        tracker.wait().await;
        data_dir::lock(directory.path()).unwrap();
    }
}
