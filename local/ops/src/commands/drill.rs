//! `cargo ops drill`: runs a drill, prints its verdict.

use millrace::{Exit, Place, terminal};

use crate::args::DrillArgs;
use crate::drill;
use crate::failure::OpsFailure;

/// Runs one drill; what did not hold is exit code 1.
pub(crate) async fn run(place: &Place, args: DrillArgs) -> Result<Exit, OpsFailure> {
    let orders = args.orders.unwrap_or_else(|| args.name.orders());
    let verdict = Box::pin(drill::run(place, args.name, orders)).await?;
    if args.json {
        let text = serde_json::to_string(&verdict).expect("texts and numbers become JSON");
        terminal::out(text + "\n")?;
    } else {
        terminal::out(&verdict)?;
    }
    Ok(if verdict.holds() { Exit::Done } else { Exit::Failed })
}
