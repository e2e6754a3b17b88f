//! Clients get what the file says, and nobody gets to see it.

use std::fs;

use template::{FailureHandling, Pollers, StartingPosition};

use super::*;

const ARN: &str = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:AmazonMSK_dev-AbCd12";

#[track_caller]
fn secrets(text: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("secrets.json");
    fs::write(&path, text).unwrap();
    (folder, path)
}

fn way(kind: AccessKind, secret: &str) -> SourceAccess {
    SourceAccess { kind, secret: Some(secret.to_owned()), line: 7 }
}

fn mapping(source: Source, access: Vec<SourceAccess>) -> Mapping {
    Mapping {
        logical_id: "M".to_owned(),
        function: "f".to_owned(),
        topic: "events".to_owned(),
        source,
        batch_size: 100,
        window: None,
        starting_position: StartingPosition::Latest,
        consumer_group: None,
        enabled: true,
        filters: Vec::new(),
        failures: FailureHandling::default(),
        pollers: Pollers::default(),
        system_log: None,
        access,
    }
}

fn elsewhere() -> Source {
    Source::SelfManaged { bootstrap_servers: vec!["b:9096".to_owned()] }
}

fn msk() -> Source {
    Source::Msk { cluster_arn: "arn".to_owned() }
}

fn scram() -> Vec<SourceAccess> {
    vec![way(AccessKind::Scram512, ARN)]
}

#[test]
fn a_way_is_read_as_it_is_written() {
    for written in ["SASL_SCRAM_256_AUTH=mine", "IAM_AUTH", "BASIC_AUTH=a=b"] {
        assert_eq!(text(&parse(written).unwrap()), written);
    }
    let refused = |text: &str| parse(text).unwrap_err();
    assert_eq!(refused("BASIC_AUTH"), "expected BASIC_AUTH=SECRET, the name of a secret");
    assert_eq!(refused("BASIC_AUTH="), "expected BASIC_AUTH=SECRET, the name of a secret");
    assert_eq!(refused("IAM_AUTH=x"), "IAM_AUTH has no secret");
    assert!(refused("KERBEROS=x").starts_with("`KERBEROS` is none of BASIC_AUTH, "));
}

#[test]
fn the_embedded_broker_is_told_nothing() {
    let (_folder, path) = secrets("{}");
    let keys = Keys::open(Some(&path), None, &[]).unwrap();
    let own = Source::SelfManaged { bootstrap_servers: vec!["k:1".to_owned()] };
    for source in [msk(), own] {
        let mapping = mapping(source, scram());
        assert_eq!(keys.of(&mapping, "k:1").unwrap(), Access::default());
        let plan = Plan { mappings: vec![mapping], ..Plan::default() };
        let message = "has no effect here: the embedded broker asks nobody who they are";
        let warning = Warning { line: 7, message: message.to_owned() };
        assert_eq!(keys.warnings(&plan, "k:1"), [warning]);
    }
}

#[test]
fn without_a_file_of_secrets_a_mapping_reads_without_authentication_and_that_is_said() {
    let keys = Keys::open(None, Some("k:1"), &[]).unwrap();
    for source in [msk(), elsewhere()] {
        let mapping = mapping(source, scram());
        assert_eq!(keys.of(&mapping, "k:1").unwrap(), Access::default());
        let plan = Plan { mappings: vec![mapping], ..Plan::default() };
        assert!(keys.warnings(&plan, "k:1")[0].message.contains("`--secrets`"));
    }
    let plain = Plan { mappings: vec![mapping(msk(), Vec::new())], ..Plan::default() };
    assert_eq!(keys.warnings(&plain, "k:1"), []);
}

#[test]
fn an_msk_brokers_name_tells_its_region() {
    let broker = "b-1.demo.x1.c2.kafka.eu-west-1.amazonaws.com:9098,b-2:9098";
    assert_eq!(region(broker), Some("eu-west-1"));
    assert_eq!(region("localhost:9098"), None);
}

#[test]
#[cfg(not(feature = "tls"))]
fn a_build_without_tls_names_the_feature() {
    let (_folder, path) = secrets("{}");
    let error = Keys::open(Some(&path), Some("k:1"), &scram()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "this `millrace` was built without TLS, which SASL_SCRAM_512_AUTH needs"
    );
    assert_eq!(error.exit(), Exit::Unavailable);
    assert!(error.hint().unwrap().contains("feature `tls`"));
}

#[cfg(feature = "tls")]
mod with_tls {
    use super::*;

    const USER: &str = r#"{"username": "ada", "password": "enchantress", "engine": "kafka"}"#;

    #[track_caller]
    fn found(text: &str, ways: &[SourceAccess]) -> Result<Access, AccessError> {
        let (_folder, path) = secrets(text);
        Keys::open(Some(&path), Some("k:1"), ways).map(|keys| keys.own().clone())
    }

    fn ada(mechanism: Mechanism) -> Login {
        let (username, password) = ("ada".to_owned(), "enchantress".to_owned());
        Login::Password { mechanism, username, password }
    }

    #[test]
    fn a_secret_is_found_by_its_arn_or_by_the_name_in_it() {
        for name in [ARN, "AmazonMSK_dev-AbCd12", "AmazonMSK_dev"] {
            let found = found(&format!("{{\"{name}\": {USER}}}"), &scram()).unwrap();
            assert_eq!(found.login, ada(Mechanism::ScramSha512));
        }
        let string = serde_json::to_string(USER).unwrap();
        let text = format!("{{\"mine\": {string}}}");
        for (kind, mechanism) in
            [(AccessKind::Basic, Mechanism::Plain), (AccessKind::Scram256, Mechanism::ScramSha256)]
        {
            assert_eq!(found(&text, &[way(kind, "mine")]).unwrap().login, ada(mechanism));
        }
    }

    #[test]
    fn certificates_are_taken_as_lambda_takes_them() {
        let text = r#"{"ca": {"certificate": "root"},
            "open": {"certificate": "chain", "privateKey": "key"},
            "locked": {"certificate": "chain", "privateKey": "key", "privateKeyPassword": "p"}}"#;
        for (name, password) in [("open", None), ("locked", Some("p".to_owned()))] {
            let ways =
                [way(AccessKind::RootCertificate, "ca"), way(AccessKind::ClientCertificate, name)];
            let login = Login::Certificate {
                certificate: "chain".to_owned(),
                private_key: "key".to_owned(),
                password,
            };
            let expected = Access { login, root_certificate: Some("root".to_owned()) };
            assert_eq!(found(text, &ways).unwrap(), expected);
        }
    }

    #[test]
    fn a_mapping_of_the_stacks_kafka_trusts_whom_the_stack_trusts() {
        let text = format!("{{\"ca\": {{\"certificate\": \"root\"}}, \"AmazonMSK_dev\": {USER}}}");
        let (_folder, path) = secrets(&text);
        let ways = [way(AccessKind::RootCertificate, "ca")];
        let keys = Keys::open(Some(&path), Some("k:1"), &ways).unwrap();
        let root_certificate = Some("root".to_owned());
        let own = Access { root_certificate: root_certificate.clone(), ..Access::default() };
        assert_eq!(keys.of(&mapping(msk(), Vec::new()), "k:1").unwrap(), own);
        let login = ada(Mechanism::ScramSha512);
        let scrams = Access { login: login.clone(), root_certificate };
        assert_eq!(keys.of(&mapping(msk(), scram()), "k:1").unwrap(), scrams);
        let other = Access { login, root_certificate: None };
        assert_eq!(keys.of(&mapping(elsewhere(), scram()), "k:1").unwrap(), other);
        assert_eq!(keys.of(&mapping(elsewhere(), Vec::new()), "k:1").unwrap(), Access::default());
    }

    #[test]
    fn an_error_names_the_secret_and_shows_none() {
        let both = [way(AccessKind::Basic, "s"), way(AccessKind::Scram512, "s")];
        let basic = &both[..1];
        let unnamed = [SourceAccess { kind: AccessKind::Basic, secret: None, line: 7 }];
        let user = format!("{{\"s\": {USER}}}");
        for (text, ways, expected) in [
            ("enchantress", basic, "is not JSON at line 1, column 1"),
            ("[\"enchantress\"]", basic, "the text in `"),
            ("{\"s\": [\"enchantress\"]}", basic, "secret `s` in `"),
            ("{\"s\": \"enchantress\"}", basic, "secret `s` in `"),
            ("{\"t\": \"enchantress\"}", basic, "there is no secret `s` in `"),
            ("{\"s\": {\"username\": \"a\", \"password\": 1}}", basic, "has no text `password`"),
            (&user, &both[..], "BASIC_AUTH and SASL_SCRAM_512_AUTH exclude each other"),
            (&user, &unnamed[..], "BASIC_AUTH, line 7 of the template, names no secret"),
        ] {
            let error = found(text, ways).unwrap_err();
            assert!(error.to_string().contains(expected), "{error}");
            assert!(!format!("{error} {error:?}").contains("enchantress"), "{error:?}");
            assert_eq!(error.exit(), Exit::Configuration);
        }
        let (_folder, path) = secrets(&user);
        let keys = Keys::open(Some(&path), Some("k:1"), basic).unwrap();
        assert!(!format!("{keys:?}").contains("enchantress"), "{keys:?}");
    }
}
