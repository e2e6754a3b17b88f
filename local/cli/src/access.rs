//! How clients get at a Kafka that is not the stack's own broker: from what the template and
//! `--kafka-access` name to what the file of secrets says. It connects to nothing.

mod secrets;

use std::env;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use poller::{Access, IamCredentials, Identity, Login, Mechanism};
use rdkafka::ClientConfig;
use template::{AccessKind, Mapping, Plan, Source, SourceAccess, Warning};

use self::secrets::Secrets;
use crate::exit::Exit;

/// Where a cluster is that does not say it in its name.
const REGION_DEFAULT: &str = "us-east-1";

/// Why a client cannot get at its Kafka.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// The file of secrets cannot be read.
    #[error("failed to read the secrets in `{}`", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the file system said.
        #[source]
        source: io::Error,
    },
    /// The file of secrets is no JSON; what stands there is not shown.
    #[error("`{}` is not JSON at line {line}, column {column}", path.display())]
    NotJson {
        /// The file.
        path: PathBuf,
        /// From 1.
        line: usize,
        /// From 1.
        column: usize,
    },
    /// The file, or a secret in it, is not an object.
    #[error("{what} in `{}` is not a JSON object", path.display())]
    NotAnObject {
        /// The file.
        path: PathBuf,
        /// `the text`, or which secret.
        what: String,
    },
    /// The file lacks a secret.
    #[error("there is no secret `{secret}` in `{}`", path.display())]
    NoSecret {
        /// The file.
        path: PathBuf,
        /// What was looked for.
        secret: String,
    },
    /// A secret lacks what it is for.
    #[error("secret `{secret}` in `{}` has no text `{field}`", path.display())]
    NoField {
        /// The file.
        path: PathBuf,
        /// The secret.
        secret: String,
        /// What it should have.
        field: &'static str,
    },
    /// A secret is needed, and nobody said where they are.
    #[error("{kind} needs the secret `{secret}`, and there is no file of secrets")]
    NoFile {
        /// As AWS spells it.
        kind: &'static str,
        /// Its name or ARN.
        secret: String,
    },
    /// Only AWS knows which secret is meant.
    #[error("{kind}, line {line} of the template, names no secret that is known here")]
    Unnamed {
        /// As AWS spells it.
        kind: &'static str,
        /// The line in the template.
        line: usize,
    },
    /// Both would prove who we are.
    #[error("{one} and {other} exclude each other")]
    Both {
        /// As AWS spells it.
        one: &'static str,
        /// The same.
        other: &'static str,
    },
    /// IAM without an AWS user.
    #[error("IAM_AUTH needs the variable `{variable}`")]
    NoCredentials {
        /// The variable.
        variable: &'static str,
    },
    /// This program was built without TLS.
    #[error("this `millrace` was built without TLS, which {kind} needs")]
    NoTls {
        /// As AWS spells it.
        kind: &'static str,
    },
}

impl AccessError {
    /// The exit code that fits.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::NoTls { .. } => Exit::Unavailable,
            _ => Exit::Configuration,
        }
    }

    /// What the person can do about it, in one line.
    pub(crate) fn hint(&self) -> Option<&'static str> {
        match self {
            Self::NoTls { .. } => Some(
                "build it with the cargo feature `tls`: `cargo local-tls` in place of `cargo local`",
            ),
            Self::NoFile { .. } => Some("--secrets names it"),
            Self::NotAnObject { .. } | Self::NoSecret { .. } | Self::NoField { .. } => Some(
                r#"it maps names or ARNs to secrets: {"my-secret": {"username": "…", "password": "…"}}"#,
            ),
            Self::NoCredentials { .. } => {
                Some("`eval \"$(aws configure export-credentials --format env)\"` sets it")
            }
            _ => None,
        }
    }
}

/// A way to get at Kafka as `--kafka-access` has it: `TYPE=SECRET`, or `IAM_AUTH`.
pub(crate) fn parse(text: &str) -> Result<SourceAccess, String> {
    let (name, secret) = match text.split_once('=') {
        Some((name, secret)) if !secret.is_empty() => (name, Some(secret.to_owned())),
        _ => (text.trim_end_matches('='), None),
    };
    let kind = AccessKind::named(name).ok_or_else(|| {
        let known = AccessKind::ALL.map(|(name, _)| name).join(", ");
        format!("`{name}` is none of {known}")
    })?;
    match (kind, &secret) {
        (AccessKind::Iam, Some(_)) => Err("IAM_AUTH has no secret".to_owned()),
        (AccessKind::Iam, None) | (_, Some(_)) => Ok(SourceAccess { kind, secret, line: 0 }),
        (_, None) => Err(format!("expected {name}=SECRET, the name of a secret")),
    }
}

/// What [`parse`] reads.
pub(crate) fn text(way: &SourceAccess) -> String {
    let name = way.kind.name();
    way.secret.as_ref().map_or_else(|| name.to_owned(), |secret| format!("{name}={secret}"))
}

/// What a client of a stack's Kafka is made from.
#[derive(Clone)]
pub struct KafkaClient {
    /// Its settings so far. They hold secrets.
    pub config: ClientConfig,
    /// Its context, or what that asks for tokens.
    pub identity: Identity,
}

impl fmt::Debug for KafkaClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KafkaClient").field("identity", &self.identity).finish_non_exhaustive()
    }
}

/// What there is to get at Kafka with.
#[derive(Clone, Debug, Default)]
pub(crate) struct Keys {
    /// Whether the stack's own Kafka is the embedded broker, which asks nobody who they are.
    embedded: bool,
    own: Access,
    secrets: Option<Secrets>,
}

impl Keys {
    /// Those for the embedded broker, or for the Kafka at `elsewhere` with these `ways` to it.
    pub(crate) fn open(
        secrets: Option<&Path>,
        elsewhere: Option<&str>,
        ways: &[SourceAccess],
    ) -> Result<Self, AccessError> {
        let secrets = secrets.map(Secrets::read).transpose()?;
        let own = access(ways, secrets.as_ref(), elsewhere.unwrap_or_default())?;
        Ok(Self { embedded: elsewhere.is_none(), own, secrets })
    }

    /// How to get at the stack's own Kafka.
    pub(crate) fn own(&self) -> &Access {
        &self.own
    }

    /// How a mapping gets at its cluster; `kafka` is the stack's own. Without a file of secrets it
    /// gets there as before there were any.
    pub(crate) fn of(&self, mapping: &Mapping, kafka: &str) -> Result<Access, AccessError> {
        let own = reads_own(mapping, kafka);
        if own && (self.embedded || mapping.access.is_empty()) {
            return Ok(self.own.clone());
        }
        if self.lacks_secrets(&mapping.access) {
            return Ok(if own { self.own.clone() } else { Access::default() });
        }
        let servers = servers(mapping, kafka);
        let mut found = access(&mapping.access, self.secrets.as_ref(), &servers)?;
        if own && found.root_certificate.is_none() {
            found.root_certificate.clone_from(&self.own.root_certificate);
        }
        Ok(found)
    }

    /// What is surprising about the ways that a template's mappings have.
    pub(crate) fn warnings(&self, plan: &Plan, kafka: &str) -> Vec<Warning> {
        let with_ways = plan.mappings.iter().filter_map(|mapping| {
            let line = mapping.access.first()?.line;
            let message = if self.embedded && reads_own(mapping, kafka) {
                "has no effect here: the embedded broker asks nobody who they are"
            } else if self.lacks_secrets(&mapping.access) {
                "has no effect without `--secrets`: the mapping reads Kafka without authentication"
            } else {
                return None;
            };
            Some(Warning { line, message: message.to_owned() })
        });
        with_ways.collect()
    }

    fn lacks_secrets(&self, ways: &[SourceAccess]) -> bool {
        self.secrets.is_none() && ways.iter().any(|way| way.kind != AccessKind::Iam)
    }
}

/// Whether a mapping reads the stack's own Kafka; a self-managed one may be that, too.
fn reads_own(mapping: &Mapping, kafka: &str) -> bool {
    servers(mapping, kafka) == kafka
}

/// The brokers that a mapping begins with.
pub(crate) fn servers(mapping: &Mapping, kafka: &str) -> String {
    match &mapping.source {
        Source::Msk { .. } => kafka.to_owned(),
        Source::SelfManaged { bootstrap_servers } => bootstrap_servers.join(","),
    }
}

fn access(
    ways: &[SourceAccess],
    secrets: Option<&Secrets>,
    servers: &str,
) -> Result<Access, AccessError> {
    let mut access = Access::default();
    let mut proof = None;
    for way in ways {
        let kind = way.kind.name();
        if !cfg!(feature = "tls") {
            return Err(AccessError::NoTls { kind });
        }
        if way.kind == AccessKind::RootCertificate {
            access.root_certificate = Some(secret(way, secrets)?.text("certificate")?);
            continue;
        }
        if let Some(one) = proof.replace(kind) {
            return Err(AccessError::Both { one, other: kind });
        }
        access.login = login(way, secrets, servers)?;
    }
    Ok(access)
}

fn login(
    way: &SourceAccess,
    secrets: Option<&Secrets>,
    servers: &str,
) -> Result<Login, AccessError> {
    let mechanism = match way.kind {
        AccessKind::Basic => Mechanism::Plain,
        AccessKind::Scram256 => Mechanism::ScramSha256,
        AccessKind::Scram512 => Mechanism::ScramSha512,
        AccessKind::ClientCertificate => {
            let secret = secret(way, secrets)?;
            return Ok(Login::Certificate {
                certificate: secret.text("certificate")?,
                private_key: secret.text("privateKey")?,
                password: secret.text("privateKeyPassword").ok(),
            });
        }
        AccessKind::Iam => {
            let region = region(servers).map(str::to_owned).or_else(|| variable("AWS_REGION"));
            let region = region.unwrap_or_else(|| REGION_DEFAULT.to_owned());
            return Ok(Login::Iam { region, credentials: credentials()? });
        }
        AccessKind::RootCertificate => return Ok(Login::None),
    };
    let secret = secret(way, secrets)?;
    let (username, password) = (secret.text("username")?, secret.text("password")?);
    Ok(Login::Password { mechanism, username, password })
}

fn secret<'s>(
    way: &'s SourceAccess,
    secrets: Option<&'s Secrets>,
) -> Result<secrets::Secret<'s>, AccessError> {
    let kind = way.kind.name();
    let name = way.secret.as_deref().ok_or(AccessError::Unnamed { kind, line: way.line })?;
    let no_file = || AccessError::NoFile { kind, secret: name.to_owned() };
    secrets.ok_or_else(no_file)?.find(name)
}

/// The region in the name of an MSK broker: `b-1.demo.x1.c2.kafka.eu-west-1.amazonaws.com:9098`.
fn region(servers: &str) -> Option<&str> {
    let first = servers.split(',').next()?;
    let (host, _port) = first.rsplit_once(':')?;
    host.strip_suffix(".amazonaws.com")?.rsplit('.').next()
}

fn credentials() -> Result<IamCredentials, AccessError> {
    let needed =
        |name: &'static str| variable(name).ok_or(AccessError::NoCredentials { variable: name });
    Ok(IamCredentials {
        access_key_id: needed("AWS_ACCESS_KEY_ID")?,
        secret_access_key: needed("AWS_SECRET_ACCESS_KEY")?,
        session_token: variable("AWS_SESSION_TOKEN"),
    })
}

#[expect(clippy::disallowed_methods, reason = "AWS's own variables, as its tools set them")]
fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests;
