//! What a consumer is told by its variables.

use settings::Topic;
use vars::Reader;

/// The terms on which batches are handled.
#[derive(Clone, Debug)]
pub struct Terms {
    /// The cluster's name, for events that do not carry an ARN.
    pub cluster: Option<String>,
    /// The topic that is consumed.
    pub topic: Topic,
    /// How often it was made again, from 1.
    pub epoch: u32,
    /// How the mapping is told that not everything is done.
    pub answers: Answers,
}

/// How the mapping is told that not everything is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answers {
    /// The invocation fails. Safe, because what is done is skipped when it comes again.
    Fail,
    /// `batchItemFailures`, for a mapping with `ReportBatchItemFailures`.
    Partial,
}

const ANSWERS: &[(&str, Answers)] = &[("fail", Answers::Fail), ("partial", Answers::Partial)];

impl Terms {
    /// Reads `KAFKA_CLUSTER`, `BATCH_RESPONSES` and the epoch of the topic that is consumed.
    pub fn read(vars: &mut Reader<'_>, topic: Topic) -> Option<Self> {
        let cluster = vars.optional("KAFKA_CLUSTER");
        let epoch = topic.epoch(vars);
        let answers = vars.choice_or("BATCH_RESPONSES", Answers::Fail, ANSWERS);
        Some(Self { cluster, topic, epoch: epoch?, answers: answers? })
    }
}
