//! Which Kafka cluster the stack uses, and what must be done to one that runs already: ask for its
//! id, create the topics that it lacks.

use std::error::Error;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use poller::{Access, Identity, Login};
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::{ClientContext, OAuthToken};
use rdkafka::config::{FromClientConfigAndContext as _, RDKafkaLogLevel};
use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use template::Topic;
use tokio::net::TcpStream;
use uuid::Uuid;

/// How long a Kafka that should run already may take to answer.
const KAFKA_TIMEOUT: Duration = Duration::from_secs(5);

/// How long one question for the id waits; many make up the above.
const ASK_STEP: Duration = Duration::from_millis(125);

/// How long it may take to create the topics.
const CREATE_TIMEOUT: Duration = Duration::from_secs(30);

/// Why a Kafka given by `--kafka` cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// No Kafka answers there.
    #[error("no Kafka answers at `{bootstrap}`{detail}")]
    Absent {
        /// What `--kafka` gave.
        bootstrap: String,
        /// `: connection refused`, where the system said so.
        detail: String,
    },
    /// A Kafka is there, and refuses.
    #[error("the Kafka at `{bootstrap}` does not let us in: {reason}")]
    Refuses {
        /// What `--kafka` gave.
        bootstrap: String,
        /// What librdkafka said.
        reason: String,
    },
    /// The client could not be made, or the whole call failed.
    #[error("failed to prepare the topics at `{bootstrap}`")]
    Client {
        /// What `--kafka` gave.
        bootstrap: String,
        /// What librdkafka said.
        #[source]
        source: KafkaError,
    },
    /// The cluster refused to create a topic.
    #[error("failed to create topic `{topic}` at `{bootstrap}`: {code}")]
    Topic {
        /// What `--kafka` gave.
        bootstrap: String,
        /// The topic.
        topic: String,
        /// Kafka's reason.
        code: RDKafkaErrorCode,
    },
}

/// The id of the cluster at `bootstrap`.
pub(crate) async fn id_of(bootstrap: &str, access: &Access) -> Result<String, ClusterError> {
    let absent = |detail: String| ClusterError::Absent { bootstrap: bootstrap.to_owned(), detail };
    // A refused connection is told at once; librdkafka would go on trying.
    match tokio::time::timeout(KAFKA_TIMEOUT, TcpStream::connect(bootstrap)).await {
        Ok(Ok(_stream)) => {}
        Ok(Err(error)) => return Err(absent(format!(": {error}"))),
        Err(_elapsed) => return Err(absent(String::new())),
    }
    let (refusals, reasons) = sync_channel(1);
    let witness = Witness { identity: access.identity(), refusals };
    let client = access.client(bootstrap);
    let client = BaseConsumer::from_config_and_context(&client, witness)
        .map_err(|source| ClusterError::Client { bootstrap: bootstrap.to_owned(), source })?;
    let id = tokio::task::spawn_blocking(move || ask_id(&client));
    let id = id.await.ok().flatten().filter(|id| !id.is_empty());
    id.ok_or_else(|| match reasons.try_recv() {
        Ok(reason) => ClusterError::Refuses { bootstrap: bootstrap.to_owned(), reason },
        Err(_none) => absent(String::new()),
    })
}

/// Creates the topics that are not there; those that are stay as they are.
pub(crate) async fn create_topics(
    bootstrap: &str,
    topics: &[Topic],
    access: &Access,
) -> Result<(), ClusterError> {
    if topics.is_empty() {
        return Ok(());
    }
    if matches!(access.login, Login::Iam { .. }) {
        tracing::warn!("With IAM_AUTH topics are not created: they must exist already");
        return Ok(());
    }
    let new = topics.iter().map(|topic| {
        let partitions = topic.partitions;
        // -1: the cluster's own default, which fits its number of brokers.
        let new = NewTopic::new(&topic.name, partitions, TopicReplication::Fixed(-1));
        topic.configs.iter().fold(new, |new, (key, value)| new.set(key, value))
    });
    let new: Vec<_> = new.collect();
    let options = AdminOptions::new().operation_timeout(Some(CREATE_TIMEOUT));
    let client: AdminClient<Identity> =
        AdminClient::from_config_and_context(&access.client(bootstrap), access.identity())
            .map_err(|source| ClusterError::Client { bootstrap: bootstrap.to_owned(), source })?;
    let created = client
        .create_topics(&new, &options)
        .await
        .map_err(|source| ClusterError::Client { bootstrap: bootstrap.to_owned(), source })?;
    for outcome in created {
        match outcome {
            Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
            Err((topic, code)) => {
                return Err(ClusterError::Topic { bootstrap: bootstrap.to_owned(), topic, code });
            }
        }
    }
    Ok(())
}

/// Asks again and again, and lets the client get its token and tell its errors in between.
fn ask_id(client: &BaseConsumer<Witness>) -> Option<String> {
    let steps = KAFKA_TIMEOUT.as_millis() / (2 * ASK_STEP.as_millis());
    (0..steps).find_map(|_| {
        let id = client.client().fetch_cluster_id(ASK_STEP);
        if id.is_none() {
            drop(client.poll(ASK_STEP));
        }
        id
    })
}

/// Keeps the first reason for which a Kafka does not let us in.
struct Witness {
    identity: Identity,
    refusals: SyncSender<String>,
}

impl ClientContext for Witness {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = Identity::ENABLE_REFRESH_OAUTH_TOKEN;

    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        self.identity.log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        let code = error.rdkafka_error_code();
        let refused =
            matches!(code, Some(RDKafkaErrorCode::Authentication | RDKafkaErrorCode::SSL));
        // What an encrypted listener looks like to a client that does not encrypt.
        if refused || reason.contains("security.protocol") {
            // The first one is enough.
            self.refusals.try_send(reason.to_owned()).ok();
        }
        self.identity.error(error, reason);
    }

    fn generate_oauth_token(&self, config: Option<&str>) -> Result<OAuthToken, Box<dyn Error>> {
        self.identity.generate_oauth_token(config)
    }
}

impl ConsumerContext for Witness {}

/// The ARN under which mappings know the cluster. MSK's ends in the cluster's UUID and a number;
/// Kafka's own ids are UUIDs in base64.
pub(crate) fn arn(region: &str, account: &str, cluster_id: &str) -> String {
    let bytes = URL_SAFE_NO_PAD.decode(cluster_id).ok();
    let uuid = bytes
        .and_then(|bytes| Uuid::from_slice(&bytes).ok())
        .unwrap_or_else(|| Uuid::new_v5(&Uuid::NAMESPACE_OID, cluster_id.as_bytes()));
    format!("arn:aws:kafka:{region}:{account}:cluster/local/{uuid}-1")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arn_holds_kafkas_id_as_a_uuid() {
        assert_eq!(
            arn("us-east-1", "000000000000", "AAECAwQFBgcICQoLDA0ODw"),
            "arn:aws:kafka:us-east-1:000000000000:cluster/local/\
             00010203-0405-0607-0809-0a0b0c0d0e0f-1"
        );
    }

    #[test]
    fn an_id_of_another_form_makes_an_arn_of_its_own() {
        let arns = ["my-cluster", "my-cluster-2"].map(|id| arn("us-east-1", "000000000000", id));
        assert_ne!(arns[0], arns[1]);
        assert_eq!(arns[0], arn("us-east-1", "000000000000", "my-cluster"));
    }

    #[tokio::test]
    async fn where_nothing_listens_the_address_is_named() {
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let bootstrap = listener.local_addr().unwrap().to_string();
        drop(listener);
        let error = id_of(&bootstrap, &Access::default()).await.unwrap_err();
        assert!(
            error.to_string().starts_with(&format!("no Kafka answers at `{bootstrap}`: ")),
            "{error}"
        );
    }
}
