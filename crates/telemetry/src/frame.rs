//! The frame of every function's `main`: logs first, then the configuration, then the work, and an
//! exit code that says which of them failed. What the work is, is the function's own.

use std::{error::Error, process::ExitCode};

use crate::{Level, chain, init};

/// `EX_USAGE` of BSD's `sysexits.h`: the configuration is wrong.
const EXIT_CONFIGURATION: u8 = 64;

/// Runs `work` with its configuration until it ends; what goes wrong is logged, once and whole.
///
/// The exit code is 0, 64 for a configuration that cannot be used, else 1.
pub async fn supervise<C, E: Error + 'static, W>(
    config: Result<C, E>,
    level: impl FnOnce(&C) -> Level,
    work: impl FnOnce(C) -> W,
) -> ExitCode
where
    W: Future<Output = Result<(), Box<dyn Error + Send + Sync>>>,
{
    let level = config.as_ref().map_or(Level::default(), level);
    if init(level).is_err() {
        return ExitCode::FAILURE; // There is nowhere to say why.
    }
    let config = match config {
        Ok(config) => config,
        Err(error) => {
            tracing::error!(error = %chain(&error), "Configuration cannot be used");
            return ExitCode::from(EXIT_CONFIGURATION);
        }
    };
    match work(config).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(error = %chain(&*error), "Function ended");
            ExitCode::FAILURE
        }
    }
}
