//! `millrace`, run as `cargo local`: a SAM template's API Gateway, Lambda, Kafka and DynamoDB on
//! this machine.
//!
//! [`Stack`] assembles the parts; `up` and the tests start the same one. It knows nothing of the
//! functions that it runs: they come from the template. Only `terminal` prints.

mod access;
mod args;
mod build;
mod commands;
mod control;
mod data_folder;
mod env_file;
mod exit;
mod failure;
mod faults;
mod interrupt;
mod locate;
mod log_files;
mod log_reader;
mod metrics;
mod notice;
mod open_files;
mod reload;
mod run_file;
mod running;
mod stack;
mod status;
mod summary;
mod tables;
pub mod terminal;

use std::env;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser as _;
use tokio::runtime;
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

pub use access::{AccessError, KafkaClient};
pub use args::Place;
pub use build::{CARGO_RUN_VARIABLES, Sources};
pub use exit::Exit;
pub use faults::{PoisonFile, PoisonPlace};
pub use interrupt::until_interrupted;
pub use notice::{NOTICES_MAX, Notice, Notices};
pub use run_file::{RunFile, RunFileError};
pub use running::{RunningError, running};
pub use stack::{Addresses, Ports, Stack, StackConfig, UpError};
pub use status::{FunctionStatus, MappingDetail, MappingStatus, Mappings, PartitionStatus, Status};

use args::CommandLine;
use failure::CommandError;

/// How long work that cannot be cancelled, such as a call to librdkafka, may hold up the end.
const LINGER: Duration = Duration::from_secs(2);

/// Runs the command line of this process; the whole of the `millrace` binary.
pub fn main() -> ExitCode {
    let line = match CommandLine::try_parse() {
        Ok(line) => line,
        Err(error) => {
            error.print().ok();
            return if error.use_stderr() { Exit::Usage } else { Exit::Done }.into();
        }
    };
    init_tracing();
    match run(line) {
        Ok(()) => Exit::Done.into(),
        Err(CommandError::Output(error)) if error.reader_is_gone() => Exit::Done.into(),
        Err(error) => {
            error.report();
            ExitCode::from(error.code())
        }
    }
}

fn run(line: CommandLine) -> Result<(), CommandError> {
    let runtime =
        runtime::Builder::new_multi_thread().enable_all().build().map_err(CommandError::Runtime)?;
    let outcome = runtime.block_on(commands::run(line));
    runtime.shutdown_timeout(LINGER);
    outcome
}

/// The stack's own logs, on stderr: warnings and errors, or what `MILLRACE_LOG` asks for, such as
/// `debug` or `warn,poller=debug`.
#[expect(clippy::disallowed_methods, reason = "the one variable that no flag stands for")]
fn init_tracing() {
    let wanted = env::var("MILLRACE_LOG").ok();
    let wanted = wanted.and_then(|text| text.parse().ok());
    let filter = wanted.unwrap_or_else(|| Targets::new().with_default(LevelFilter::WARN));
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(terminal::in_colour())
        .with_target(false);
    tracing_subscriber::registry().with(lines.with_filter(filter)).init();
}
