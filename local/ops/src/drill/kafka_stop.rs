//! Kafka stops while orders come, and starts again: what is answered meanwhile, and what becomes of it.

use std::num::NonZeroU32;
use std::time::Duration;

use load::{Amount, Pace, Rate};
use tokio::time::{Instant, sleep};

use super::{Drill, SETTLE, Verdict};
use crate::failure::OpsFailure;

/// Orders a second: a few hundred meet the outage.
const RATE: u32 = 100;

/// Before the outage, and how long it lasts: longer than an order waits for Kafka (3 s), so that some are refused.
const BEFORE: Duration = Duration::from_secs(2);
const DOWN: Duration = Duration::from_secs(5);

/// Orders under way at a time: those that wait for Kafka hold an environment each.
const IN_FLIGHT: u32 = 64;

pub(super) async fn run(drill: &Drill, orders: u64) -> Result<Verdict, OpsFailure> {
    let pace = Pace::Open {
        rate: Rate::constant(RATE),
        in_flight: NonZeroU32::new(IN_FLIGHT).unwrap_or(NonZeroU32::MIN),
    };
    let config = drill.load(Amount::Requests(orders), pace);
    let outage = async {
        sleep(BEFORE).await;
        Ok(drill.pipeline.run.stop_kafka(DOWN).await?)
    };
    let ((report, file), ()) = tokio::try_join!(drill.send(config), outage)?;
    // Kafka starts again by itself; asking it fails until then.
    let give_up = Instant::now() + SETTLE;
    let totals = loop {
        match drill.account(&file).await {
            Err(OpsFailure::Kafka(_) | OpsFailure::KafkaSilent { .. })
                if Instant::now() < give_up =>
            {
                sleep(BEFORE).await;
            }
            accounted => break accounted?,
        }
    };
    let mut verdict = Verdict::of("kafka-stop");
    verdict.figure("orders", report.sent);
    verdict.figure("down_s", DOWN.as_secs());
    verdict.figure("refused_with_retry_after", report.refused);
    verdict.figure("outcome_unknown", report.ambiguous);
    verdict.figure("slowest_answer_ms", report.latency_ms.max);
    let meanwhile = report.refused + report.ambiguous;
    verdict.claim(
        "orders were refused during the outage, or waited it out",
        meanwhile > 0 || report.latency_ms.max > 100.0,
    );
    verdict.claim("every order was answered", report.failed == 0);
    verdict.accounts(&totals);
    Ok(verdict)
}
