//! The part of the command line that breaks things on purpose.

use clap::Args;

use crate::faults::FaultSpec;

/// Faults while a load runs.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct Faults {
    /// What goes wrong while sending: kill-environment[:FUNCTION]@5s, kill-poller@15s,
    /// stop-broker@10s:3s, slow-table@20s:200ms:5s, poison=0.1%, separated by commas
    #[arg(long, value_name = "SPEC")]
    pub(crate) fault: Option<FaultSpec>,
    /// Faults of every kind, 5 s apart on average; the same seed gives the same ones
    #[arg(long, value_name = "SEED")]
    pub(crate) chaos: Option<u64>,
    /// Stops a Kafka of yours, for stop-broker where `up --kafka` uses one
    #[arg(long, value_name = "COMMAND", requires = "kafka_start")]
    pub(crate) kafka_stop: Option<String>,
    /// Starts it again
    #[arg(long, value_name = "COMMAND", requires = "kafka_stop")]
    pub(crate) kafka_start: Option<String>,
}

impl Faults {
    /// Whether anything is to go wrong.
    pub(crate) fn any(&self) -> bool {
        self.fault.is_some() || self.chaos.is_some()
    }
}

#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  cargo local fault kill-environment                  of the first function that has one
  cargo local fault kill-environment:register_event
  cargo local fault kill-poller:process_events        its process; another one starts
  cargo local fault stop-broker:3s                    Kafka is away for 3 s
  cargo local fault slow-table:200ms:5s               for 5 s each request takes 200 ms more")]
pub(crate) struct Fault {
    /// What goes wrong, now
    #[arg(value_parser = crate::faults::Fault::at_once)]
    pub(crate) fault: crate::faults::Fault,
}

#[derive(Args, Debug)]
pub(crate) struct PollerArgs {
    /// The mapping's id
    #[arg(long)]
    pub(crate) mapping: String,
    /// Polls only when told to
    #[arg(long)]
    pub(crate) paused: bool,
}
