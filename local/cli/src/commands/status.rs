//! `status` and `lag`: what runs, and how far behind each mapping is.

use std::time::Duration;

use crate::args::{Lag, Place, Status};
use crate::failure::CommandError;
use crate::{tables, terminal};

/// How often `lag --watch` asks.
const WATCH_INTERVAL: Duration = Duration::from_secs(1);

pub(super) async fn status(place: &Place, options: &Status) -> Result<(), CommandError> {
    let status = super::control(place)?.status().await?;
    terminal::out(if options.json { tables::json(&status) } else { tables::status(&status) });
    Ok(())
}

pub(super) async fn lag(place: &Place, options: &Lag) -> Result<(), CommandError> {
    let control = super::control(place)?;
    loop {
        let mappings = control.mappings().await?;
        terminal::out(if options.json { tables::json(&mappings) } else { tables::lag(&mappings) });
        if !options.watch {
            return Ok(());
        }
        tokio::select! {
            () = tokio::time::sleep(WATCH_INTERVAL) => terminal::out("\n"),
            _ = tokio::signal::ctrl_c() => return Ok(()),
        }
    }
}
