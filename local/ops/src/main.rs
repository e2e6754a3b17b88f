//! `cargo ops`: what knows our own events. Reads the command line and picks the command.

mod accounts;
mod args;
mod commands;
mod dead_letters;
mod drain;
mod drill;
mod failure;
mod failures;
mod http;
mod load_id;
mod pipeline;
mod surroundings;
mod tables;
mod topic;
mod variables;
mod written;

use std::process::ExitCode;

use clap::Parser as _;
use millrace::{Exit, terminal};

use crate::args::{Args, Command};
use crate::failure::OpsFailure;

#[tokio::main]
async fn main() -> ExitCode {
    let Args { place, command } = Args::parse();
    let done = match command {
        Command::Events(events) => commands::events::run(&place, events).await,
        Command::Ledger(ledger) => commands::ledger::run(&place, ledger).await,
        Command::Drill(drill) => commands::drill::run(&place, drill).await,
        Command::Replay(replay) => commands::replay::run(&place, replay).await,
        Command::Stock(stock) => commands::stock::run(&place, stock).await,
    };
    match done {
        Ok(exit) => exit.into(),
        Err(OpsFailure::Output(error)) if error.reader_is_gone() => Exit::Done.into(),
        Err(failure) => {
            terminal::failure(&failure, failure.hint().as_deref());
            failure.exit().into()
        }
    }
}
