//! Waking at a moment, more exactly than the runtime's timer, whose ticks of a millisecond would be
//! added to every latency of an open model.
//!
//! A thread of its own sleeps through the last bit: the operating system is exact to some 60 us.

use std::sync::mpsc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until};

/// The runtime's timer wakes up to this much late.
const TICK: Duration = Duration::from_millis(2);

/// A moment that the thread sleeps until, and who is to be woken.
type Call = (Instant, oneshot::Sender<()>);

/// Wakes one task at a time.
#[derive(Debug)]
pub(crate) struct Alarm {
    /// `None` where the runtime's timer has to do, as under a clock that is not the real one.
    calls: Option<mpsc::Sender<Call>>,
}

impl Alarm {
    /// An alarm with a thread, which ends with it.
    pub(crate) fn exact() -> Self {
        let (calls, queue) = mpsc::channel::<Call>();
        #[expect(clippy::disallowed_methods, reason = "this thread is there to sleep")]
        let wake = move || {
            for (moment, wake) in queue {
                std::thread::sleep(moment.saturating_duration_since(Instant::now()));
                // Whoever does not wait any longer need not be woken.
                wake.send(()).ok();
            }
        };
        let thread = std::thread::Builder::new().name("alarm".to_owned()).spawn(wake);
        Self { calls: thread.is_ok().then_some(calls) }
    }

    /// The runtime's timer.
    #[cfg(test)]
    pub(crate) fn coarse() -> Self {
        Self { calls: None }
    }

    /// Waits until `moment`.
    pub(crate) async fn until(&self, moment: Instant) {
        let Some(calls) = &self.calls else { return sleep_until(moment).await };
        if let Some(early) = moment.checked_sub(TICK).filter(|early| *early > Instant::now()) {
            sleep_until(early).await;
        }
        let (wake, woken) = oneshot::channel();
        let asleep = calls.send((moment, wake)).is_ok();
        if !asleep || woken.await.is_err() {
            sleep_until(moment).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn never_wakes_early() {
        let alarm = Alarm::exact();
        for micros in [0, 50, 700, 5_000] {
            let moment = Instant::now() + Duration::from_micros(micros);
            alarm.until(moment).await;
            assert!(Instant::now() >= moment);
        }
    }
}
