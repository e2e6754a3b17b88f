//! What the function reads from its variables, once.

use std::time::Duration;

use consume::Terms;
use orders::counting_policy;
use progress::Policy;
use settings::{Settings, Topic};
use vars::{ConfigError, Source};

/// Between two reports, in seconds, unless told otherwise.
const REPORT_INTERVAL_S: u64 = 30;

/// A day without a report is a mistake.
const REPORT_INTERVAL_S_MAX: u64 = 86_400;

pub(crate) struct Config {
    pub(crate) settings: Settings,
    pub(crate) table: String,
    pub(crate) report_interval: Duration,
    pub(crate) policy: Policy,
    pub(crate) terms: Terms,
}

impl Config {
    pub(crate) fn read(source: &dyn Source) -> Result<Self, ConfigError> {
        vars::read(source, |vars| {
            let settings = Settings::read(vars, env!("CARGO_PKG_NAME"));
            let table = vars.text("TABLE_NAME");
            let interval = vars.number_or(
                "REPORT_INTERVAL_SECONDS",
                REPORT_INTERVAL_S,
                1..=REPORT_INTERVAL_S_MAX,
            );
            let terms = Terms::read(vars, Topic::Inventory);
            Some(Self {
                settings: settings?,
                table: table?,
                report_interval: Duration::from_secs(interval?),
                policy: counting_policy(),
                terms: terms?,
            })
        })
    }
}
