//! A future that is finished even if whoever waited for it goes away.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::runtime::Handle;
use tokio_util::task::TaskTracker;

/// Dropped before its end, the rest of it becomes a task of `tasks`.
#[derive(Debug)]
pub(super) struct Finish<F: Future<Output: Send> + Send + 'static> {
    future: Option<Pin<Box<F>>>,
    tasks: TaskTracker,
}

impl<F: Future<Output: Send> + Send + 'static> Finish<F> {
    pub(super) fn new(future: F, tasks: TaskTracker) -> Self {
        Self { future: Some(Box::pin(future)), tasks }
    }
}

impl<F: Future<Output: Send> + Send + 'static> Future for Finish<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let future = self.future.as_mut().expect("it is not polled after its end");
        let output = ready!(future.as_mut().poll(context));
        self.future = None;
        Poll::Ready(output)
    }
}

impl<F: Future<Output: Send> + Send + 'static> Drop for Finish<F> {
    fn drop(&mut self) {
        // Without a runtime everything is over.
        if let (Some(rest), Ok(runtime)) = (self.future.take(), Handle::try_current()) {
            self.tasks.spawn_on(rest, &runtime);
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn what_is_dropped_half_way_is_finished_all_the_same() {
        let tasks = TaskTracker::new();
        let (first, begun) = oneshot::channel();
        let (second, ended) = oneshot::channel();
        let work = async {
            begun.await.unwrap();
            second.send("done").unwrap();
        };
        drop(Finish::new(work, tasks.clone()));
        first.send(()).unwrap();
        assert_eq!(ended.await, Ok("done"));
        tasks.close();
        tasks.wait().await;
    }

    #[tokio::test]
    async fn what_is_waited_for_is_no_task() {
        let tasks = TaskTracker::new();
        assert_eq!(Finish::new(async { 1 }, tasks.clone()).await, 1);
        assert!(tasks.is_empty());
    }
}
