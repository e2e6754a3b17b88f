#![doc = include_str!("../README.md")]

mod connection;
mod error;
mod link;
mod publisher;

pub use crate::{
    connection::{Auth, Connection},
    error::{PublishError, UnknownOutcome},
    publisher::{Header, Message, Publish, PublishConfig, Publisher, PublisherStartError},
};
