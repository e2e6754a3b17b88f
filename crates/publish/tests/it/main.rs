//! The publisher against librdkafka's mock cluster, which speaks the real protocol over TCP and fails on demand.

mod cluster;
mod publishing;
