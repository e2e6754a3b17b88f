//! One module per command; each asks the library and prints. Nothing else calls `terminal`.

mod background;
mod broker;
mod down;
mod env;
mod fault;
mod load;
mod logs;
mod mapping;
mod poller;
mod status;
mod up;

use crate::args::{Command, CommandLine};
use crate::failure::CommandError;

/// Runs a command to its end.
pub(crate) async fn run(line: CommandLine) -> Result<(), CommandError> {
    let CommandLine { place, command } = line;
    match command {
        Command::Up(up) => up::run(&place, *up).await,
        Command::Down(down) => down::run(&place, &down).await,
        Command::Env(env) => env::run(&place, &env),
        Command::Logs(logs) => logs::run(&place, logs).await,
        Command::Status(status) => status::status(&place, &status).await,
        Command::Lag(lag) => status::lag(&place, &lag).await,
        Command::Load(load) => load::run(&place, *load).await,
        Command::Mapping(mapping) => mapping::run(&place, mapping).await,
        Command::Fault(fault) => fault::run(&place, &fault).await,
        Command::Broker(broker) => broker::run(&place, broker).await,
        Command::Poller(poller) => poller::run(&place, poller).await,
    }
}
