//! The task that carries faults out while a load runs.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use load::RunId;
use serde::Serialize;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::carrier::{Carrier, CarryError, Scripts};
use super::chaos::Chaos;
use super::poison::Poisoner;
use super::schedule::Schedule;
use super::spec::{Fault, FaultSpec, Share};
use crate::access::KafkaClient;
use crate::run_file::RunFile;
use crate::terminal::chain;

/// What is to go wrong.
#[derive(Clone, Debug)]
pub(crate) struct FaultPlan {
    pub(crate) asked: FaultSpec,
    /// The seed of faults to be made up.
    pub(crate) chaos: Option<u64>,
    pub(crate) scripts: Option<Scripts>,
}

/// Something that was done, or failed to be.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Carried {
    /// When, from the start of the load.
    pub(crate) at_s: f64,
    /// The fault as it would be asked for.
    pub(crate) fault: String,
    /// What was done, or why it was not.
    pub(crate) did: String,
    /// Whether it was not.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) failed: bool,
}

/// Called with each fault that was carried out.
pub(crate) type Tell = Arc<dyn Fn(&Carried) + Send + Sync>;

/// A plan that was found to make sense here, ready to start.
pub(crate) struct Prepared {
    carrier: Arc<Carrier>,
    schedule: Schedule,
    chaos: Option<u64>,
    poison: Option<(Share, KafkaClient)>,
}

/// Faults under way.
pub(crate) struct Running {
    sent: watch::Sender<u64>,
    stop: CancellationToken,
    carried: JoinHandle<Vec<Carried>>,
    poisoned: Option<JoinHandle<Result<u64, CarryError>>>,
}

/// What went wrong on purpose, in the load's report.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(crate) struct FaultReport {
    /// In the order of time.
    pub(crate) faults: Vec<Carried>,
    /// Records that cannot be processed which Kafka has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) poison: Option<u64>,
}

impl FaultPlan {
    /// Refuses what cannot be carried out in this stack, and gives pollers that are to be killed
    /// processes of their own.
    pub(crate) async fn prepare(self, run: &RunFile) -> Result<Prepared, CarryError> {
        let carrier = Carrier::find(run, self.scripts).await?;
        for timed in &self.asked.timed {
            carrier.check(&timed.fault)?;
        }
        let chaos = self.chaos.map(|seed| Chaos::new(seed, carrier.kinds()));
        let is_kill = |fault: &Fault| matches!(fault, Fault::KillPoller { .. });
        if chaos.is_some() || self.asked.timed.iter().any(|timed| is_kill(&timed.fault)) {
            carrier.move_pollers().await?;
        }
        let share = poison(self.asked.poison, self.chaos.is_some(), &carrier.topics())?;
        let poison = match share {
            Some(share) => Some((share, run.kafka_client()?)),
            None => None,
        };
        Ok(Prepared {
            carrier: Arc::new(carrier),
            schedule: Schedule::new(self.asked.timed, chaos),
            chaos: self.chaos,
            poison,
        })
    }
}

/// The share of poison: what is asked for, or chaos has its own where there is a topic for it.
fn poison(
    asked: Option<Share>,
    chaos: bool,
    topics: &[String],
) -> Result<Option<Share>, CarryError> {
    match (asked, topics) {
        (Some(_), []) => Err(CarryError::NoTopics),
        (None, []) => Ok(None),
        (asked, _) => Ok(asked.or(chaos.then(Chaos::poison))),
    }
}

impl Prepared {
    /// The faults that are made up within `length`, as `--fault` would ask for them.
    pub(crate) fn made_up(&self, length: Duration) -> Option<String> {
        let faults = Chaos::new(self.chaos?, self.carrier.kinds());
        let faults = faults.take_while(|timed| timed.at <= length);
        let poison = self.poison.iter().map(|(share, _)| format!("poison={share}"));
        let pieces = faults.map(|timed| timed.to_string()).chain(poison);
        Some(pieces.collect::<Vec<_>>().join(","))
    }

    /// Begins: the load starts now. Poison is remembered in `folder`.
    pub(crate) async fn start(
        self,
        run: RunId,
        folder: PathBuf,
        tell: Tell,
    ) -> Result<Running, CarryError> {
        let (sent, seen) = watch::channel(0);
        let stop = CancellationToken::new();
        let poisoned = match self.poison {
            None => None,
            Some((share, kafka)) => {
                let topics = self.carrier.topics();
                let poisoner = Poisoner::new(kafka, topics, share, &folder, run).await?;
                Some(poisoner.run(seen, stop.clone()))
            }
        };
        let tasks = TaskTracker::new();
        let carrying = carry(self.carrier, self.schedule, tell, stop.clone());
        Ok(Running {
            sent,
            stop,
            carried: tasks.spawn(carrying),
            poisoned: poisoned.map(|poisoned| tasks.spawn(poisoned)),
        })
    }
}

impl Running {
    /// Tells how many requests were sent so far.
    pub(crate) fn sent(&self, count: u64) {
        self.sent.send_replace(count);
    }

    /// Begins no further fault and ends those that last: nothing stays broken. A load under fewer
    /// faults than were asked for proves less, so one that failed is an error.
    pub(crate) async fn finish(self) -> (FaultReport, Result<(), CarryError>) {
        self.stop.cancel();
        let faults = self.carried.await.expect("carrying faults out does not panic");
        let poisoned = match self.poisoned {
            Some(poisoned) => poisoned.await.expect("poisoning does not panic").map(Some),
            None => Ok(None),
        };
        let failed = faults.iter().filter(|carried| carried.failed).count();
        let undone = CarryError::Undone { failed, all: faults.len() };
        let done = if failed == 0 { Ok(()) } else { Err(undone) };
        match poisoned {
            Ok(poison) => (FaultReport { faults, poison }, done),
            Err(error) => (FaultReport { faults, poison: None }, Err(error)),
        }
    }
}

/// Carries out what is due until stopped; then sees to it that what lasts ends.
async fn carry(
    carrier: Arc<Carrier>,
    mut schedule: Schedule,
    tell: Tell,
    stop: CancellationToken,
) -> Vec<Carried> {
    let start = Instant::now();
    let mut under_way: JoinSet<Vec<Carried>> = JoinSet::new();
    let mut all = Vec::new();
    loop {
        while let Some(timed) = schedule.due(start.elapsed()) {
            let (carrier, tell) = (Arc::clone(&carrier), Arc::clone(&tell));
            let moment = Moment { start, stop: stop.clone() };
            under_way.spawn(one(carrier, timed.fault, moment, tell));
        }
        let wakeup = schedule.next_wakeup().map(|at| start + at);
        tokio::select! {
            () = stop.cancelled() => break,
            Some(carried) = under_way.join_next() => {
                all.extend(carried.expect("carrying a fault out does not panic"));
            }
            () = sleep_until(wakeup.unwrap_or(start)), if wakeup.is_some() => {}
        }
    }
    while let Some(carried) = under_way.join_next().await {
        all.extend(carried.expect("carrying a fault out does not panic"));
    }
    all.sort_by(|one, other| one.at_s.total_cmp(&other.at_s));
    all
}

/// What a fault knows of the others.
struct Moment {
    /// When the load began.
    start: Instant,
    /// The load is over, and with it what lasts.
    stop: CancellationToken,
}

/// One fault from its beginning to its end.
async fn one(carrier: Arc<Carrier>, fault: Fault, moment: Moment, tell: Tell) -> Vec<Carried> {
    let Moment { start, stop } = moment;
    let told = |did: Result<String, CarryError>| {
        let failed = did.is_err();
        let did = did.unwrap_or_else(|error| format!("failed: {}", chain(&error).join("; ")));
        let at_s = (start.elapsed().as_secs_f64() * 1e3).round() / 1e3;
        let carried = Carried { at_s, fault: fault.to_string(), did, failed };
        tell(&carried);
        carried
    };
    let begun = carrier.begin(&fault).await;
    let failed = begun.is_err();
    let mut carried = vec![told(begun)];
    if let Some(lasting) = fault.lasting().filter(|_| !failed) {
        stop.run_until_cancelled(sleep(lasting)).await;
        if let Some(did) = carrier.end(&fault).await.transpose() {
            carried.push(told(did));
        }
    }
    carried
}

#[cfg(test)]
mod tests;
