//! `env`: prints the variables that the functions of a running `up` need, as an env file.

use crate::args::{Env, Place};
use crate::env_file::env_file;
use crate::failure::CommandError;
use crate::running::running;
use crate::{stack, terminal};

pub(super) fn run(place: &Place, options: &Env) -> Result<(), CommandError> {
    let running = running(place)?;
    let shared = stack::shared_environment(&running.addresses());
    let text = env_file(&running.plan()?, &shared, options.function.as_deref())?;
    terminal::out(text)?;
    Ok(())
}
