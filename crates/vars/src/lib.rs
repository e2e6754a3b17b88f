#![doc = include_str!("../README.md")]

mod reader;
mod secret;
mod source;

pub use crate::{
    reader::{ConfigError, Reader, read},
    secret::Secret,
    source::{Environment, Source},
};
