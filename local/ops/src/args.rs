//! The command line as typed.

use std::path::PathBuf;

use clap::{Parser, Subcommand};
use load::RunId;
use millrace::Place;

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
