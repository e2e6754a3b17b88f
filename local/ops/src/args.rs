//! The command line as typed.

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};
use load::RunId;
use millrace::Place;
use orders::InitialStock;

/// What knows our own events: who was processed when, and whether a load was accounted for.
#[derive(Debug, Parser)]
#[command(name = "cargo ops", bin_name = "cargo ops", version, propagate_version = true)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) place: Place,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Print time and id of processed events
    #[command(after_help = "Examples:
  cargo ops events                       all that were processed so far
  cargo ops events --follow              and those to come
  cargo ops events --follow --append processed_events.txt

An event that the file of --append has already is not appended again.")]
    Events(EventsArgs),
    /// Find every event of a load: processed, failed, lost, applied twice
    #[command(after_help = "Examples:
  cargo local load --requests 10000 --connections 64 && cargo ops ledger
  cargo ops ledger --json --run 5f0c21aa

Exit code 1 when an event was lost or applied twice or cannot be accounted for, and when records
still wait after --wait.")]
    Ledger(LedgerArgs),
    /// Load or break the order pipeline in one way, and say whether what is promised held
    #[command(after_help = "Examples:
  cargo ops drill baseline
  cargo ops drill ten-thousand --json
  cargo local up --parameter-overrides ProcessingDelay=0.05   and then: cargo ops drill lag

Each drill orders items of its own, which it puts into stock first. Exit code 1 when a promise broke.")]
    Drill(DrillArgs),
    /// Count all outcomes of orders again from the beginning, compare, and switch to the result
    #[command(
        after_help = "New orders may keep coming. Exit code 1 when the figures differ; then nothing is switched."
    )]
    Replay(ReplayArgs),
    /// Add to the stock of items, and print what there is
    #[command(after_help = "Examples:
  cargo ops stock
  cargo ops stock --add pizza=100,tea=50
  cargo ops stock --add pizza=100 --id monday      counts once, however often it is called")]
    Stock(StockArgs),
}

/// A drill.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum DrillName {
    /// Latency of one order after the other: to the receipt, and to the outcome
    Baseline,
    /// 10,000 orders as fast as 64 connections can
    TenThousand,
    /// Lag while a throttled consumer falls behind and catches up
    Lag,
    /// The consumer stops, and recovers
    ConsumerStop,
    /// Kafka stops, and recovers
    KafkaStop,
    /// All outcomes counted again while orders keep coming
    Replay,
}

impl DrillName {
    /// How many orders it places unless told otherwise.
    pub(crate) fn orders(self) -> u64 {
        match self {
            Self::Baseline => 100,
            Self::TenThousand => 10_000,
            Self::Lag => 400,
            Self::ConsumerStop | Self::KafkaStop => 1_000,
            Self::Replay => 2_000,
        }
    }
}

#[derive(Debug, clap::Args)]
pub(crate) struct DrillArgs {
    /// Which
    pub(crate) name: DrillName,
    /// How many orders to place [default: as the drill needs]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    pub(crate) orders: Option<u64>,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ReplayArgs {
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct StockArgs {
    /// What to add, as item=quantity,item=quantity
    #[arg(long, value_name = "STOCK", default_value = "", value_parser = InitialStock::parse, hide_default_value = true)]
    pub(crate) add: InitialStock,
    /// The delivery's id: the same one counts once [default: a new one]
    #[arg(long, value_name = "ID")]
    pub(crate) id: Option<String>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct EventsArgs {
    /// Go on until Ctrl-C
    #[arg(short, long)]
    pub(crate) follow: bool,
    /// Append the lines to this file instead of printing them
    #[arg(long, value_name = "FILE")]
    pub(crate) append: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct LedgerArgs {
    /// The load to account for, as `cargo local load` names it [default: the latest]
    #[arg(long, value_name = "ID")]
    pub(crate) run: Option<RunId>,
    /// Seconds to wait until no record waits to be processed
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    pub(crate) wait: u64,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}
