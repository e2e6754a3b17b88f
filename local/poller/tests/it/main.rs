//! A mapping between a Kafka (the embedded broker) and a function that is a script.

mod delivery;
mod failing;
mod group;
mod pollers;
mod reset;
mod support;
mod troubles;
