//! The consumer stops, orders go on, and it catches up from where it was.

use load::Amount;
use serde_json::json;
use tokio::time::Instant;

use super::{Drill, Verdict, connections};
use crate::failure::OpsFailure;
use crate::http::Gateway;

const CONNECTIONS: u32 = 16;

pub(super) async fn run(drill: &Drill, orders: u64) -> Result<Verdict, OpsFailure> {
    let pipeline = &drill.pipeline;
    pipeline.run.pause(orders::RESERVE).await?;
    let sent = until_interrupted(while_stopped(drill, orders)).await;
    // Whatever went wrong: nothing stays stopped.
    pipeline.run.resume(orders::RESERVE).await?;
    let start = Instant::now();
    let Sent { file, accepted, queued, status } = sent?;
    let totals = until_interrupted(drill.account(&file)).await?;
    let mut verdict = Verdict::of("consumer-stop");
    verdict.figure("orders", accepted);
    verdict.figure("queued_while_stopped", queued);
    verdict.figure("caught_up_after_s", (start.elapsed().as_secs_f64() * 100.0).round() / 100.0);
    verdict.claim("orders were accepted while nobody decided them", accepted == orders);
    verdict.claim("they waited in Kafka", u64::try_from(queued).is_ok_and(|q| q >= orders));
    verdict.claim("an order that waits is `placed`", status == "placed");
    verdict.accounts(&totals);
    Ok(verdict)
}

/// Runs `work` until it ends, or until Ctrl-C.
async fn until_interrupted<T>(
    work: impl Future<Output = Result<T, OpsFailure>>,
) -> Result<T, OpsFailure> {
    tokio::select! {
        biased;
        _ = tokio::signal::ctrl_c() => Err(OpsFailure::Interrupted),
        done = work => done,
    }
}

/// What was seen while nobody decided orders.
struct Sent {
    file: load::OutcomeFile,
    accepted: u64,
    queued: i64,
    status: String,
}

async fn while_stopped(drill: &Drill, orders: u64) -> Result<Sent, OpsFailure> {
    let config = drill.load(Amount::Requests(orders), connections(CONNECTIONS));
    let (report, file) = drill.send(config).await?;
    let queued = drill.pipeline.lag().await?.undecided;
    let gateway = Gateway::new(&drill.pipeline.run.gateway);
    let order = json!({"user_id": "drill", "item": format!("{}-0", drill.prefix), "quantity": 1});
    let (_, placed) = gateway.post("/order", &order).await?;
    let order_id = placed["order_id"].as_str().unwrap_or_default();
    let (_, state) = gateway.get(&format!("/order/{order_id}")).await?;
    let status = state["status"].as_str().unwrap_or_default().to_owned();
    Ok(Sent { file, accepted: report.accepted, queued, status })
}
