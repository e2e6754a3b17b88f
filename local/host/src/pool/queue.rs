//! The invocations that wait for an environment, bounded in number and in bytes.

use std::collections::VecDeque;

use tokio::time::Instant;

use crate::ids::InvocationId;
use crate::pool::limits::{WAITING_BYTES_MAX, WAITING_MAX};

/// An invocation without an environment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Waiting {
    pub(super) invocation: InvocationId,
    pub(super) payload_bytes: usize,
    /// When it arrived; going back into the queue does not change it.
    pub(super) since: Instant,
}

/// Oldest first.
#[derive(Debug, Default)]
pub(super) struct Queue {
    waiting: VecDeque<Waiting>,
    payload_bytes: usize,
}

impl Queue {
    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    pub(super) fn front(&self) -> Option<&Waiting> {
        self.waiting.front()
    }

    /// Takes an invocation unless it is full; says whether it did.
    pub(super) fn push_back(&mut self, waiting: Waiting) -> bool {
        let payload_bytes = self.payload_bytes.saturating_add(waiting.payload_bytes);
        let has_room = self.waiting.len() < WAITING_MAX && payload_bytes <= WAITING_BYTES_MAX;
        if has_room {
            self.payload_bytes = payload_bytes;
            self.waiting.push_back(waiting);
        }
        has_room
    }

    /// Takes back an invocation that was in it, full or not.
    pub(super) fn push_front(&mut self, waiting: Waiting) {
        self.payload_bytes += waiting.payload_bytes;
        self.waiting.push_front(waiting);
    }

    pub(super) fn pop_front(&mut self) -> Option<Waiting> {
        let waiting = self.waiting.pop_front()?;
        self.payload_bytes -= waiting.payload_bytes;
        Some(waiting)
    }

    /// Everybody, for good.
    pub(super) fn drain(&mut self) -> impl Iterator<Item = Waiting> {
        self.payload_bytes = 0;
        self.waiting.drain(..)
    }
}
