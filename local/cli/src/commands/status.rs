//! `status` and `lag`: what runs, and how far behind each mapping is.

use std::time::Duration;

use crate::args::{Lag, Place, Status};
use crate::failure::CommandError;
use crate::interrupt::until_interrupted;
use crate::run_file::RunFile;
use crate::running::{RunningError, running};
use crate::{tables, terminal};

/// How often `lag --watch` asks.
const WATCH_INTERVAL: Duration = Duration::from_secs(1);

pub(super) async fn status(place: &Place, options: &Status) -> Result<(), CommandError> {
    let status = running(place)?.control().status().await.map_err(RunningError::from)?;
    terminal::out(if options.json { tables::json(&status) } else { tables::status(&status) })?;
    Ok(())
}

pub(super) async fn lag(place: &Place, options: &Lag) -> Result<(), CommandError> {
    let running = running(place)?;
    if options.watch {
        return until_interrupted(watch(&running)).await;
    }
    let mappings = running.mappings().await?;
    terminal::out(if options.json { tables::json(&mappings) } else { tables::lag(&mappings) })?;
    Ok(())
}

async fn watch(running: &RunFile) -> Result<(), CommandError> {
    loop {
        terminal::out(tables::lag(&running.mappings().await?))?;
        tokio::time::sleep(WATCH_INTERVAL).await;
        terminal::out("\n")?;
    }
}
