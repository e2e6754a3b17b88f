//! A mapping between a Kafka (the client library's mock cluster) and a function that is a script.

mod delivery;
mod group;
mod support;
