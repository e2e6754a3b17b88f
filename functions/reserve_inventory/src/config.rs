//! What the function reads from its variables, once.

use std::time::Duration;

use consume::Terms;
use orders::InitialStock;
use progress::Policy;
use publish::PublishConfig;
use settings::{Settings, Topic};
use vars::{ConfigError, Source};

/// When the producer gives up an outcome: one that nobody took in this time is published again by the next invocation.
const OUTCOME_TIMEOUT: Duration = Duration::from_secs(30);

/// At least 2: the first attempt at an order may be one at its whole slice.
const ATTEMPTS: std::ops::RangeInclusive<u32> = 2..=100;

/// Orders decided by one transaction: the longest outcomes of so many fit one item of the table, 400 KB.
const ORDERS_MAX: u32 = 500;

/// The longest delay for each order, in seconds: an invocation must come to the end of one.
const DELAY_S_MAX: f64 = 10.0;

/// How fast orders are decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pace {
    /// `PROCESSING_DELAY`, for each order.
    pub(crate) delay: Duration,
    /// How long one transaction takes with it, at most.
    pub(crate) unit: Duration,
}

pub(crate) struct Config {
    pub(crate) settings: Settings,
    pub(crate) orders_topic: String,
    /// The topic is that of the outcomes.
    pub(crate) publish: PublishConfig,
    pub(crate) table: String,
    pub(crate) initial_stock: InitialStock,
    pub(crate) pace: Pace,
    pub(crate) policy: Policy,
    pub(crate) terms: Terms,
}

impl Config {
    pub(crate) fn read(source: &dyn Source) -> Result<Self, ConfigError> {
        vars::read(source, |vars| {
            let settings = Settings::read(vars, env!("CARGO_PKG_NAME"));
            let (orders_topic, topic) = (Topic::Orders.name(vars), Topic::Inventory.name(vars));
            let table = vars.text("TABLE_NAME");
            let initial_stock = vars.parsed("INITIAL_STOCK", InitialStock::parse);
            let delay_s = vars.number_or("PROCESSING_DELAY", 0.0, 0.0..=DELAY_S_MAX);
            let defaults = Policy::default();
            let attempts_max = vars.number_or("MAX_ATTEMPTS", defaults.attempts_max, ATTEMPTS);
            let terms = Terms::read(vars, Topic::Orders);
            let settings = settings?;
            let (pace, records_max) = pace(Duration::from_secs_f64(delay_s?));
            Some(Self {
                publish: settings.publisher(&topic?, Duration::ZERO, OUTCOME_TIMEOUT),
                settings,
                orders_topic: orders_topic?,
                table: table?,
                initial_stock: initial_stock?,
                pace,
                policy: Policy { attempts_max: attempts_max?, records_max, ..defaults },
                terms: terms?,
            })
        })
    }
}

/// The pace for a delay, and how many orders one transaction then decides: with a delay, about a second's.
fn pace(delay: Duration) -> (Pace, usize) {
    let in_a_second = 1_000_000_u128.checked_div(delay.as_micros());
    let orders = in_a_second.map_or(ORDERS_MAX, |orders| {
        u32::try_from(orders).unwrap_or(ORDERS_MAX).clamp(1, ORDERS_MAX)
    });
    let orders_max = usize::try_from(orders).expect("it is at most 500");
    (Pace { delay, unit: delay * orders }, orders_max)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn complete() -> BTreeMap<&'static str, &'static str> {
        BTreeMap::from([
            ("KAFKA_BOOTSTRAP_SERVERS", "localhost:9092"),
            ("ORDERS_TOPIC", "order-events"),
            ("INVENTORY_TOPIC", "inventory-events"),
            ("TABLE_NAME", "millrace"),
            ("EVENT_ID_KEY", "k1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="),
        ])
    }

    #[test]
    fn a_transaction_takes_a_second_of_delays_and_no_more_orders_than_fit() {
        for (delay_ms, orders, unit_ms) in
            [(0, 500, 0), (1, 500, 500), (100, 10, 1_000), (300, 3, 900), (1_000, 1, 1_000)]
        {
            let (pace, found) = pace(Duration::from_millis(delay_ms));
            assert_eq!((found, pace.unit), (orders, Duration::from_millis(unit_ms)), "{delay_ms}");
        }
        assert_eq!(pace(Duration::from_nanos(1)).1, 500);
        assert_eq!(pace(Duration::from_secs(10)).1, 1);
    }

    #[test]
    fn a_delay_may_be_a_fraction_of_a_second() {
        let mut variables = complete();
        variables.insert("PROCESSING_DELAY", "0.05");
        variables.insert("INITIAL_STOCK", "pizza=5");
        let config = Config::read(&variables).ok().unwrap();
        assert_eq!(config.pace.delay, Duration::from_millis(50));
        assert_eq!(config.policy.records_max, 20);
        assert_eq!(config.initial_stock.of("pizza"), Some(5));
    }

    #[test]
    fn every_variable_that_is_missing_or_wrong_is_named_at_once() {
        let wrong = [("PROCESSING_DELAY", "-1"), ("INITIAL_STOCK", "pizza")];
        let error = Config::read(&BTreeMap::from(wrong)).err().unwrap().to_string();
        for name in complete().into_keys().chain(["PROCESSING_DELAY", "INITIAL_STOCK"]) {
            assert!(error.contains(name), "{name}: {error}");
        }
    }
}
