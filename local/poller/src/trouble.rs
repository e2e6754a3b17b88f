//! What keeps a mapping from reading its topic, in AWS's words. Pure: from what librdkafka says.
//!
//! Sources: <https://docs.aws.amazon.com/lambda/latest/dg/with-kafka-troubleshoot.html> for the words
//! and the codes, and librdkafka's `rdkafka_ssl.c` and `rdkafka_broker.c` for what tells which.

#[cfg(test)]
mod tests;

use rdkafka::error::{KafkaError, RDKafkaErrorCode};

/// What a broker that does not trust a client's certificate says of it in TLS, in OpenSSL's words.
const ALERTS: [&str; 5] =
    ["certificate", "unknown ca", "handshake failure", "access denied", "decrypt error"];

/// Why a mapping does not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// The cluster does not let it read the topic, or as this group.
    NotAuthorized,
    /// The cluster does not take its password or token.
    SaslFailed,
    /// The brokers do not take its certificate, or want one.
    Distrusted,
    /// The brokers' certificate is not of whom it trusts.
    DistrustsBroker,
    /// There is no such topic.
    NoTopic,
    /// What it asks of Kafka makes no sense to Kafka.
    NotValid,
    /// Kafka cannot be reached, or something else is wrong with it.
    NoConnection,
}

impl Trouble {
    /// What an error means, with what librdkafka said beside its code, if anything. `None` for one
    /// connection of several: if it was the last, `AllBrokersDown` follows.
    pub(crate) fn of(code: RDKafkaErrorCode, said: &str) -> Option<Self> {
        use RDKafkaErrorCode as Code;
        Some(match code {
            Code::TopicAuthorizationFailed
            | Code::GroupAuthorizationFailed
            | Code::ClusterAuthorizationFailed => Self::NotAuthorized,
            Code::Authentication
            | Code::SaslAuthenticationFailed
            | Code::UnsupportedSASLMechanism
            | Code::IllegalSASLState => Self::SaslFailed,
            Code::SSL | Code::BrokerTransportFailure if alerted(said) => Self::Distrusted,
            Code::SSL if said.contains("certificate") => Self::DistrustsBroker,
            Code::UnknownTopicOrPartition
            | Code::UnknownTopic
            | Code::UnknownPartition
            | Code::InvalidTopic => Self::NoTopic,
            Code::InvalidGroupId
            | Code::InvalidSessionTimeout
            | Code::InconsistentGroupProtocol => Self::NotValid,
            Code::BrokerTransportFailure | Code::Resolve => return None,
            _ => Self::NoConnection,
        })
    }

    /// Whether Kafka has refused, so that connections which fail after it are but what follows.
    pub(crate) fn is_refusal(self) -> bool {
        matches!(
            self,
            Self::NotAuthorized | Self::SaslFailed | Self::Distrusted | Self::DistrustsBroker
        )
    }

    /// Whether it is over once Kafka describes the topic: it may describe what it does not let read,
    /// and to a group that it does not take.
    pub(crate) fn ends_with_metadata(self) -> bool {
        !matches!(self, Self::NotAuthorized | Self::NotValid)
    }

    /// `LastProcessingResult`. The words for a topic and for a group are ours.
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::NotAuthorized => "PROBLEM: Cluster failed to authorize Lambda.",
            Self::SaslFailed => "PROBLEM: SASL authentication failed.",
            Self::Distrusted => "PROBLEM: Server failed to authenticate Lambda.",
            Self::DistrustsBroker => "PROBLEM: Lambda failed to authenticate server.",
            Self::NoTopic => "PROBLEM: Topic does not exist.",
            Self::NotValid => "PROBLEM: Consumer group is not valid.",
            Self::NoConnection => {
                "PROBLEM: Connection error. Please check your event source connection configuration."
            }
        }
    }

    /// The code that it gives the mapping's state as a reason, where it does.
    pub(crate) fn state_reason(self) -> Option<&'static str> {
        Some(match self {
            Self::NotAuthorized => "EVENT_SOURCE_AUTHZ_ERROR",
            Self::SaslFailed | Self::Distrusted | Self::DistrustsBroker => {
                "EVENT_SOURCE_AUTHN_ERROR"
            }
            Self::NoTopic | Self::NotValid => "ESM_CONFIG_NOT_VALID",
            Self::NoConnection => return None,
        })
    }
}

/// Whether the other side ended TLS because of who we are.
fn alerted(said: &str) -> bool {
    said.contains(" alert ") && ALERTS.iter().any(|alert| said.contains(alert))
        // What librdkafka adds where a broker that wanted a certificate has hung up.
        || said.contains("client SSL authentication might be required")
}

/// Whether a client was not made because of what it was to prove itself, or know brokers, with.
pub(crate) fn is_certificate_invalid(error: &KafkaError) -> bool {
    let KafkaError::ClientCreation(said) = error else { return false };
    ["ssl.certificate", "ssl.key", "ssl.ca", "rivate key"].iter().any(|word| said.contains(word))
}
