//! A throttled consumer: lag grows while orders come faster than they are decided, and drains.

use std::time::Duration;

use load::Amount;
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::{Drill, Verdict, chart, connections};
use crate::failure::OpsFailure;

/// How often the lag is looked at.
const LOOK: Duration = Duration::from_millis(250);

/// Connections that place orders: many more than a throttled consumer keeps up with.
const CONNECTIONS: u32 = 16;

/// The longest series: an hour.
const LOOKS_MAX: usize = 14_400;

pub(super) async fn run(drill: &Drill, orders: u64) -> Result<Verdict, OpsFailure> {
    let throttled = drill.pipeline.delay.parse().is_ok_and(|seconds: f64| seconds > 0.0);
    if !throttled {
        return Err(OpsFailure::NotThrottled);
    }
    let sending = drill.send(drill.load(Amount::Requests(orders), connections(CONNECTIONS)));
    let mut sending = std::pin::pin!(sending);
    let (start, mut series, mut sent) = (Instant::now(), Vec::new(), None);
    let mut looks = interval(LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while series.len() < LOOKS_MAX {
        tokio::select! {
            done = &mut sending, if sent.is_none() => sent = Some(done?),
            _ = looks.tick() => {
                let undecided = drill.pipeline.lag().await?.undecided;
                series.push(u64::try_from(undecided).unwrap_or(0));
                if undecided == 0 && sent.is_some() {
                    break;
                }
            }
        }
    }
    let time = start.elapsed();
    let (report, file) = match sent {
        Some(sent) => sent,
        None => sending.await?,
    };
    let totals = drill.account(&file).await?;
    let highest = series.iter().copied().max().unwrap_or(0);
    let mut verdict = Verdict::of("lag");
    verdict.figure("orders", report.accepted);
    verdict.figure("processing_delay_s", drill.pipeline.delay.as_str());
    verdict.figure("highest_lag", highest);
    verdict.picture(chart::draw("orders that wait", &series, time));
    verdict.figure("seconds", time.as_secs());
    verdict.figure("series", series.clone());
    verdict.claim("lag grew while orders came faster than they were decided", highest > orders / 4);
    verdict.claim("lag drained to nothing", series.last() == Some(&0));
    verdict.accounts(&totals);
    Ok(verdict)
}
