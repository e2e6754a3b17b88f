//! Answers from the tasks that own something to those who asked them.

use tokio::sync::oneshot;

/// Answers a request. A requester that went away meanwhile needs no answer.
pub(crate) fn answer<T>(reply: oneshot::Sender<T>, value: T) {
    if reply.send(value).is_err() {
        tracing::trace!("A requester went away before its answer");
    }
}
