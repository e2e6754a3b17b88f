//! Which fault is due. Pure: time is an argument.

use std::iter::Peekable;
use std::time::Duration;

use super::chaos::Chaos;
use super::spec::Timed;

/// Faults to come, asked for and made up, in the order of time.
#[derive(Debug)]
pub(crate) struct Schedule {
    asked: Peekable<std::vec::IntoIter<Timed>>,
    chaos: Option<Peekable<Chaos>>,
}

impl Schedule {
    pub(crate) fn new(mut asked: Vec<Timed>, chaos: Option<Chaos>) -> Self {
        asked.sort_by_key(|timed| timed.at);
        Self { asked: asked.into_iter().peekable(), chaos: chaos.map(Iterator::peekable) }
    }

    /// When the next fault is due; `None` after the last.
    pub(crate) fn next_wakeup(&mut self) -> Option<Duration> {
        let asked = self.asked.peek().map(|timed| timed.at);
        [asked, self.chaos_at()].into_iter().flatten().min()
    }

    /// The next fault, if it is due. Ask again until there is none: several may be.
    pub(crate) fn due(&mut self, now: Duration) -> Option<Timed> {
        let chaos_at = self.chaos_at();
        let asked_first = |timed: &Timed| chaos_at.is_none_or(|chaos| timed.at <= chaos);
        if self.asked.peek().is_some_and(asked_first) {
            return self.asked.next_if(|timed| timed.at <= now);
        }
        self.chaos.as_mut()?.next_if(|timed| timed.at <= now)
    }

    fn chaos_at(&mut self) -> Option<Duration> {
        Some(self.chaos.as_mut()?.peek()?.at)
    }
}

#[cfg(test)]
mod tests {
    use super::super::chaos::Kinds;
    use super::super::spec::{Fault, FaultSpec};
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn asked(text: &str) -> Vec<Timed> {
        text.parse::<FaultSpec>().unwrap().timed
    }

    #[test]
    fn faults_are_due_at_their_time_and_once() {
        let mut schedule = Schedule::new(asked("kill-poller@15s,stop-broker@10s:3s"), None);
        assert_eq!(schedule.next_wakeup(), Some(10 * SECOND));
        assert_eq!(schedule.due(9 * SECOND), None);
        let stop = Fault::StopBroker { down: 3 * SECOND };
        assert_eq!(schedule.due(10 * SECOND).map(|timed| timed.fault), Some(stop));
        assert_eq!(schedule.due(10 * SECOND), None);
        assert_eq!(schedule.next_wakeup(), Some(15 * SECOND));
    }

    #[test]
    fn what_was_missed_is_due_at_once_and_in_order() {
        let mut schedule = Schedule::new(asked("kill-poller@3s,kill-environment@2s"), None);
        let due: Vec<_> = std::iter::from_fn(|| schedule.due(60 * SECOND)).collect();
        assert_eq!(due.iter().map(|timed| timed.at).collect::<Vec<_>>(), [2 * SECOND, 3 * SECOND]);
        assert_eq!(schedule.next_wakeup(), None);
    }

    #[test]
    fn what_was_asked_for_comes_among_what_was_made_up() {
        let kinds = Kinds { environments: true, pollers: true, broker: true };
        let mut schedule = Schedule::new(asked("kill-poller@30s"), Some(Chaos::new(7, kinds)));
        let due: Vec<_> = std::iter::from_fn(|| schedule.due(60 * SECOND)).collect();
        assert!(due.is_sorted_by_key(|timed| timed.at));
        assert!(due.iter().any(|timed| timed.at == 30 * SECOND));
        let made_up = Chaos::new(7, kinds).take_while(|timed| timed.at <= 60 * SECOND).count();
        assert_eq!(due.len(), made_up + 1);
        assert!(schedule.next_wakeup().is_some_and(|at| at > 60 * SECOND));
    }
}
