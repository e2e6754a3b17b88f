//! What the function reads from its variables, once.

use event::Stream;
use orders::InitialStock;
use settings::{Settings, Topic};
use vars::{ConfigError, Source};

pub(crate) struct Config {
    pub(crate) settings: Settings,
    pub(crate) orders: Stream,
    pub(crate) table: String,
    pub(crate) initial_stock: InitialStock,
}

impl Config {
    pub(crate) fn read(source: &dyn Source) -> Result<Self, ConfigError> {
        vars::read(source, |vars| {
            let settings = Settings::read(vars, env!("CARGO_PKG_NAME"));
            let orders = Topic::Orders.stream(vars);
            let table = vars.text("TABLE_NAME");
            let initial_stock = vars.parsed("INITIAL_STOCK", InitialStock::parse);
            Some(Self {
                settings: settings?,
                orders: orders?,
                table: table?,
                initial_stock: initial_stock?,
            })
        })
    }
}
