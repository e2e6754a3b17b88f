//! What librdkafka says, and what AWS would say of it.

use super::*;

/// Code, words beside it, and the last words and the reason that follow.
type Row = (RDKafkaErrorCode, &'static str, &'static str, Option<&'static str>);

const CONNECTION: &str =
    "PROBLEM: Connection error. Please check your event source connection configuration.";
const SERVER_FAILED: &str = "PROBLEM: Server failed to authenticate Lambda.";
const LAMBDA_FAILED: &str = "PROBLEM: Lambda failed to authenticate server.";
const AUTHN: Option<&str> = Some("EVENT_SOURCE_AUTHN_ERROR");

#[track_caller]
fn check(rows: &[Row]) {
    for (code, said, text, reason) in rows {
        let trouble = Trouble::of(*code, said).unwrap_or_else(|| panic!("{code:?} {said}"));
        assert_eq!((trouble.text(), trouble.state_reason()), (*text, *reason), "{code:?} {said}");
    }
}

#[test]
fn what_the_cluster_forbids_is_a_failure_to_authorize() {
    let text = "PROBLEM: Cluster failed to authorize Lambda.";
    let reason = Some("EVENT_SOURCE_AUTHZ_ERROR");
    check(&[
        (RDKafkaErrorCode::TopicAuthorizationFailed, "", text, reason),
        (RDKafkaErrorCode::GroupAuthorizationFailed, "", text, reason),
        (RDKafkaErrorCode::ClusterAuthorizationFailed, "", text, reason),
    ]);
}

#[test]
fn a_password_a_token_or_a_mechanism_refused_is_a_failure_of_sasl() {
    let text = "PROBLEM: SASL authentication failed.";
    let said = "sasl_ssl://b:1/bootstrap: SASL authentication error: Authentication failed during \
                authentication due to invalid credentials with SASL mechanism SCRAM-SHA-512";
    check(&[
        (RDKafkaErrorCode::Authentication, said, text, AUTHN),
        (RDKafkaErrorCode::SaslAuthenticationFailed, "", text, AUTHN),
        (RDKafkaErrorCode::UnsupportedSASLMechanism, "", text, AUTHN),
    ]);
}

#[test]
fn a_broker_of_unknown_authority_is_one_that_lambda_failed_to_authenticate() {
    let verify = "ssl://b:1/bootstrap: SSL handshake failed: error:0A000086:SSL routines::\
                  certificate verify failed: broker certificate could not be verified, verify that \
                  ssl.ca.location is correctly configured or root CA certificates are installed \
                  (install ca-certificates package) (after 3ms in state SSL_HANDSHAKE)";
    check(&[
        (RDKafkaErrorCode::SSL, verify, LAMBDA_FAILED, AUTHN),
        (RDKafkaErrorCode::SSL, "Broker did not provide a certificate", LAMBDA_FAILED, AUTHN),
    ]);
}

#[test]
fn an_alert_of_the_broker_about_us_is_a_failure_to_authenticate_lambda() {
    // TLS 1.2 within the handshake, TLS 1.3 after it; OpenSSL 3.0, then 3.2.
    let within = "SSL handshake failed: error:0A000412:SSL routines::sslv3 alert bad certificate";
    let after = "ssl://b:1/bootstrap: Receive failed: error:0A00045C:SSL routines::tlsv13 alert \
                 certificate required: SSL alert number 116 (after 1ms in state APIVERSION_QUERY)";
    let newer = "Receive failed: error:0A000418:SSL routines::tlsv1 alert unknown ca";
    let newest = "Receive failed: error:0A000412:SSL routines::ssl/tls alert bad certificate";
    let hung_up = "SSL handshake failed: unexpected message: client SSL authentication might be \
                   required (see ssl.key.location)";
    check(&[
        (RDKafkaErrorCode::SSL, within, SERVER_FAILED, AUTHN),
        (RDKafkaErrorCode::BrokerTransportFailure, after, SERVER_FAILED, AUTHN),
        (RDKafkaErrorCode::BrokerTransportFailure, newer, SERVER_FAILED, AUTHN),
        (RDKafkaErrorCode::BrokerTransportFailure, newest, SERVER_FAILED, AUTHN),
        (RDKafkaErrorCode::SSL, hung_up, SERVER_FAILED, AUTHN),
    ]);
}

#[test]
fn a_topic_or_a_group_that_cannot_be_is_a_mapping_that_is_not_valid() {
    let reason = Some("ESM_CONFIG_NOT_VALID");
    let topic = "PROBLEM: Topic does not exist.";
    check(&[
        (RDKafkaErrorCode::UnknownTopicOrPartition, "", topic, reason),
        (RDKafkaErrorCode::UnknownTopic, "", topic, reason),
        (RDKafkaErrorCode::InvalidTopic, "", topic, reason),
        (RDKafkaErrorCode::InvalidGroupId, "", "PROBLEM: Consumer group is not valid.", reason),
    ]);
}

#[test]
fn a_kafka_that_is_away_gives_the_state_no_reason() {
    check(&[
        (RDKafkaErrorCode::AllBrokersDown, "1/1 brokers are down", CONNECTION, None),
        (RDKafkaErrorCode::OperationTimedOut, "", CONNECTION, None),
        (RDKafkaErrorCode::SSL, "SSL handshake failed: wrong version number", CONNECTION, None),
    ]);
}

#[test]
fn one_lost_connection_means_nothing_yet() {
    let said = "localhost:9092/1: Disconnected (after 12ms in state UP)";
    assert_eq!(Trouble::of(RDKafkaErrorCode::BrokerTransportFailure, said), None);
    assert_eq!(Trouble::of(RDKafkaErrorCode::Resolve, "Failed to resolve 'b:1'"), None);
}

#[test]
fn a_client_that_cannot_read_its_certificate_is_told_from_one_with_another_fault() {
    for said in [
        "ssl.certificate.pem failed: not in PEM format?: error:0480006C:PEM routines::no start line",
        "ssl.key.pem failed: error:1C800064:Provider routines::bad decrypt",
        "ssl.ca.pem failed",
        "Private key check failed: error:05800074:x509 certificate routines::key values mismatch",
    ] {
        assert!(is_certificate_invalid(&KafkaError::ClientCreation(said.to_owned())), "{said}");
    }
    let other = KafkaError::ClientCreation("Failed to create thread".to_owned());
    assert!(!is_certificate_invalid(&other));
    assert!(!is_certificate_invalid(&KafkaError::Canceled));
}
