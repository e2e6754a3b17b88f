//! The faults of a load: prepared before it, told while it runs, summed up after it.

use std::sync::Arc;
use std::time::Duration;

use load::{LoadConfig, Report};
use serde::Serialize;

use crate::args;
use crate::data_folder::Layout;
use crate::failure::CommandError;
use crate::faults::{Carried, CarryError, FaultPlan, FaultReport, Prepared, Running, Scripts};
use crate::{running, terminal};

/// So much is shown of the schedule of `--chaos`, which has no end.
const SHOWN: Duration = Duration::from_mins(1);

/// A report with what went wrong on purpose; without faults it is the report alone.
#[derive(Debug, Serialize)]
pub(super) struct WithFaults<'a> {
    #[serde(flatten)]
    pub(super) report: &'a Report,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub(super) faults: Option<&'a FaultReport>,
}

/// Refuses faults that cannot be carried out; `None` where none were asked for.
pub(super) async fn prepare(
    layout: &Layout,
    options: &args::Faults,
    url: Option<&http::Uri>,
) -> Result<Option<Prepared>, CommandError> {
    if !options.any() {
        return Ok(None);
    }
    if let Some(url) = url {
        return Err(CarryError::Elsewhere { url: url.to_string() }.into());
    }
    let scripts = options.kafka_stop.clone().zip(options.kafka_start.clone());
    let plan = FaultPlan {
        asked: options.fault.clone().unwrap_or_default(),
        chaos: options.chaos,
        scripts: scripts.map(|(stop, start)| Scripts { stop, start }),
    };
    let prepared = plan.prepare(&running::find(layout)?).await?;
    if let Some(faults) = prepared.made_up(SHOWN) {
        terminal::note(format!("--chaos is --fault {faults}"));
    }
    Ok(Some(prepared))
}

/// Begins the faults; the load starts now.
pub(super) async fn start(
    prepared: Option<Prepared>,
    config: &LoadConfig,
) -> Result<Option<Running>, CommandError> {
    let Some(prepared) = prepared else { return Ok(None) };
    let tell = |carried: &Carried| {
        let Carried { at_s, did, .. } = carried;
        terminal::note(format!("{at_s:>7.1} s  {did}"));
    };
    let folder = config.directory.clone();
    Ok(Some(prepared.start(config.run, folder, Arc::new(tell)).await?))
}

/// Waits until nothing is broken any more. A fault that was not carried out, or poison that could
/// not be remembered, is an error, but what was done is told all the same.
pub(super) async fn finish(
    running: Option<Running>,
) -> (Option<FaultReport>, Result<(), CarryError>) {
    match running {
        Some(running) => {
            let (report, done) = running.finish().await;
            (Some(report), done)
        }
        None => (None, Ok(())),
    }
}

/// The faults as they lie on the report's axis of time.
pub(super) fn marks(faults: &FaultReport) -> impl Iterator<Item = (Duration, String)> {
    faults.faults.iter().map(|carried| {
        (Duration::try_from_secs_f64(carried.at_s).unwrap_or_default(), carried.did.clone())
    })
}
