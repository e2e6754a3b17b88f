//! How to reach and convince a Kafka cluster. Shared by producers and by whoever only looks.

use rdkafka::{ClientConfig, config::RDKafkaLogLevel};
use vars::{Reader, Secret};

/// A cluster's address, and who we are to it.
#[derive(Clone, Debug)]
pub struct Connection {
    /// `host:port,host:port`.
    pub bootstrap_servers: String,
    /// How to authenticate.
    pub auth: Auth,
}

/// How to authenticate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Auth {
    /// Not at all, over plain TCP.
    None,
    /// SASL/SCRAM-SHA-512 over TLS (MSK port 9096). Needs the cargo feature `tls`.
    Scram {
        /// The user's name.
        username: String,
        /// The user's password.
        password: Secret,
    },
}

#[derive(Clone, Copy)]
enum AuthKind {
    None,
    Iam,
    Scram,
}

const AUTH_KINDS: &[(&str, AuthKind)] =
    &[("none", AuthKind::None), ("iam", AuthKind::Iam), ("scram", AuthKind::Scram)];

impl Connection {
    /// Reads `KAFKA_BOOTSTRAP_SERVERS`, `KAFKA_AUTH` and, for `scram`, `KAFKA_USERNAME` and `KAFKA_PASSWORD`.
    pub fn read(vars: &mut Reader<'_>) -> Option<Self> {
        let bootstrap_servers = vars.text("KAFKA_BOOTSTRAP_SERVERS");
        let auth = read_auth(vars);
        Some(Self { bootstrap_servers: bootstrap_servers?, auth: auth? })
    }

    /// The settings every client of this cluster begins with.
    pub fn client_config(&self, client_id: &str) -> ClientConfig {
        let mut config = ClientConfig::new();
        config
            .set_log_level(RDKafkaLogLevel::Warning)
            .set("bootstrap.servers", &self.bootstrap_servers)
            .set("client.id", client_id)
            // A frozen environment finds its connections broken when it thaws: try again at once, and never wait
            // long, because somebody is waiting for the answer.
            .set("reconnect.backoff.ms", "1")
            .set("reconnect.backoff.max.ms", "250")
            .set("socket.connection.setup.timeout.ms", "3000")
            .set("socket.keepalive.enable", "true")
            .set("socket.nagle.disable", "true");
        match &self.auth {
            Auth::None => {}
            Auth::Scram { username, password } => {
                config
                    .set("security.protocol", "SASL_SSL")
                    // The system's certificates: those of a vendored OpenSSL have no usual place.
                    .set("ssl.ca.location", "probe")
                    .set("sasl.mechanism", "SCRAM-SHA-512")
                    .set("sasl.username", username)
                    .set("sasl.password", password.reveal());
            }
        }
        config
    }
}

fn read_auth(vars: &mut Reader<'_>) -> Option<Auth> {
    match vars.choice_or("KAFKA_AUTH", AuthKind::None, AUTH_KINDS)? {
        AuthKind::None => Some(Auth::None),
        AuthKind::Scram | AuthKind::Iam if !cfg!(feature = "tls") => {
            let expected = "`none`: this build has no TLS, build with the cargo feature `tls`";
            vars.refuse("KAFKA_AUTH", expected.to_owned());
            None
        }
        AuthKind::Scram => {
            let username = vars.text("KAFKA_USERNAME");
            let password = vars.secret("KAFKA_PASSWORD");
            Some(Auth::Scram { username: username?, password: password? })
        }
        AuthKind::Iam => {
            let expected = "`none` or `scram`: IAM tokens are not supported";
            vars.refuse("KAFKA_AUTH", expected.to_owned());
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Connection, String> {
        let source: BTreeMap<&str, &str> = variables.iter().copied().collect();
        vars::read(&source, Connection::read).map_err(|error| error.to_string())
    }

    #[test]
    fn plain_connections_need_only_an_address() {
        let connection = read(&[("KAFKA_BOOTSTRAP_SERVERS", "localhost:9092")]).unwrap();
        assert_eq!(connection.auth, Auth::None);
        let config = connection.client_config("me");
        assert_eq!(config.get("bootstrap.servers"), Some("localhost:9092"));
        assert_eq!(config.get("client.id"), Some("me"));
        assert_eq!(config.get("security.protocol"), None);
    }

    #[test]
    fn an_unknown_way_to_authenticate_is_refused_with_the_known_ones() {
        let error = read(&[("KAFKA_AUTH", "kerberos")]).unwrap_err();
        assert_eq!(
            error,
            "2 variables cannot be used: `KAFKA_BOOTSTRAP_SERVERS` is not set, expected a value; \
             `KAFKA_AUTH` is `kerberos`, expected one of `none`, `iam`, `scram`"
        );
    }

    #[test]
    #[cfg(not(feature = "tls"))]
    fn authentication_without_tls_names_the_cargo_feature() {
        for auth in ["iam", "scram"] {
            let error =
                read(&[("KAFKA_BOOTSTRAP_SERVERS", "b:9096"), ("KAFKA_AUTH", auth)]).unwrap_err();
            assert!(error.contains("build with the cargo feature `tls`"), "{error}");
        }
    }

    #[test]
    #[cfg(feature = "tls")]
    fn scram_takes_a_name_and_a_password() {
        let scram = [("KAFKA_BOOTSTRAP_SERVERS", "b:9096"), ("KAFKA_AUTH", "scram")];
        let error = read(&scram).unwrap_err();
        assert!(
            error.contains("`KAFKA_USERNAME`") && error.contains("`KAFKA_PASSWORD`"),
            "{error}"
        );
        let full = [&scram[..], &[("KAFKA_USERNAME", "u"), ("KAFKA_PASSWORD", "p")]].concat();
        let config = read(&full).unwrap().client_config("me");
        assert_eq!(config.get("security.protocol"), Some("SASL_SSL"));
        assert_eq!(config.get("sasl.password"), Some("p"));
    }
}
