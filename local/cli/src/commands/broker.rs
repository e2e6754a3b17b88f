//! `broker`: what the embedded broker does wrong on purpose.

use crate::args::{Broker, Place};
use crate::failure::CommandError;
use crate::running::{RunningError, running};
use crate::{tables, terminal};

pub(super) async fn run(place: &Place, command: Broker) -> Result<(), CommandError> {
    let running = running(place)?;
    let control = running.control();
    match command {
        Broker::Fault(fault) => {
            let fault = fault.rule();
            let id = control.break_kafka(&fault).await.map_err(RunningError::from)?;
            terminal::note(format!("fault {id}: {}", fault.fault));
        }
        Broker::Faults { json } => {
            let faults = control.kafka_faults().await.map_err(RunningError::from)?;
            terminal::out(if json { tables::json(&faults) } else { tables::faults(&faults) })?;
        }
        Broker::Mend { id } => {
            let mended = control.mend_kafka(id).await.map_err(RunningError::from)?;
            terminal::note(format!("lifted {mended} faults"));
        }
    }
    Ok(())
}
