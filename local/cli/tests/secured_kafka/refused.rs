//! Mappings that the same Kafka refuses, and what each says of it, in AWS's words.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::kafka::{Kafka, OTHER_USER, PASSWORD};
use crate::project::Project;
use crate::{FUNCTION, PATIENCE, function};

/// Each function of a mapping that is refused, with the reason and the last result that it tells.
const REFUSED: [(&str, &str, &str); 5] = [
    ("Misspelt", "EVENT_SOURCE_AUTHN_ERROR", "PROBLEM: SASL authentication failed."),
    ("Misled", "EVENT_SOURCE_AUTHN_ERROR", "PROBLEM: Lambda failed to authenticate server."),
    ("Nameless", "EVENT_SOURCE_AUTHN_ERROR", "PROBLEM: Server failed to authenticate Lambda."),
    ("Stranger", "EVENT_SOURCE_AUTHN_ERROR", "PROBLEM: Server failed to authenticate Lambda."),
    (FORBIDDEN, "EVENT_SOURCE_AUTHZ_ERROR", "PROBLEM: Cluster failed to authorize Lambda."),
];

/// The one that may not read the topic.
const FORBIDDEN: &str = "Forbidden";

/// Whether the mapping of this function is one of those.
pub(crate) fn is_refused(function: &str) -> bool {
    REFUSED.iter().any(|(refused, _, _)| *refused == function)
}

pub(crate) fn template(kafka: &Kafka) -> String {
    let (sasl, mutual) = (&kafka.sasl, &kafka.mutual);
    let nothing = "{Type: VPC_SUBNET, URI: 'subnet:x'}";
    let misled = FUNCTION.replace("URI: ca}", "URI: other-ca}");
    [
        function(FUNCTION, "Misspelt", sasl, "{Type: SASL_SCRAM_256_AUTH, URI: misspelt}"),
        function(&misled, "Misled", sasl, "{Type: SASL_SCRAM_256_AUTH, URI: user}"),
        function(FUNCTION, "Nameless", mutual, nothing),
        function(FUNCTION, "Stranger", mutual, "{Type: CLIENT_CERTIFICATE_TLS_AUTH, URI: other}"),
        function(FUNCTION, FORBIDDEN, sasl, "{Type: SASL_SCRAM_256_AUTH, URI: other-user}"),
    ]
    .concat()
}

/// Adds what these mappings name to the secrets.
pub(crate) fn add_secrets(kafka: &Kafka, secrets: &mut Value) {
    let user = |name: &str, password: &str| json!({ "username": name, "password": password });
    let (certificate, key) = (kafka.pem("other.pem"), kafka.pem("other.key"));
    secrets["misspelt"] = user("ada", "misspelt");
    secrets["other-user"] = user(OTHER_USER, PASSWORD);
    secrets["other-ca"] = json!({ "certificate": certificate });
    secrets["other"] = json!({ "certificate": certificate, "privateKey": key });
}

/// Waits until each of them says why it is refused, and, once one may read, that it has read.
pub(crate) async fn are_told(kafka: &Kafka, project: &Project) {
    for (function, reason, result) in REFUSED {
        until_says(project, function, reason, result).await;
    }
    kafka.let_other_user_read();
    until_says(project, FORBIDDEN, "User action", "OK").await;
}

async fn until_says(project: &Project, function: &str, reason: &str, result: &str) {
    let give_up = Instant::now() + PATIENCE;
    loop {
        let output = project.run(&["mapping", "list", "--json"]);
        let told: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let mappings = told["mappings"].as_array().expect("mappings");
        let of_function = |mapping: &&Value| mapping["function"] == function;
        let mapping = mappings.iter().find(of_function).expect("it is in the template");
        assert_eq!(mapping["state"], "Enabled");
        let found = (&mapping["state_transition_reason"], &mapping["last_processing_result"]);
        if found == (&json!(reason), &json!(result)) {
            return;
        }
        assert!(Instant::now() < give_up, "{mapping:#}");
        sleep(Duration::from_millis(200)).await;
    }
}
