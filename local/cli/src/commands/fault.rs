//! `fault`: breaks something on purpose, once.

use tokio::time::sleep;

use crate::args::{Fault, Place};
use crate::failure::CommandError;
use crate::faults::Carrier;
use crate::interrupt::Interrupts;
use crate::running::running;
use crate::terminal::{self, Waiting};

pub(super) async fn run(place: &Place, options: &Fault) -> Result<(), CommandError> {
    let mut interrupts = Interrupts::listen().map_err(CommandError::Runtime)?;
    let carrier = Carrier::find(&running(place)?, None).await?;
    carrier.check(&options.fault)?;
    terminal::note(carrier.begin(&options.fault).await?);
    if let Some(lasting) = options.fault.lasting() {
        let waiting = Waiting::start("until it is over");
        // Ctrl-C ends it early, and nothing stays broken.
        tokio::select! { () = sleep(lasting) => {}, () = interrupts.next() => {} }
        waiting.finish();
        if let Some(did) = carrier.end(&options.fault).await? {
            terminal::note(did);
        }
    }
    Ok(())
}
