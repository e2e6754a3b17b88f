//! A mapping between a Kafka (the embedded broker) and a function that is a script.

mod delivery;
mod group;
mod support;
