//! The whole product as its users meet it: only this level can catch parts that are right alone and
//! wrong together, and what a killed process leaves behind.

#[path = "../harness/cloud.rs"]
mod cloud;
#[path = "../harness/loading.rs"]
mod loading;

mod crashes;
mod drills;
mod events;
mod operator;
mod orders;
mod partitions;
