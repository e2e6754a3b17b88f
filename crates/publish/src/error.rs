//! Why an event has no acknowledgement, and what is certain about it. The only place that judges librdkafka's errors.

use event::CoordinatesError;
use rdkafka::{error::KafkaError, types::RDKafkaErrorCode};

/// An event without an acknowledgement.
///
/// Only [`PublishError::OutcomeUnknown`] leaves open whether the event was written; after any other it certainly was not.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// Larger than the producer or the broker takes. Trying again is useless.
    #[error("an event of {size_bytes} bytes is larger than Kafka takes")]
    TooLarge {
        /// Key, value and headers.
        size_bytes: usize,
    },
    /// The topic or the partition does not exist. Trying again is useless until somebody creates it.
    #[error("topic `{topic}` or the partition asked for does not exist")]
    UnknownTopic {
        /// The topic.
        topic: String,
    },
    /// The cluster knows us and does not let us write. Trying again is useless until somebody changes that.
    #[error("not allowed to write to topic `{topic}`")]
    NotAllowed {
        /// The topic.
        topic: String,
        /// What Kafka said.
        #[source]
        source: KafkaError,
    },
    /// The producer holds as much as it may. Safe to try again.
    #[error("the producer's queue is full")]
    QueueFull,
    /// Kafka could not be reached before the deadline, so nothing was handed over. Safe to try again.
    #[error("kafka could not be reached in time")]
    Away,
    /// The producer took nothing. Safe to try again.
    #[error("the producer did not take the event for topic `{topic}`")]
    NotSent {
        /// The topic.
        topic: String,
        /// What the producer said.
        #[source]
        source: KafkaError,
    },
    /// Handed over, and no answer tells what became of it. Trying again may write it twice.
    #[error("the outcome for topic `{topic}` is unknown")]
    OutcomeUnknown {
        /// The topic.
        topic: String,
        /// What is known.
        #[source]
        source: UnknownOutcome,
    },
}

impl PublishError {
    /// Whether trying again can help and cannot write the event twice.
    pub fn is_safe_to_retry(&self) -> bool {
        match self {
            Self::QueueFull | Self::Away | Self::NotSent { .. } => true,
            Self::TooLarge { .. }
            | Self::UnknownTopic { .. }
            | Self::NotAllowed { .. }
            | Self::OutcomeUnknown { .. } => false,
        }
    }
}

/// Why nobody can tell whether an event was written.
#[derive(Debug, thiserror::Error)]
pub enum UnknownOutcome {
    /// The acknowledgement did not come before the deadline.
    #[error("no acknowledgement before the deadline")]
    Deadline,
    /// The producer gave up, perhaps after a request had left.
    #[error("the producer gave up")]
    GaveUp(#[source] KafkaError),
    /// Written, but the answer does not say where: an answer to an earlier attempt was lost.
    #[error("acknowledged without a usable place")]
    NoPlace(#[source] CoordinatesError),
    /// The producer was replaced while the event was on its way.
    #[error("the producer was replaced")]
    Replaced,
}

/// What an event refused on its way into the producer's queue means: certainly not written.
pub(crate) fn not_queued(topic: &str, size_bytes: usize, source: KafkaError) -> PublishError {
    match source.rdkafka_error_code() {
        Some(RDKafkaErrorCode::QueueFull) => PublishError::QueueFull,
        _ => refused(topic, size_bytes, &source)
            .unwrap_or_else(|| PublishError::NotSent { topic: topic.to_owned(), source }),
    }
}

/// What is known of Kafka for the time that an event was on its way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Meanwhile {
    /// No broker was there for a moment.
    pub(crate) went_away: bool,
    /// Topic and partition were there when the event was handed over.
    pub(crate) place_was_there: bool,
}

/// What a negative delivery report means.
///
/// Written once, never, or still to be written are only told apart by librdkafka's message status, which its Rust binding
/// does not show. So all are unknown but those a broker or the metadata refuses every time: had an earlier attempt been
/// written, this one would have been accepted too. That does not follow where Kafka went away in between, nor where a
/// topic is gone that was there: a broker that has just started says for a while that there is no such topic, also to an
/// event that it wrote before, and where other brokers stay nobody tells us that it was away.
pub(crate) fn not_delivered(
    topic: &str,
    size_bytes: usize,
    source: KafkaError,
    meanwhile: Meanwhile,
) -> PublishError {
    match refused(topic, size_bytes, &source) {
        Some(refused @ PublishError::TooLarge { .. }) => refused,
        Some(gone @ PublishError::UnknownTopic { .. })
            if !meanwhile.went_away && !meanwhile.place_was_there =>
        {
            gone
        }
        Some(denied @ PublishError::NotAllowed { .. }) if !meanwhile.went_away => denied,
        Some(_) | None => PublishError::OutcomeUnknown {
            topic: topic.to_owned(),
            source: UnknownOutcome::GaveUp(source),
        },
    }
}

/// Whether the producer that raised this is of no more use.
pub(crate) fn is_fatal(error: &KafkaError) -> bool {
    error.rdkafka_error_code() == Some(RDKafkaErrorCode::Fatal)
}

fn refused(topic: &str, size_bytes: usize, source: &KafkaError) -> Option<PublishError> {
    match source.rdkafka_error_code()? {
        RDKafkaErrorCode::MessageSizeTooLarge | RDKafkaErrorCode::InvalidMessageSize => {
            Some(PublishError::TooLarge { size_bytes })
        }
        RDKafkaErrorCode::UnknownTopic
        | RDKafkaErrorCode::UnknownPartition
        | RDKafkaErrorCode::UnknownTopicOrPartition
        | RDKafkaErrorCode::InvalidTopic => {
            Some(PublishError::UnknownTopic { topic: topic.to_owned() })
        }
        RDKafkaErrorCode::TopicAuthorizationFailed => {
            Some(PublishError::NotAllowed { topic: topic.to_owned(), source: source.clone() })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use RDKafkaErrorCode as Code;

    use super::*;

    fn error(code: Code) -> KafkaError {
        KafkaError::MessageProduction(code)
    }

    /// Kafka was there, and never had the topic.
    const QUIET: Meanwhile = Meanwhile { went_away: false, place_was_there: false };

    #[test]
    fn what_never_entered_the_queue_was_never_written() {
        for code in [Code::QueueFull, Code::Fatal, Code::State, Code::MessageTimedOut] {
            let error = not_queued("t", 1, error(code));
            assert!(error.is_safe_to_retry(), "{error:?}");
        }
    }

    #[test]
    fn what_is_always_refused_was_never_written() {
        let outage = Meanwhile { went_away: true, place_was_there: true };
        let too_large = not_delivered("t", 7, error(Code::MessageSizeTooLarge), outage);
        assert!(matches!(too_large, PublishError::TooLarge { size_bytes: 7 }), "{too_large:?}");
        for code in [Code::UnknownTopic, Code::UnknownPartition, Code::UnknownTopicOrPartition] {
            let unknown = not_delivered("t", 1, error(code), QUIET);
            assert!(matches!(unknown, PublishError::UnknownTopic { .. }), "{unknown:?}");
        }
        let denied = not_delivered("t", 1, error(Code::TopicAuthorizationFailed), QUIET);
        assert!(matches!(denied, PublishError::NotAllowed { .. }), "{denied:?}");
        assert!(!denied.is_safe_to_retry());
    }

    #[test]
    fn a_topic_that_is_gone_says_nothing_about_the_event() {
        let outage = Meanwhile { went_away: true, ..QUIET };
        let known = Meanwhile { place_was_there: true, ..QUIET };
        for code in [Code::UnknownTopic, Code::UnknownPartition, Code::UnknownTopicOrPartition] {
            for meanwhile in [outage, known] {
                let unknown = not_delivered("t", 1, error(code), meanwhile);
                assert!(matches!(unknown, PublishError::OutcomeUnknown { .. }), "{unknown:?}");
            }
        }
    }

    #[test]
    fn whatever_may_have_left_is_unknown() {
        for code in [
            Code::MessageTimedOut,
            Code::PurgeQueue,
            Code::PurgeInflight,
            Code::BrokerTransportFailure,
            Code::Fatal,
            Code::OutOfOrderSequenceNumber,
            Code::NotEnoughReplicasAfterAppend,
        ] {
            let unknown = not_delivered("t", 1, error(code), QUIET);
            assert!(matches!(unknown, PublishError::OutcomeUnknown { .. }), "{code:?}");
            assert!(!unknown.is_safe_to_retry());
        }
    }
}
