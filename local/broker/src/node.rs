//! What every request handler can reach: who this broker is, its topics and its groups.

use kafka_protocol::messages::BrokerId;
use kafka_protocol::protocol::StrBytes;
use tokio_util::sync::CancellationToken;

use crate::config::BrokerConfig;
use crate::faults::Faults;
use crate::groups::GroupsHandle;
use crate::memory::Memory;
use crate::topics::TopicsHandle;

/// The one node's id, as a stock Kafka that is its own controller has it.
pub(crate) const NODE_ID: BrokerId = BrokerId(1);

/// The running broker as request handlers see it.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) config: BrokerConfig,
    pub(crate) cluster_id: String,
    /// Where clients are told to connect to.
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) topics: TopicsHandle,
    pub(crate) groups: GroupsHandle,
    /// What Fetch answers may take.
    pub(crate) fetches: Memory,
    /// What to do wrong.
    pub(crate) faults: Faults,
    /// Ends long waits when the broker stops.
    pub(crate) shutdown: CancellationToken,
}

impl Node {
    pub(crate) fn host(&self) -> StrBytes {
        StrBytes::from_string(self.host.clone())
    }

    pub(crate) fn port(&self) -> i32 {
        i32::from(self.port)
    }
}
