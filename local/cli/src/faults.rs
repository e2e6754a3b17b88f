//! Faults on purpose, while a load runs: what can be asked for, when each is due, and who carries
//! it out.
//!
//! `spec` reads what a person writes, `chaos` makes a schedule up from a seed and `schedule` says
//! what is due: all three pure. `carrier` asks the running `up`, `poison` writes records that cannot
//! be processed, and `run` is the task that connects them.

mod carrier;
mod chaos;
mod poison;
mod poison_file;
mod run;
mod schedule;
mod spec;

pub(crate) use self::carrier::{Carrier, CarryError, Scripts};
pub(crate) use self::chaos::Kinds;
pub use self::poison_file::{Place as PoisonPlace, PoisonFile};
pub(crate) use self::run::{Carried, FaultPlan, FaultReport, Prepared, Running};
pub(crate) use self::spec::{Fault, FaultSpec};
