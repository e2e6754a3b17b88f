#![doc = include_str!("../README.md")]

mod chain;
mod deadline;
mod frame;
mod logs;
mod metrics;

pub use crate::{
    chain::{Chain, chain},
    deadline::time_left,
    frame::supervise,
    logs::{Level, LogsInitError, init},
    metrics::{Unit, metrics},
};
