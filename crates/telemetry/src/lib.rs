#![doc = include_str!("../README.md")]

mod chain;
mod deadline;
mod frame;
mod logs;

pub use crate::{
    chain::{Chain, chain},
    deadline::time_left,
    frame::supervise,
    logs::{Level, LogsInitError, init},
};
