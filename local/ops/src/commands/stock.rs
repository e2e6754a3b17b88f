//! `cargo ops stock`: adds to the stock of items, and prints what there is.

use jiff::Timestamp;
use millrace::{Exit, Place, terminal};
use orders::{Restock, Stock};

use crate::args::StockArgs;
use crate::failure::OpsFailure;
use crate::pipeline::Pipeline;

/// Restocks, then prints the stock of every item.
pub(crate) async fn run(place: &Place, args: StockArgs) -> Result<Exit, OpsFailure> {
    let pipeline = Pipeline::find(place).await?;
    let id = args.id.unwrap_or_else(|| format!("ops-{}", Timestamp::now().as_millisecond()));
    for (item, quantity) in args.add.items() {
        let quantity = u32::try_from(quantity).expect("it was read as one");
        let restock = Restock { item, id: &id, quantity };
        pipeline.inventory.restock(restock).await.map_err(OpsFailure::Restock)?;
    }
    for (item, stock) in pipeline.inventory.items().await? {
        let Stock { available, reserved, .. } = stock;
        terminal::out(format!("{item:<24}{available:>10} available{reserved:>10} reserved\n"))?;
    }
    Ok(Exit::Done)
}
