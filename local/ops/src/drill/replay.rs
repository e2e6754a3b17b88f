//! All outcomes are counted again while orders keep coming, compared, and switched to.

use std::num::NonZeroU32;

use load::{Amount, Pace, Rate};

use super::{Drill, Verdict, connections};
use crate::failure::OpsFailure;
use crate::pipeline::replay;

/// Orders a second that keep coming.
const RATE: u32 = 50;

/// They come for two seconds, and one more for so many of the drill's own outcomes: longer than it takes to count those again.
const OUTCOMES_A_SECOND: u64 = 10_000;

const CONNECTIONS: u32 = 32;

pub(super) async fn run(drill: &Drill, orders: u64) -> Result<Verdict, OpsFailure> {
    let (_, _) = drill.send(drill.load(Amount::Requests(orders), connections(CONNECTIONS))).await?;
    drill.pipeline.settled(super::SETTLE).await?;
    let pace = Pace::Open {
        rate: Rate::constant(RATE),
        in_flight: NonZeroU32::new(CONNECTIONS).unwrap_or(NonZeroU32::MIN),
    };
    let seconds = 2 + orders / OUTCOMES_A_SECOND;
    let more = drill.load(Amount::Requests(u64::from(RATE) * seconds), pace);
    let (sent, replayed) = tokio::join!(drill.send(more), replay(&drill.pipeline));
    let ((report, file), replayed) = (sent?, replayed?);
    let totals = drill.account(&file).await?;
    let now = drill.pipeline.table().generation().await?.number;
    let mut verdict = Verdict::of("replay");
    verdict.figure("records_counted_again", replayed.records);
    verdict.figure("from_generation", replayed.from);
    verdict.figure("to_generation", replayed.to);
    verdict.figure("seconds", (replayed.duration_s * 100.0).round() / 100.0);
    verdict.figure("counting_paused_ms", replayed.paused_ms.round());
    verdict.figure("orders_meanwhile", report.accepted);
    verdict.claim(
        format!("both generations agree in every field {}", replayed.differences.join(", ")).trim(),
        replayed.differences.is_empty(),
    );
    verdict.claim("the new generation counts", now == replayed.to);
    verdict.claim("orders were accepted all the while", report.accepted == report.sent);
    verdict.accounts(&totals);
    Ok(verdict)
}
