//! The whole product on real Kafka and ZooKeeper, which are stopped, killed and started under it.
//!
//! Needs Java and Maven: run by `.ci/real-kafka`, and not part of `cargo test`.

#[expect(dead_code, reason = "the end-to-end tests use the rest")]
#[path = "../harness/cloud.rs"]
mod cloud;
#[path = "../harness/loading.rs"]
mod loading;

mod everything;
mod kafka;
mod outages;
mod pollers;
mod soak;
