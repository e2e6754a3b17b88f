//! The broker as real clients meet it: librdkafka through its Rust binding, and raw bytes.

mod admin;
mod consume;
mod faults;
mod groups;
mod limits;
mod produce;
mod protocol;
mod raw;
mod restart;
mod support;
