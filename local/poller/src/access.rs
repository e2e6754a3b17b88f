//! How a Kafka client gets at a cluster: encrypted or not, and with what it proves who it is. It finds
//! no secrets, and never shows those that it was given.
//!
//! Source: <https://docs.aws.amazon.com/lambda/latest/dg/kafka-cluster-auth.html>

use std::error::Error;
use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use rdkafka::ClientConfig;
use rdkafka::client::{ClientContext, OAuthToken};
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, ConsumerContext};
use rdkafka::error::KafkaError;

use crate::iam::{self, IamCredentials, TokenError};

/// librdkafka asks for a token a second after its start.
const TOKEN_MAX: Duration = Duration::from_millis(1_500);

/// Each error meanwhile ends a poll.
const POLLS_MAX: usize = 3;

/// How a Kafka client gets at a cluster. Its default is neither encrypted nor asks who it is.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Access {
    /// With what it proves who it is.
    pub login: Login,
    /// Who vouches for the brokers, in PEM; `None` is whom the system trusts.
    pub root_certificate: Option<String>,
}

/// With what a client proves who it is. Each of them encrypts, as on AWS.
#[derive(Clone, Default, PartialEq, Eq)]
pub enum Login {
    /// Nothing.
    #[default]
    None,
    /// A password.
    Password {
        /// How it is shown.
        mechanism: Mechanism,
        /// Whose it is.
        username: String,
        /// The password.
        password: String,
    },
    /// A certificate: mutual TLS.
    Certificate {
        /// The chain in PEM, its own first.
        certificate: String,
        /// Its key in PEM.
        private_key: String,
        /// What the key is encrypted with.
        password: Option<String>,
    },
    /// MSK's IAM.
    Iam {
        /// The cluster's region.
        region: String,
        /// Who asks.
        credentials: IamCredentials,
    },
}

/// How a password is shown: SASL's mechanisms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mechanism {
    /// As it is.
    Plain,
    /// Never: RFC 5802 with SHA-256.
    ScramSha256,
    /// Never: with SHA-512.
    ScramSha512,
}

impl Mechanism {
    fn name(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::ScramSha512 => "SCRAM-SHA-512",
        }
    }
}

impl Access {
    /// Whether it is more than plain TCP, and needs a librdkafka with TLS.
    pub fn is_encrypted(&self) -> bool {
        *self != Self::default()
    }

    /// A client of the brokers at `bootstrap_servers`; make it with the context [`Self::identity`].
    pub fn client(&self, bootstrap_servers: &str) -> ClientConfig {
        let mut client = ClientConfig::new();
        client.set("bootstrap.servers", bootstrap_servers);
        if !self.is_encrypted() {
            return client;
        }
        let with_sasl = matches!(self.login, Login::Password { .. } | Login::Iam { .. });
        client.set("security.protocol", if with_sasl { "SASL_SSL" } else { "SSL" });
        match &self.root_certificate {
            Some(pem) => client.set("ssl.ca.pem", pem),
            // An OpenSSL that was built along does not know where this system keeps them.
            None => client.set("ssl.ca.location", "probe"),
        };
        match &self.login {
            Login::None => {}
            Login::Password { mechanism, username, password } => {
                client
                    .set("sasl.mechanisms", mechanism.name())
                    .set("sasl.username", username)
                    .set("sasl.password", password);
            }
            Login::Certificate { certificate, private_key, password } => {
                client.set("ssl.certificate.pem", certificate).set("ssl.key.pem", private_key);
                if let Some(password) = password {
                    client.set("ssl.key.password", password);
                }
            }
            Login::Iam { .. } => {
                client.set("sasl.mechanisms", "OAUTHBEARER");
            }
        }
        client
    }

    /// What makes tokens for a client, where it needs them.
    pub fn identity(&self) -> Identity {
        match &self.login {
            Login::Iam { region, credentials } => {
                Identity { iam: Some((region.clone(), credentials.clone())) }
            }
            Login::None | Login::Password { .. } | Login::Certificate { .. } => Identity::default(),
        }
    }

    /// Lets a client that nobody polls get its token, where it needs one.
    pub(crate) fn settle<C: ConsumerContext>(&self, consumer: &BaseConsumer<C>) {
        if matches!(self.login, Login::Iam { .. }) {
            // Without a subscription no record comes, and an error comes back from the next call.
            for _ in 0..POLLS_MAX {
                if consumer.poll(TOKEN_MAX).is_none() {
                    return;
                }
            }
        }
    }
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let root = self.root_certificate.is_some();
        f.debug_struct("Access").field("login", &self.login).field("root", &root).finish()
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("None"),
            Self::Password { mechanism, username, password: _ } => {
                write!(f, "{} as `{username}`", mechanism.name())
            }
            Self::Certificate { .. } => f.write_str("Certificate"),
            Self::Iam { region, credentials } => write!(f, "IAM as {credentials:?} in {region}"),
        }
    }
}

/// The context of a client that may need tokens, and is otherwise quiet: what goes wrong comes back
/// from its calls.
#[derive(Clone, Debug, Default)]
pub struct Identity {
    iam: Option<(String, IamCredentials)>,
}

impl ClientContext for Identity {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = true;

    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        tracing::debug!(?level, facility, "{message}");
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(%error, reason, "Kafka client error");
    }

    fn generate_oauth_token(&self, _: Option<&str>) -> Result<OAuthToken, Box<dyn Error>> {
        let (region, credentials) = self.iam.as_ref().ok_or(TokenError::NotAsked)?;
        Ok(iam::token(region, credentials, Timestamp::now())?)
    }
}

impl ConsumerContext for Identity {}

#[cfg(test)]
mod tests {
    use super::*;

    fn password(mechanism: Mechanism) -> Access {
        let (username, password) = ("ada".to_owned(), "enchantress".to_owned());
        let login = Login::Password { mechanism, username, password };
        Access { login, root_certificate: None }
    }

    fn certificate(password: Option<&str>) -> Access {
        let login = Login::Certificate {
            certificate: "chain".to_owned(),
            private_key: "enchantress".to_owned(),
            password: password.map(str::to_owned),
        };
        Access { login, root_certificate: Some("root".to_owned()) }
    }

    fn iam() -> Access {
        let credentials = IamCredentials {
            access_key_id: "AKIDEXAMPLE".to_owned(),
            secret_access_key: "enchantress".to_owned(),
            session_token: Some("enchantress".to_owned()),
        };
        let login = Login::Iam { region: "eu-west-1".to_owned(), credentials };
        Access { login, root_certificate: None }
    }

    #[track_caller]
    fn sets(access: &Access, expected: &[(&str, &str)]) {
        let client = access.client("b:1");
        assert_eq!(client.get("bootstrap.servers"), Some("b:1"));
        for (name, value) in expected {
            assert_eq!(client.get(name), Some(*value), "{name}");
        }
        assert_eq!(client.config_map().len(), 1 + expected.len());
    }

    #[test]
    fn plain_tcp_is_the_default() {
        assert!(!Access::default().is_encrypted());
        sets(&Access::default(), &[]);
    }

    #[test]
    fn each_login_is_said_to_librdkafka_in_its_own_words() {
        for (mechanism, name) in [
            (Mechanism::Plain, "PLAIN"),
            (Mechanism::ScramSha256, "SCRAM-SHA-256"),
            (Mechanism::ScramSha512, "SCRAM-SHA-512"),
        ] {
            let expected = [
                ("security.protocol", "SASL_SSL"),
                ("ssl.ca.location", "probe"),
                ("sasl.mechanisms", name),
                ("sasl.username", "ada"),
                ("sasl.password", "enchantress"),
            ];
            sets(&password(mechanism), &expected);
        }
        let mutual = [
            ("security.protocol", "SSL"),
            ("ssl.ca.pem", "root"),
            ("ssl.certificate.pem", "chain"),
            ("ssl.key.pem", "enchantress"),
        ];
        sets(&certificate(None), &mutual);
        let locked = [&mutual[..], &[("ssl.key.password", "sesame")]].concat();
        sets(&certificate(Some("sesame")), &locked);
        let root = Access { root_certificate: Some("root".to_owned()), ..Access::default() };
        sets(&root, &[("security.protocol", "SSL"), ("ssl.ca.pem", "root")]);
        let tokens = [
            ("security.protocol", "SASL_SSL"),
            ("ssl.ca.location", "probe"),
            ("sasl.mechanisms", "OAUTHBEARER"),
        ];
        sets(&iam(), &tokens);
    }

    #[test]
    fn secrets_are_never_shown() {
        for access in [password(Mechanism::Plain), certificate(Some("enchantress")), iam()] {
            assert!(!format!("{:?}", access.identity()).contains("enchantress"), "{access:?}");
            assert!(!format!("{access:?}").contains("enchantress"), "{access:?}");
        }
    }
}
