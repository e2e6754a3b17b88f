//! Which request is next and when it is due. Pure: the time is an argument.
//!
//! Latency is measured from the moment a request is due. In the closed model that is when it is asked
//! for; in the open model it is the scheduled time, whenever the request is sent.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use tokio::time::Instant;

use crate::config::{Amount, Pace};
use crate::schedule::Schedule;

/// The permission to send one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ticket {
    /// The request's number, from 0 without holes.
    pub(crate) sequence: u64,
    /// When it was due.
    pub(crate) due: Instant,
}

/// What whoever wants to send is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Send this one now.
    Send(Ticket),
    /// Nothing is due before then.
    At(Instant),
    /// The run has sent enough.
    Over,
}

/// Hands out tickets until the run has sent enough. All threads of a run share it.
#[derive(Debug)]
pub(crate) struct Tickets {
    taken: AtomicU64,
    requests: u64,
    start: Instant,
    /// No ticket is given from then on, also not for what is due.
    end: Option<Instant>,
    schedule: Option<Schedule>,
}

impl Tickets {
    /// The tickets of a run that starts at `start`. Requests of a schedule that cannot be sent are
    /// given up `patience` after the last was due.
    pub(crate) fn new(pace: Pace, amount: Amount, start: Instant, patience: Duration) -> Self {
        let schedule = match (pace, amount) {
            (Pace::Closed { .. }, _) => None,
            (Pace::Open { rate, .. }, Amount::Requests(count)) => Some(Schedule::of(rate, count)),
            (Pace::Open { rate, .. }, Amount::Duration(time)) => Some(Schedule::over(rate, time)),
        };
        let (requests, end) = match (schedule, amount) {
            (Some(schedule), _) => {
                let requests = schedule.requests();
                (requests, Some(start + schedule.due(requests - 1) + patience))
            }
            (None, Amount::Requests(requests)) => (requests, None),
            (None, Amount::Duration(duration)) => (u64::MAX, Some(start + duration)),
        };
        Self { taken: AtomicU64::new(0), requests, start, end, schedule }
    }

    /// What to do at `now`.
    pub(crate) fn take(&self, now: Instant) -> Next {
        if self.end.is_some_and(|end| now >= end) {
            return Next::Over;
        }
        let mut sequence = self.taken.load(Relaxed);
        while sequence < self.requests {
            let due = self.due(sequence).unwrap_or(now);
            if due > now {
                return Next::At(due);
            }
            match self.taken.compare_exchange_weak(sequence, sequence + 1, Relaxed, Relaxed) {
                Ok(_) => return Next::Send(Ticket { sequence, due }),
                Err(taken) => sequence = taken,
            }
        }
        Next::Over
    }

    /// How many were taken.
    pub(crate) fn taken(&self) -> u64 {
        self.taken.load(Relaxed)
    }

    /// How many requests there will be, where that is known.
    pub(crate) fn requests(&self) -> Option<u64> {
        (self.requests < u64::MAX).then_some(self.requests)
    }

    /// How many requests of the schedule are due at `now`.
    pub(crate) fn due_by(&self, now: Instant) -> Option<u64> {
        let elapsed = now.saturating_duration_since(self.start);
        self.schedule.map(|schedule| schedule.due_by(elapsed))
    }

    /// How many requests are due at `now` and were not taken.
    pub(crate) fn waiting(&self, now: Instant) -> u64 {
        self.due_by(now).map_or(0, |due| due.saturating_sub(self.taken()))
    }

    fn due(&self, sequence: u64) -> Option<Instant> {
        self.schedule.map(|schedule| self.start + schedule.due(sequence))
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;
    use crate::schedule::Rate;

    const CLOSED: Pace = Pace::Closed { connections: NonZeroU32::MIN };
    const PATIENCE: Duration = Duration::from_secs(5);

    fn open(per_second: u32) -> Pace {
        Pace::Open { rate: Rate::constant(per_second), in_flight: NonZeroU32::MIN }
    }

    #[test]
    fn numbers_have_no_holes_and_end_with_the_amount() {
        let now = Instant::now();
        let tickets = Tickets::new(CLOSED, Amount::Requests(3), now, PATIENCE);
        let taken: Vec<_> = (0..4).map(|_| tickets.take(now)).collect();
        let send = |sequence| Next::Send(Ticket { sequence, due: now });
        assert_eq!(taken, [send(0), send(1), send(2), Next::Over]);
        assert_eq!((tickets.taken(), tickets.requests()), (3, Some(3)));
    }

    #[test]
    fn none_is_given_after_the_duration() {
        let start = Instant::now();
        let amount = Amount::Duration(Duration::from_secs(5));
        let tickets = Tickets::new(CLOSED, amount, start, PATIENCE);
        let due = start + Duration::from_millis(4_999);
        assert_eq!(tickets.take(due), Next::Send(Ticket { sequence: 0, due }));
        assert_eq!(tickets.take(start + Duration::from_secs(5)), Next::Over);
        assert_eq!((tickets.taken(), tickets.requests()), (1, None));
    }

    #[test]
    fn a_request_that_is_sent_late_was_due_on_time() {
        let start = Instant::now();
        let tickets = Tickets::new(open(10), Amount::Requests(30), start, PATIENCE);
        let after = |millis| start + Duration::from_millis(millis);
        assert_eq!(tickets.take(start), Next::Send(Ticket { sequence: 0, due: start }));
        assert_eq!(tickets.take(start), Next::At(after(100)));
        assert_eq!(tickets.waiting(after(1_000)), 10);
        let late = Ticket { sequence: 1, due: after(100) };
        assert_eq!(tickets.take(after(1_000)), Next::Send(late));
        assert_eq!(tickets.waiting(after(1_000)), 9);
    }

    #[test]
    fn what_cannot_be_sent_is_given_up_some_time_after_the_schedule() {
        let start = Instant::now();
        let amount = Amount::Duration(Duration::from_secs(1));
        let tickets = Tickets::new(open(10), amount, start, PATIENCE);
        let last = start + Duration::from_millis(900);
        let almost = last + PATIENCE - Duration::from_millis(1);
        assert!(matches!(tickets.take(almost), Next::Send(_)));
        assert_eq!(tickets.take(last + PATIENCE), Next::Over);
        assert_eq!(tickets.waiting(last + PATIENCE), 9);
    }
}
