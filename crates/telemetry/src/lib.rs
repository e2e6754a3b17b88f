#![doc = include_str!("../README.md")]

mod chain;
mod frame;
mod logs;

pub use crate::{
    chain::{Chain, chain},
    frame::supervise,
    logs::{Level, LogsInitError, init},
};
