//! `cargo ops replay`: counts all outcomes of orders again, and lets the result take over.

use millrace::{Exit, Place, terminal};

use crate::args::ReplayArgs;
use crate::failure::OpsFailure;
use crate::pipeline::{Pipeline, replay};

/// Replays; figures that differ are not switched to, and exit code 1.
pub(crate) async fn run(place: &Place, args: ReplayArgs) -> Result<Exit, OpsFailure> {
    let replayed = replay(&Pipeline::find(place).await?).await?;
    if args.json {
        let text = serde_json::to_string(&replayed).expect("texts and numbers become JSON");
        terminal::out(text + "\n")?;
    } else {
        terminal::out(format!(
            "counted {} records again in {:.2} s: {} orders, {} reserved, {} failed\n",
            replayed.records,
            replayed.duration_s,
            replayed.summary.total_orders,
            replayed.summary.reserved,
            replayed.summary.failed,
        ))?;
    }
    if replayed.differences.is_empty() {
        terminal::note(format!(
            "generation {} agrees with generation {} in every field, and counts from now on",
            replayed.to, replayed.from
        ));
        return Ok(Exit::Done);
    }
    for difference in &replayed.differences {
        terminal::note(format!("differs in {difference}"));
    }
    terminal::note(format!("generation {} goes on counting", replayed.from));
    Ok(Exit::Failed)
}
