//! A single-node Kafka broker to embed in a program: for development and tests, with real clients,
//! and not a toy: what was acknowledged survives `kill -9`.
//!
//! It speaks Kafka's wire protocol to librdkafka, the Java clients and tools, kafka-python, aiokafka
//! and kcat; keeps batches byte for byte in segment files of Kafka's own format; deduplicates
//! idempotent producers; coordinates classic consumer groups; keeps committed offsets with their
//! metadata. It knows nothing of what the records mean or who runs it, and prints nothing: it tells
//! through `tracing`.
//!
//! Absent, with Kafka's own error codes where clients ask: replication, transactions, compaction,
//! static membership, the new group protocol (KIP-848), TLS and authentication.
//!
//! ```no_run
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! use broker::{Broker, BrokerConfig};
//!
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:9092").await?;
//! let broker = Broker::start(listener, BrokerConfig::new("data/kafka")).await?;
//! println!("cluster {} at {}", broker.cluster_id(), broker.address());
//! broker.shutdown().await;
//! # Ok(())
//! # }
//! ```

mod batch;
mod clock;
mod config;
mod connection;
mod data_dir;
mod faults;
mod frame;
#[cfg(test)]
mod fuzz;
mod groups;
mod log;
mod memory;
mod node;
mod protocol;
mod reply;
mod server;
mod tasks;
mod topics;

pub use config::{BrokerConfig, Limits, TopicConfig};
pub use data_dir::{DataDirError, cluster_id};
pub use faults::{ActiveFault, Fault, FaultRule, FaultTextError, Faults, InjectError};
pub use server::{Broker, BrokerStartError};
pub use topics::StoreError;
