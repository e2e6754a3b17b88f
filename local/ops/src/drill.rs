//! Drills: each breaks or loads the order pipeline in one way, watches, and says whether what was
//! promised held. `verdict` is what they tell, `chart` how a series looks in a terminal.

mod baseline;
mod chart;
mod kafka_stop;
mod lag;
mod replay;
mod stop;
mod throughput;
mod verdict;

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;
use load::{Amount, LoadConfig, OutcomeFile, Pace, Report, Scenario};
use millrace::Place;
use millrace::terminal::Waiting;
use orders::Restock;

pub(crate) use self::verdict::Verdict;
use crate::accounts::Drained;
use crate::args::DrillName;
use crate::failure::OpsFailure;
use crate::pipeline::{OrderTotals, Pipeline, account};

/// Items of a drill: enough that every partition has some.
const ITEMS: u64 = 8;

/// The name under which the outcomes of a drill are kept: that of the built-in scenario.
const SCENARIO: &str = "orders";

/// How long everything may take to be decided and counted once nothing is broken any more.
const SETTLE: Duration = Duration::from_mins(10);

/// What a drill works with: the pipeline, and items of its own, so that drills do not meet.
#[derive(Debug)]
struct Drill {
    pipeline: Pipeline,
    load_folder: PathBuf,
    /// What the names of the items begin with.
    prefix: String,
}

/// Runs one drill.
pub(crate) async fn run(
    place: &Place,
    name: DrillName,
    orders: u64,
) -> Result<Verdict, OpsFailure> {
    let drill = Drill::prepare(place, orders).await?;
    match name {
        DrillName::Baseline => baseline::run(&drill, orders).await,
        DrillName::TenThousand => throughput::run(&drill, orders).await,
        DrillName::Lag => lag::run(&drill, orders).await,
        DrillName::ConsumerStop => Box::pin(stop::run(&drill, orders)).await,
        DrillName::KafkaStop => kafka_stop::run(&drill, orders).await,
        DrillName::Replay => replay::run(&drill, orders).await,
    }
}

impl Drill {
    /// Puts the drill's items into stock: one in eight orders finds nothing any more.
    async fn prepare(place: &Place, orders: u64) -> Result<Self, OpsFailure> {
        let pipeline = Pipeline::find(place).await?;
        let load_folder = place.data_folder()?.join("load");
        let prefix = format!("drill-{:x}", Timestamp::now().as_millisecond());
        let drill = Self { pipeline, load_folder, prefix };
        let each = (orders / ITEMS).saturating_sub(orders / ITEMS / 8).max(1);
        for item in 0..ITEMS {
            let item = format!("{}-{item}", drill.prefix);
            let quantity = u32::try_from(each).unwrap_or(u32::MAX);
            let restock = Restock { item: &item, id: "drill", quantity };
            drill.pipeline.inventory.restock(restock).await.map_err(OpsFailure::Restock)?;
        }
        Ok(drill)
    }

    /// A load of orders for the drill's items, one piece each.
    fn load(&self, amount: Amount, pace: Pace) -> LoadConfig {
        let prefix = &self.prefix;
        let text = format!(
            "[[request]]\npath = \"/order\"\nbody = '{{\"load_id\":\"${{load_id}}\",\"user_id\":\"u${{sequence % 100}}\",\
             \"item\":\"{prefix}-${{sequence % {ITEMS}}}\",\"quantity\":1}}'\n"
        );
        let scenario = Scenario::parse(SCENARIO, &text).expect("the drill's scenario is sound");
        let url = self.pipeline.run.gateway.parse().expect("the run file has an address");
        LoadConfig {
            amount,
            pace,
            started_ms: Timestamp::now().as_millisecond(),
            ..LoadConfig::new(url, scenario, self.load_folder.clone())
        }
    }

    /// Sends a load to its end.
    async fn send(&self, config: LoadConfig) -> Result<(Report, OutcomeFile), OpsFailure> {
        let path = OutcomeFile::path(&config.directory, config.run);
        let waiting = Waiting::start("placing orders");
        let report = load::run(config, |seen| {
            if let Some(requests) = seen.requests {
                waiting.progress(seen.sent, requests);
            }
        });
        let report = report.await.map_err(OpsFailure::Load)?;
        Ok((report, OutcomeFile::open(&path)?))
    }

    /// Waits until everything is decided and counted, then accounts for a load.
    async fn account(&self, file: &OutcomeFile) -> Result<OrderTotals, OpsFailure> {
        let drained: Drained = self.pipeline.settled(SETTLE).await?;
        account(&self.pipeline, file, drained).await
    }
}

fn connections(many: u32) -> Pace {
    Pace::Closed { connections: NonZeroU32::new(many).unwrap_or(NonZeroU32::MIN) }
}
