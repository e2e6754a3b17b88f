//! The running stack's order pipeline: where it is, how far it is, and what its topics hold.

mod books;
mod records;
mod replay;

use std::ops::Range;
use std::time::Duration;

use event::Stream;
use millrace::terminal::Waiting;
use millrace::{Place, RunFile, running};
use orders::{ANALYTICS, InitialStock, Inventory, OrderTable, RESERVE};
use progress::store::{DynamoDb, Store as _};
use progress::{Consumer, PartitionKey};
use tokio::time::{Instant, sleep};

use crate::accounts::Drained;
use crate::failure::OpsFailure;
use crate::topic;
use crate::variables::Variables;

pub(crate) use self::books::{OrderTotals, account};
pub(crate) use self::replay::replay;

/// How often is looked while records wait.
const LOOK: Duration = Duration::from_millis(100);

/// The order pipeline of a running stack.
#[derive(Debug)]
pub(crate) struct Pipeline {
    pub(crate) run: RunFile,
    pub(crate) store: DynamoDb,
    pub(crate) orders: Stream,
    pub(crate) outcomes: Stream,
    pub(crate) inventory: Inventory,
    /// `PROCESSING_DELAY`, as written.
    pub(crate) delay: String,
}

/// How much waits where.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Lag {
    /// Orders placed and not decided.
    pub(crate) undecided: i64,
    /// Orders decided and not counted.
    pub(crate) uncounted: u64,
}

impl Pipeline {
    /// Finds the stack that a command is about.
    pub(crate) async fn find(place: &Place) -> Result<Self, OpsFailure> {
        let run = running(place)?;
        let reserve = Variables::of(&run, RESERVE)?;
        let analytics = Variables::of(&run, ANALYTICS)?;
        let stock = reserve.optional("INITIAL_STOCK").unwrap_or_default();
        let initial = InitialStock::parse(stock).map_err(OpsFailure::InitialStock)?;
        let orders = reserve.stream(&run, "ORDERS_TOPIC", "ORDERS_EPOCH")?;
        let epoch = analytics.epoch("INVENTORY_EPOCH")?;
        let outcomes = reserve.stream(&run, "INVENTORY_TOPIC", "ORDERS_EPOCH")?;
        let store = reserve.table(&run).await?;
        Ok(Self {
            inventory: Inventory::new(OrderTable::of(&store), initial),
            delay: reserve.optional("PROCESSING_DELAY").unwrap_or("0").to_owned(),
            outcomes: Stream { epoch, ..outcomes },
            run,
            store,
            orders,
        })
    }

    /// The items of orders in the table.
    pub(crate) fn table(&self) -> &OrderTable {
        self.inventory.table()
    }

    /// The offsets that each partition of a topic holds.
    pub(crate) async fn offsets(&self, topic: &str) -> Result<Vec<Range<i64>>, OpsFailure> {
        topic::offsets(&self.run.kafka, topic).await
    }

    /// Where the progress of deciding a partition is.
    pub(crate) fn decided(&self, partition: i32) -> PartitionKey {
        Consumer::new(RESERVE).partition(&self.orders, partition)
    }

    /// Where the progress of counting a partition is.
    pub(crate) fn counted(&self, generation: u32, partition: i32) -> PartitionKey {
        Consumer::of_generation(ANALYTICS, generation).partition(&self.outcomes, partition)
    }

    /// The next offset of a partition that was not reached.
    pub(crate) async fn next(&self, partition: &PartitionKey) -> Result<i64, OpsFailure> {
        let fence = self.store.fence(partition).await?;
        Ok(fence.map_or(0, |fence| fence.next))
    }

    /// How much waits.
    pub(crate) async fn lag(&self) -> Result<Lag, OpsFailure> {
        let generation = self.table().generation().await?.number;
        let mut lag = Lag::default();
        for (partition, held) in (0..).zip(self.offsets(&self.orders.topic).await?) {
            lag.undecided += self.undecided_in(partition, &held).await?;
            lag.uncounted += self.table().uncounted(generation, &self.decided(partition)).await?;
        }
        Ok(lag)
    }

    /// How many orders are placed and not decided.
    pub(crate) async fn undecided(&self) -> Result<i64, OpsFailure> {
        let mut undecided = 0;
        for (partition, held) in (0..).zip(self.offsets(&self.orders.topic).await?) {
            undecided += self.undecided_in(partition, &held).await?;
        }
        Ok(undecided)
    }

    async fn undecided_in(&self, partition: i32, held: &Range<i64>) -> Result<i64, OpsFailure> {
        Ok(behind(held, self.next(&self.decided(partition)).await?))
    }

    /// Waits until every order is decided, published and counted, for as long as `patience` lasts.
    pub(crate) async fn settled(&self, patience: Duration) -> Result<Drained, OpsFailure> {
        let waiting = Waiting::start("waiting until every order is decided and counted");
        let give_up = Instant::now() + patience;
        loop {
            let Lag { undecided, uncounted } = self.lag().await?;
            if (undecided, uncounted) == (0, 0) {
                return Ok(Drained::Yes);
            }
            if Instant::now() >= give_up {
                return Ok(Drained::No);
            }
            waiting.say(format!("{undecided} orders to decide, {uncounted} to count"));
            sleep(LOOK).await;
        }
    }
}

/// How many of the offsets that a partition holds were not reached.
fn behind(held: &Range<i64>, next: i64) -> i64 {
    (held.end - next.max(held.start)).max(0)
}
