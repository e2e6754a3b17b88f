//! What the control endpoint tells and `status`, `lag` and `mapping` print: the JSON that scripts
//! rely on.

use broker::{ActiveFault, FaultRule};
use poller::Counts;
use serde::{Deserialize, Serialize};

/// The answer to `GET /status`, and what `status --json` prints.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// The HTTP API: `http://127.0.0.1:3000`.
    pub gateway: String,
    /// Lambda's Invoke API.
    pub lambda: String,
    /// Kafka: `127.0.0.1:9092`.
    pub kafka: String,
    /// DynamoDB.
    pub table: String,
    /// The control endpoint.
    pub control: String,
    /// Whether Kafka is the embedded broker, which can be stopped on purpose.
    pub kafka_embedded: bool,
    /// The functions, by name; none where `--functions` runs them elsewhere.
    pub functions: Vec<FunctionStatus>,
    /// The mappings, in the template's order.
    pub mappings: Vec<MappingStatus>,
}

/// What the embedded broker does wrong on purpose.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct KafkaFaults {
    /// In the order in which they were asked for.
    pub(crate) faults: Vec<KafkaFault>,
}

/// One thing that the embedded broker does wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct KafkaFault {
    /// Its number.
    pub(crate) id: u64,
    /// As it is written: `delay:200ms`.
    pub(crate) fault: String,
    /// Only requests of this kind.
    pub(crate) api: Option<String>,
    /// Only requests that name this topic.
    pub(crate) topic: Option<String>,
    /// Only requests of this client.
    pub(crate) client_id: Option<String>,
    /// Only so many times.
    pub(crate) times: Option<u64>,
    /// How many times so far.
    pub(crate) met: u64,
}

impl From<ActiveFault> for KafkaFault {
    fn from(active: ActiveFault) -> Self {
        let ActiveFault { id, rule, met } = active;
        let FaultRule { fault, api, topic, client_id, times } = rule;
        Self { id, fault: fault.to_string(), api, topic, client_id, times, met }
    }
}

/// A function that runs here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FunctionStatus {
    /// Its name.
    pub name: String,
    /// Running environments.
    pub environments: u32,
    /// Invocations under way.
    pub in_flight: u32,
}

/// An event source mapping in brief.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MappingStatus {
    /// Its UUID.
    pub id: String,
    /// The function that it invokes.
    pub function: String,
    /// The topic that it reads.
    pub topic: String,
    /// AWS's word for its state: `Enabled`.
    pub state: String,
    /// Records not processed yet; `None` while that is not known.
    pub lag: Option<i64>,
}

/// The answer to `GET /mappings`, and what `lag --json` and `mapping list --json` print.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mappings {
    /// The mappings, in the template's order.
    pub mappings: Vec<MappingDetail>,
}

/// An event source mapping with its partitions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MappingDetail {
    /// Its UUID.
    pub id: String,
    /// The function that it invokes.
    pub function: String,
    /// The topic that it reads.
    pub topic: String,
    /// AWS's word for its state: `Enabled`.
    pub state: String,
    /// AWS's `StateTransitionReason`: `User action`, or the code of what is wrong.
    pub state_transition_reason: String,
    /// AWS's `LastProcessingResult`: `OK`, or what went wrong.
    pub last_processing_result: String,
    /// How many pollers are in its group.
    pub pollers: usize,
    /// Records not processed yet; `None` while that is not known.
    pub lag: Option<i64>,
    /// The partitions that it reads, in order.
    pub partitions: Vec<PartitionStatus>,
    /// What it has counted since it was started.
    pub counts: Counts,
}

/// How far a mapping is in one partition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartitionStatus {
    /// The partition.
    pub partition: i32,
    /// The next offset to process; `None` before the first commit.
    pub committed: Option<i64>,
    /// The next offset that will be written; `None` while that is not known.
    pub end: Option<i64>,
}

impl From<MappingDetail> for MappingStatus {
    fn from(detail: MappingDetail) -> Self {
        let MappingDetail { id, function, topic, state, lag, .. } = detail;
        Self { id, function, topic, state, lag }
    }
}

#[cfg(test)]
impl MappingDetail {
    /// A mapping that runs, and of which nothing else is known.
    pub(crate) fn example(id: &str, function: &str) -> Self {
        Self {
            id: id.to_owned(),
            function: function.to_owned(),
            topic: "events".to_owned(),
            state: "Enabled".to_owned(),
            state_transition_reason: "User action".to_owned(),
            last_processing_result: "OK".to_owned(),
            pollers: 1,
            lag: None,
            partitions: Vec::new(),
            counts: Counts::default(),
        }
    }
}
