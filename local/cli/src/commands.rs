//! One module per command; each asks the library and prints. Nothing else calls `terminal`.

mod background;
mod down;
mod load;
mod logs;
mod mapping;
mod status;
mod up;

use crate::args::{Command, CommandLine, Place};
use crate::control::client::ControlClient;
use crate::data_folder::Layout;
use crate::failure::CommandError;
use crate::locate;
use crate::run_file::RunFile;

/// Runs a command to its end.
pub(crate) async fn run(line: CommandLine) -> Result<(), CommandError> {
    let CommandLine { place, command } = line;
    match command {
        Command::Up(up) => up::run(&place, *up).await,
        Command::Down(down) => down::run(&place, &down).await,
        Command::Logs(logs) => logs::run(&place, logs).await,
        Command::Status(status) => status::status(&place, &status).await,
        Command::Lag(lag) => status::lag(&place, &lag).await,
        Command::Load(load) => load::run(&place, load).await,
        Command::Mapping(mapping) => mapping::run(&place, mapping).await,
    }
}

/// The running `up` of a data folder.
fn running(layout: &Layout) -> Result<RunFile, CommandError> {
    RunFile::read(layout.root())?
        .ok_or_else(|| CommandError::NotRunning { data: layout.root().to_owned() })
}

/// A client of the running `up` that a command is about.
fn control(place: &Place) -> Result<ControlClient, CommandError> {
    Ok(ControlClient::new(running(&locate::data(place)?)?.control))
}
