//! `cargo ops`: what knows our own events. Reads the command line and picks the command.

mod accounts;
mod args;
mod commands;
mod dead_letters;
mod failure;
mod surroundings;
mod tables;

use std::error::Error;
use std::process::ExitCode;

use clap::Parser as _;
use millrace::terminal;

use crate::args::{Args, Command};
use crate::failure::OpsFailure;

#[tokio::main]
async fn main() -> ExitCode {
    let args = Args::parse();
    let done = match args.command {
        Command::Events(events) => commands::events::run(events).await,
        Command::Ledger(ledger) => commands::ledger::run(ledger).await,
    };
    match done {
        Ok(exit) => exit.into(),
        Err(failure) => {
            report(&failure);
            failure.exit().into()
        }
    }
}

/// Prints the failure with everything it says of its cause.
fn report(failure: &OpsFailure) {
    let mut line = failure.to_string();
    let mut cause = failure.source();
    while let Some(error) = cause {
        line = format!("{line}: {error}");
        cause = error.source();
    }
    terminal::failure(None, &[line], failure.hint());
}
