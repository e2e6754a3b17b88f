//! When a request is due and which number it has. Pure: the time is an argument.
//!
//! Latency is measured from the moment a request was due. In the closed model that is when a
//! connection asks for it; under a schedule it would be the scheduled time, whenever it is sent.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use tokio::time::Instant;

use crate::config::Amount;

/// The permission to send one request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ticket {
    /// The request's number, from 0 without holes.
    pub(crate) sequence: u64,
    /// When it is due.
    pub(crate) due: Instant,
}

/// Hands out tickets until the run has sent enough.
#[derive(Debug)]
pub(crate) struct Tickets {
    taken: AtomicU64,
    requests: u64,
    end: Option<Instant>,
}

impl Tickets {
    /// The tickets of a run that starts at `start`.
    pub(crate) fn new(amount: Amount, start: Instant) -> Self {
        let (requests, end) = match amount {
            Amount::Requests(requests) => (requests, None),
            Amount::Duration(duration) => (u64::MAX, Some(start + duration)),
        };
        Self { taken: AtomicU64::new(0), requests, end }
    }

    /// The next ticket, or `None` when the run is over.
    pub(crate) fn take(&self, now: Instant) -> Option<Ticket> {
        if self.end.is_some_and(|end| now >= end) {
            return None;
        }
        let next = |taken| (taken < self.requests).then_some(taken + 1);
        let sequence = self.taken.fetch_update(Relaxed, Relaxed, next).ok()?;
        Some(Ticket { sequence, due: now })
    }

    /// How many were taken.
    pub(crate) fn taken(&self) -> u64 {
        self.taken.load(Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn numbers_have_no_holes_and_end_with_the_amount() {
        let now = Instant::now();
        let tickets = Tickets::new(Amount::Requests(3), now);
        let taken: Vec<_> =
            (0..5).filter_map(|_| tickets.take(now)).map(|ticket| ticket.sequence).collect();
        assert_eq!(taken, [0, 1, 2]);
        assert_eq!(tickets.taken(), 3);
    }

    #[test]
    fn none_is_given_after_the_duration() {
        let start = Instant::now();
        let tickets = Tickets::new(Amount::Duration(Duration::from_secs(5)), start);
        let due = start + Duration::from_millis(4_999);
        assert_eq!(tickets.take(due).unwrap().due, due);
        assert!(tickets.take(start + Duration::from_secs(5)).is_none());
        assert_eq!(tickets.taken(), 1);
    }
}
