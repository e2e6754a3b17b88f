#![doc = include_str!("../README.md")]

mod chain;
mod logs;

pub use crate::{
    chain::{Chain, chain},
    logs::{Level, LogsInitError, init},
};
