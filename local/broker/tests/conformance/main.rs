//! One script of calls, carried out by every client library against a real Kafka and against this
//! broker, and one set of requests in every version: what comes back must be the same.
//!
//! `docs/conformance.md` is made from it and must say what a run finds; with `CONFORMANCE_WRITE` the
//! run writes it. With `KAFKA_VERSION` the other side is another Kafka, and a document of its own says
//! how its answers differ from what is written there. `CONFORMANCE_ONLY="java-3.9 requests"` runs only those. It needs Java, Maven and
//! Python, so it is no part of `cargo test`: `.ci/conformance` runs it.

#[expect(dead_code, reason = "the tools' tests need more of it")]
#[path = "../peers/clusters.rs"]
mod clusters;
mod drivers;
#[path = "../peers/normal.rs"]
mod normal;
mod problem;
mod requests;
mod script;
mod table;

use std::path::Path;

use futures_util::stream::{self, StreamExt as _};

use crate::clusters::{Clusters, clusters};
use crate::drivers::{CLIENTS, Client};
use crate::problem::Problem;
use crate::requests::Compared;
use crate::script::Script;
use crate::table::Column;

#[test]
#[expect(clippy::disallowed_methods, reason = "a test has no command line of its own")]
fn clients_and_requests_are_answered_as_by_a_real_kafka() {
    let chosen = std::env::var("CONFORMANCE_ONLY").unwrap_or_default();
    let chosen: Vec<&str> = chosen.split_whitespace().collect();
    let is_chosen = |name: &str| chosen.is_empty() || chosen.contains(&name);
    let script = Script::read();
    let clusters = clusters();
    let clients: Vec<&Client> = CLIENTS.iter().filter(|client| is_chosen(client.name)).collect();
    let columns = clusters.runtime.block_on(run_all(&script, &clients, clusters));
    let compared = if is_chosen("requests") {
        clusters.runtime.block_on(requests::compare(clusters))
    } else {
        Compared::default()
    };
    let mut wrong: Vec<Problem> = compared.rows.iter().filter_map(requests::Row::problem).collect();
    wrong.extend(columns.iter().flat_map(|column| column.problems(&script)));
    if let Ok(version) = std::env::var("KAFKA_VERSION") {
        keep(&format!("conformance-{version}.md"), &table::others(&version, &columns, &wrong));
        return;
    }
    let told: Vec<&str> = wrong.iter().map(|problem| problem.told.as_str()).collect();
    assert!(told.is_empty(), "{} answers differ:\n\n{}", told.len(), told.join("\n\n"));
    if chosen.is_empty() {
        keep("conformance.md", &table::render(&script, &columns, &compared));
    }
}

/// Clients that work at a time: more wait for the processor longer than for an answer.
const AT_A_TIME: usize = 2;

/// All clients, each on topics of its own on both clusters.
async fn run_all(script: &Script, clients: &[&Client], clusters: &Clusters) -> Vec<Column> {
    let columns = clients.iter().map(async |client| {
        let (real, ours) = tokio::join!(
            client.answers(script, &clusters.real),
            client.answers(script, &clusters.ours)
        );
        Column { title: client.title, real, ours }
    });
    stream::iter(columns).buffered(AT_A_TIME).collect().await
}

/// Writes the document, or compares it with the one that is there.
fn keep(name: &str, document: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(name);
    if std::env::var_os("CONFORMANCE_WRITE").is_some() {
        std::fs::write(&path, document).expect("docs can be written");
        return;
    }
    let written = std::fs::read_to_string(&path).expect("there is a document");
    assert_eq!(written, document, "docs/{name} is not what this run found");
}
