//! Many orders at once: how fast they are placed, how fast decided, and whether all are accounted for.

use std::time::Duration;

use load::Amount;
use tokio::time::{Instant, sleep};

use super::{Drill, SETTLE, Verdict, connections};
use crate::failure::OpsFailure;

/// Connections that place orders.
const CONNECTIONS: u32 = 64;

/// How often is looked whether all are decided.
const LOOK: Duration = Duration::from_millis(20);

pub(super) async fn run(drill: &Drill, orders: u64) -> Result<Verdict, OpsFailure> {
    let start = Instant::now();
    let config = drill.load(Amount::Requests(orders), connections(CONNECTIONS));
    let (report, file) = drill.send(config).await?;
    let give_up = Instant::now() + SETTLE;
    while drill.pipeline.undecided().await? > 0 && Instant::now() < give_up {
        sleep(LOOK).await;
    }
    let seconds = start.elapsed().as_secs_f64();
    let totals = drill.account(&file).await?;
    let mut verdict = Verdict::of("ten-thousand");
    verdict.figure("orders", orders);
    verdict.figure("placed_per_second", report.rate.round());
    verdict.figure("p99_ms", report.latency_ms.p99);
    verdict.figure("seconds_until_decided", (seconds * 100.0).round() / 100.0);
    #[expect(clippy::cast_precision_loss, reason = "a figure to read, exact up to 2^53")]
    let rate = report.accepted as f64 / seconds;
    verdict.figure("decided_per_second", rate.round());
    verdict.claim("every order was accepted", report.accepted == orders);
    verdict.accounts(&totals);
    Ok(verdict)
}
