//! Kafka's own command-line tools and kcat, run against a real Kafka and against this broker: what
//! they print and how they end must be the same. It needs Java, Maven and kcat, so it is no part of
//! `cargo test`: `.ci/kafka-tools` runs it.
//!
//! Every test runs its calls on both sides in step, alone, and both clusters are empty again when it
//! is over: whatever a tool lists, it lists the same. What differs for a reason stands in the test.

#[expect(dead_code, reason = "the comparison of clients needs more of it")]
mod clusters;
mod configs;
mod console;
mod groups;
mod kcat;
mod normal;
mod script;
mod topics;
